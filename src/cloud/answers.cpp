#include "cloud/answers.hpp"

#include "cloud/token.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <spdlog/fmt/fmt.h>

namespace switchyard::cloud {
namespace json = boost::json;

namespace {

/// The longest time-out that is believed, seconds.
constexpr std::int64_t kMost = 24 * 3600;

/// Null when the body is no JSON object.
json::value body_of(const HttpAnswer& answer) {
    boost::system::error_code failed;
    json::value value = json::parse(answer.body, failed);
    if (failed || !value.is_object()) return nullptr;
    return value;
}

const json::value* find(const json::value& from, std::string_view key) {
    return from.is_object() ? from.get_object().if_contains(key) : nullptr;
}

std::string text(const json::value& from, std::string_view key) {
    const json::value* found = find(from, key);
    return found != nullptr && found->is_string() ? std::string(found->get_string())
                                                  : std::string();
}

std::optional<std::uint64_t> id_of(const json::value& from) {
    const json::value* id = find(from, "id");
    if (id == nullptr) return std::nullopt;
    if (id->is_uint64()) return id->get_uint64();
    if (id->is_int64() && id->get_int64() > 0) return static_cast<std::uint64_t>(id->get_int64());
    return std::nullopt;
}

std::string region_of(const json::value& from) {
    const json::value* region = find(from, "region");
    return region != nullptr ? text(*region, "slug") : std::string();
}

Failure malformed(const HttpAnswer& answer, std::string_view wanted, std::string_view token) {
    Failure failure;
    failure.kind = Failure::Kind::malformed;
    failure.status = answer.status;
    failure.message = fmt::format("the API answered {} without {}: {}", answer.status, wanted,
                                  harmless(answer.body, token).substr(0, 100));
    return failure;
}

std::optional<std::int64_t> number_in(const HttpAnswer& answer, std::string_view name) {
    const auto value = answer.field(name);
    if (!value) return std::nullopt;
    std::int64_t number = 0;
    const char* end = value->data() + value->size();
    const auto result = std::from_chars(value->data(), end, number);
    if (result.ec != std::errc() || result.ptr != end || number < 0) return std::nullopt;
    return number;
}

/// When a 429 wants to be asked again: retry-after (seconds), else ratelimit-reset (Unix seconds).
std::optional<std::chrono::milliseconds> retry_after(const HttpAnswer& answer,
                                                     std::chrono::system_clock::time_point now) {
    const auto seconds = [](std::int64_t count) {
        return std::chrono::milliseconds(std::chrono::seconds(std::min(count, kMost)));
    };
    if (const auto after = number_in(answer, "retry-after")) return seconds(*after);
    const auto reset = number_in(answer, "ratelimit-reset");
    if (!reset) return std::nullopt;
    const std::int64_t today =
        std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    return seconds(*reset > today ? *reset - today : 0);
}

Failure::Kind kind_of(unsigned status, const std::string& message) {
    using Kind = Failure::Kind;
    if (status == 401) return Kind::unauthorized;
    if (status == 403) return Kind::forbidden;
    if (status == 404) return Kind::not_found;
    if (status == 429) return Kind::rate_limited;
    if (status == 408) return Kind::network;
    if (status == 422) {
        return message.find("pending") != std::string::npos ? Kind::pending : Kind::rejected;
    }
    if (status >= 500) return Kind::server;
    return status >= 300 ? Kind::rejected : Kind::malformed;
}

std::string_view advice(Failure::Kind kind) {
    switch (kind) {
        case Failure::Kind::unauthorized:
            return " (is the token right, and not expired?)";
        case Failure::Kind::forbidden:
            return " (the token lacks a scope: reserved_ip:read, reserved_ip:update, actions:read "
                   "and droplet:read are needed)";
        case Failure::Kind::not_found:
            return " (is the reserved IP of this account, and are the droplet_ids right?)";
        default:
            return "";
    }
}

bool succeeded(const HttpAnswer& answer) {
    return answer.status >= 200 && answer.status < 300;
}

ActionStatus status_of(std::string_view word) {
    if (word == "in-progress" || word == "new") return ActionStatus::in_progress;
    if (word == "completed" || word == "done") return ActionStatus::completed;
    if (word == "errored") return ActionStatus::errored;
    return ActionStatus::unknown;
}

}  // namespace

Failure failure_of(const HttpAnswer& answer, std::string_view token,
                   std::chrono::system_clock::time_point now) {
    const json::value body = body_of(answer);
    std::string said = text(body, "message");
    Failure failure;
    failure.status = answer.status;
    failure.kind = kind_of(answer.status, said);
    const std::string id = text(body, "id");
    if (said.empty()) said = body.is_null() ? "not JSON" : "no message";
    failure.message =
        fmt::format("the API answered {}{}{}: {}{}", answer.status, id.empty() ? "" : " ",
                    harmless(id, token), harmless(said, token), advice(failure.kind));
    if (failure.kind == Failure::Kind::rate_limited) {
        failure.retry_after = retry_after(answer, now);
    }
    return failure;
}

Answer<IpView> ip_of(const HttpAnswer& answer, std::string_view token) {
    if (!succeeded(answer)) {
        return failure_of(answer, token, std::chrono::system_clock::now());
    }
    const json::value body = body_of(answer);
    const json::value* ip = nullptr;
    for (const char* key : {"reserved_ip", "floating_ip", "reserved_ipv6"}) {
        if (ip == nullptr) ip = find(body, key);
    }
    if (ip == nullptr || !ip->is_object()) return malformed(answer, "a reserved IP", token);
    IpView view;
    view.region = harmless(region_of(*ip), token);
    const json::value* locked = find(*ip, "locked");
    view.locked = locked != nullptr && locked->is_bool() && locked->get_bool();
    const json::value* droplet = find(*ip, "droplet");
    if (droplet == nullptr) {
        view.holder_shown = false;
    } else if (droplet->is_object()) {
        view.droplet = id_of(*droplet);
        // An empty object hides the holder as well; anything else is no answer.
        if (!view.droplet) view.holder_shown = false;
    } else if (!droplet->is_null()) {
        return malformed(answer, "a droplet that is an object or null", token);
    }
    return view;
}

Answer<ActionView> action_of(const HttpAnswer& answer, std::string_view token) {
    if (!succeeded(answer)) {
        return failure_of(answer, token, std::chrono::system_clock::now());
    }
    const json::value body = body_of(answer);
    const json::value* action = find(body, "action");
    if (action == nullptr) return malformed(answer, "an action", token);
    const auto id = id_of(*action);
    if (!id) return malformed(answer, "the action's id", token);
    ActionView view;
    view.id = *id;
    view.word = harmless(text(*action, "status"), token);
    view.status = status_of(view.word);
    return view;
}

Answer<DropletView> droplet_of(const HttpAnswer& answer, std::string_view token) {
    if (!succeeded(answer)) {
        return failure_of(answer, token, std::chrono::system_clock::now());
    }
    const json::value body = body_of(answer);
    const json::value* droplet = find(body, "droplet");
    const auto id = droplet != nullptr ? id_of(*droplet) : std::nullopt;
    if (!id) return malformed(answer, "a droplet", token);
    return DropletView{*id, harmless(region_of(*droplet), token)};
}

}  // namespace switchyard::cloud
