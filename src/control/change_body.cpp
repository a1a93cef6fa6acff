#include "control/change_body.hpp"

#include <boost/json/parse.hpp>
#include <spdlog/fmt/fmt.h>

namespace switchyard::control {

namespace json = boost::json;

namespace {

constexpr std::int64_t kLongestDrainMs = 86'400'000;

std::variant<json::object, Refusal> parse_object(std::string_view body) {
    if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return json::object();
    boost::system::error_code failed;
    json::value value = json::parse(json::string_view(body.data(), body.size()), failed);
    if (failed) return bad_request(fmt::format("The body is not JSON: {}.", failed.message()));
    if (!value.is_object()) return bad_request("The body must be a JSON object.");
    return std::move(value.get_object());
}

/// A whole number of at least 0; std::nullopt: something else.
std::optional<std::uint64_t> whole_number(const json::value& value) {
    if (value.is_uint64()) return value.get_uint64();
    if (value.is_int64() && value.get_int64() >= 0) {
        return static_cast<std::uint64_t>(value.get_int64());
    }
    return std::nullopt;
}

Refusal wrong(std::string_view key, std::string_view wanted) {
    return bad_request(fmt::format("{} must be {}.", key, wanted), key);
}

/// Takes one key into the request.
std::optional<Refusal> take(ChangeRequest& request, std::string_view key,
                            const json::value& value) {
    const auto flag = [&](bool& place) -> std::optional<Refusal> {
        if (!value.is_bool()) return wrong(key, "true or false");
        place = value.get_bool();
        return std::nullopt;
    };
    if (key == "force") return flag(request.force);
    if (key == "plan") return flag(request.plan);
    if (key == "wait") return flag(request.wait);
    if (key == "if_epoch") {
        request.if_epoch = whole_number(value);
        if (!request.if_epoch) return wrong(key, "a whole number");
        return std::nullopt;
    }
    if (key == "drain_timeout_ms") {
        const auto number = whole_number(value);
        if (!number || *number > kLongestDrainMs) {
            return wrong(key, fmt::format("a whole number from 0 to {}", kLongestDrainMs));
        }
        request.drain_timeout = std::chrono::milliseconds(static_cast<std::int64_t>(*number));
        return std::nullopt;
    }
    if (key == "to" && !request.rollback) {
        if (value.is_string()) request.to = parse_colour(std::string_view(value.get_string()));
        if (!request.to) return wrong(key, "\"blue\" or \"green\"");
        return std::nullopt;
    }
    return bad_request(fmt::format("There is no key \"{}\" here.", key), key);
}

}  // namespace

std::variant<ChangeRequest, Refusal> parse_change(std::string_view body, bool rollback) {
    auto parsed = parse_object(body);
    if (auto* refusal = std::get_if<Refusal>(&parsed)) return std::move(*refusal);
    ChangeRequest request;
    request.rollback = rollback;
    for (const auto& field : std::get<json::object>(parsed)) {
        auto refusal = take(request, field.key(), field.value());
        if (refusal) return std::move(*refusal);
    }
    return request;
}

std::optional<Refusal> check_empty(std::string_view body) {
    auto parsed = parse_object(body);
    if (auto* refusal = std::get_if<Refusal>(&parsed)) return std::move(*refusal);
    const json::object& object = std::get<json::object>(parsed);
    if (object.empty()) return std::nullopt;
    const std::string_view key = object.begin()->key();
    return bad_request(fmt::format("There is no key \"{}\" here.", key), key);
}

}  // namespace switchyard::control
