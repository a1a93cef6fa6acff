#include "control/hold_body.hpp"

#include "control/body.hpp"

#include <algorithm>

namespace switchyard::control {

namespace json = boost::json;

namespace {

constexpr std::size_t kLongestMessage = 1'000;
/// Shorter than the silence that the command line bears.
constexpr std::chrono::milliseconds kLongestIdleWait{40'000};
constexpr std::uint64_t kLongestRetryS = 86'400;

/// Lines of text; nothing that could steer a screen.
bool good_message(std::string_view text) {
    return text.size() <= kLongestMessage && std::none_of(text.begin(), text.end(), [](char c) {
               return c != '\n' && (static_cast<unsigned char>(c) < 0x20 || c == 0x7f);
           });
}

std::optional<Refusal> take(HoldRequest& request, std::string_view key, const json::value& value) {
    if (key == "wait") {
        if (!value.is_bool()) return wrong_value(key, "true or false");
        request.wait = value.get_bool();
        return std::nullopt;
    }
    if (key == "max_ms") {
        request.max = hold_time(value);
        if (!request.max) return wrong_hold_time(key);
        return std::nullopt;
    }
    if (key == "idle_wait_ms") {
        const auto time = hold_time(value);
        if (!time || *time > kLongestIdleWait) {
            return wrong_value(key, "a whole number from 1 to 40000");
        }
        request.idle_wait = *time;
        return std::nullopt;
    }
    return unknown_key(key);
}

std::optional<Refusal> take(MaintenanceRequest& request, std::string_view key,
                            const json::value& value) {
    if (key == "on") {
        if (!value.is_bool()) return wrong_value(key, "true or false");
        request.on = value.get_bool();
        return std::nullopt;
    }
    if (key == "message") {
        if (!value.is_string() || !good_message(value.get_string())) {
            return wrong_value(key,
                               "a string of at most 1000 bytes without control characters other "
                               "than new lines");
        }
        request.message = std::string(value.get_string());
        return std::nullopt;
    }
    if (key == "retry_after_s") {
        const auto number = whole_number(value);
        if (!number || *number == 0 || *number > kLongestRetryS) {
            return wrong_value(key, "a whole number from 1 to 86400");
        }
        request.retry_after_s = *number;
        return std::nullopt;
    }
    return unknown_key(key);
}

template <class Request>
std::variant<Request, Refusal> parse(std::string_view body) {
    auto parsed = parse_object(body);
    if (auto* refusal = std::get_if<Refusal>(&parsed)) return std::move(*refusal);
    Request request;
    for (const auto& field : std::get<json::object>(parsed)) {
        auto refusal = take(request, field.key(), field.value());
        if (refusal) return std::move(*refusal);
    }
    return request;
}

}  // namespace

std::variant<HoldRequest, Refusal> parse_hold(std::string_view body) {
    return parse<HoldRequest>(body);
}

std::variant<MaintenanceRequest, Refusal> parse_maintenance(std::string_view body) {
    auto parsed = parse<MaintenanceRequest>(body);
    if (const auto* request = std::get_if<MaintenanceRequest>(&parsed)) {
        const auto given = parse_object(body);
        if (!std::get<json::object>(given).contains("on")) {
            return bad_request("on must be true or false.", "on");
        }
        if (!request->on && (!request->message.empty() || request->retry_after_s != 0)) {
            return bad_request("message and retry_after_s have a meaning only with on: true.");
        }
    }
    return parsed;
}

}  // namespace switchyard::control
