#include "control/body.hpp"
#include "control/deploy_request.hpp"

#include <algorithm>
#include <cctype>

namespace switchyard::control {

namespace json = boost::json;

namespace {

constexpr std::size_t kLongestVersion = 128;
constexpr std::size_t kMostVariables = 64;
constexpr std::size_t kLongestValue = 4'096;

/// Names of releases as people and tools give them: git's references, semantic versions, digests.
/// Nothing that a shell, a screen or a path could take for something else.
bool good_version(std::string_view text) {
    constexpr std::string_view kOthers = "._+:/@~-";
    return text.size() <= kLongestVersion && !text.starts_with('-') &&
           std::all_of(text.begin(), text.end(), [&](char c) {
               return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                      kOthers.find(c) != std::string_view::npos;
           });
}

bool good_name(std::string_view text) {
    return !text.empty() && text.size() <= kLongestVersion &&
           std::isdigit(static_cast<unsigned char>(text.front())) == 0 &&
           !text.starts_with("SWITCHYARD_") && std::all_of(text.begin(), text.end(), [](char c) {
               return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
           });
}

bool good_value(std::string_view text) {
    return text.size() <= kLongestValue && std::none_of(text.begin(), text.end(), [](char c) {
               return std::iscntrl(static_cast<unsigned char>(c)) != 0;
           });
}

std::optional<Refusal> take_env(DeployRequest& request, const json::value& value) {
    if (!value.is_object() || value.get_object().size() > kMostVariables) {
        return wrong_value("env", "an object of at most 64 strings");
    }
    for (const auto& field : value.get_object()) {
        const std::string name(field.key());
        if (!good_name(name)) {
            return wrong_value("env",
                               "an object whose keys are letters, digits and _, begin with no "
                               "digit and not with SWITCHYARD_");
        }
        if (!field.value().is_string() || !good_value(field.value().get_string())) {
            return wrong_value("env." + name,
                               "a string of at most 4096 bytes without control characters");
        }
        request.env[name] = std::string(field.value().get_string());
    }
    return std::nullopt;
}

std::optional<Refusal> take(DeployRequest& request, std::string_view key,
                            const json::value& value) {
    if (key == "version") {
        if (!value.is_string() || !good_version(value.get_string())) {
            return wrong_value(key,
                               "at most 128 letters, digits and ._+:/@~-, not beginning with a -");
        }
        request.version = std::string(value.get_string());
        return std::nullopt;
    }
    if (key == "switch") {
        if (!value.is_bool()) return wrong_value(key, "true or false");
        request.switch_after = value.get_bool();
        return std::nullopt;
    }
    if (key == "env") return take_env(request, value);
    if (key == "drain_timeout_ms") {
        request.drain_timeout = drain_timeout(value);
        if (!request.drain_timeout) return wrong_drain_timeout(key);
        return std::nullopt;
    }
    if (key == "hold") {
        if (!value.is_bool()) return wrong_value(key, "true or false");
        request.hold = value.get_bool();
        return std::nullopt;
    }
    if (key == "hold_max_ms") {
        request.hold_max = hold_time(value);
        if (!request.hold_max) return wrong_hold_time(key);
        return std::nullopt;
    }
    return unknown_key(key);
}

}  // namespace

std::variant<DeployRequest, Refusal> parse_deploy(std::string_view body) {
    auto parsed = parse_object(body);
    if (auto* refusal = std::get_if<Refusal>(&parsed)) return std::move(*refusal);
    DeployRequest request;
    for (const auto& field : std::get<json::object>(parsed)) {
        auto refusal = take(request, field.key(), field.value());
        if (refusal) return std::move(*refusal);
    }
    if (request.hold && !request.switch_after) {
        return bad_request("hold has a meaning only together with switch.", "hold");
    }
    if (request.hold_max && !request.hold) {
        return bad_request("hold_max_ms has a meaning only together with hold.", "hold_max_ms");
    }
    return request;
}

std::variant<bool, Refusal> parse_cancel(std::string_view body) {
    auto parsed = parse_object(body);
    if (auto* refusal = std::get_if<Refusal>(&parsed)) return std::move(*refusal);
    bool wait = true;
    for (const auto& field : std::get<json::object>(parsed)) {
        if (field.key() != "wait") return unknown_key(field.key());
        if (!field.value().is_bool()) return wrong_value("wait", "true or false");
        wait = field.value().get_bool();
    }
    return wait;
}

}  // namespace switchyard::control
