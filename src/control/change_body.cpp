#include "control/change_body.hpp"

#include "control/body.hpp"

namespace switchyard::control {

namespace json = boost::json;

namespace {

/// Takes one key into the request.
std::optional<Refusal> take(ChangeRequest& request, std::string_view key,
                            const json::value& value) {
    const auto flag = [&](bool& place) -> std::optional<Refusal> {
        if (!value.is_bool()) return wrong_value(key, "true or false");
        place = value.get_bool();
        return std::nullopt;
    };
    if (key == "force") return flag(request.force);
    if (key == "plan") return flag(request.plan);
    if (key == "wait") return flag(request.wait);
    if (key == "if_epoch") {
        request.if_epoch = whole_number(value);
        if (!request.if_epoch) return wrong_value(key, "a whole number");
        return std::nullopt;
    }
    if (key == "drain_timeout_ms") {
        request.drain_timeout = drain_timeout(value);
        if (!request.drain_timeout) return wrong_drain_timeout(key);
        return std::nullopt;
    }
    if (key == "to" && !request.rollback) {
        if (value.is_string()) request.to = parse_colour(std::string_view(value.get_string()));
        if (!request.to) return wrong_value(key, "\"blue\" or \"green\"");
        return std::nullopt;
    }
    if (key == "hold" && !request.rollback) return flag(request.hold);
    if (key == "hold_max_ms" && !request.rollback) {
        request.hold_max = hold_time(value);
        if (!request.hold_max) return wrong_hold_time(key);
        return std::nullopt;
    }
    return unknown_key(key);
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
    if (request.hold_max && !request.hold) {
        return bad_request("hold_max_ms has a meaning only together with hold.", "hold_max_ms");
    }
    return request;
}

std::optional<Refusal> check_empty(std::string_view body) {
    auto parsed = parse_object(body);
    if (auto* refusal = std::get_if<Refusal>(&parsed)) return std::move(*refusal);
    const json::object& object = std::get<json::object>(parsed);
    if (object.empty()) return std::nullopt;
    const std::string_view key = object.begin()->key();
    return unknown_key(key);
}

}  // namespace switchyard::control
