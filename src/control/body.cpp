#include "control/body.hpp"

#include <boost/json/parse.hpp>
#include <spdlog/fmt/fmt.h>

namespace switchyard::control {

namespace json = boost::json;

namespace {

constexpr std::int64_t kLongestDrainMs = 86'400'000;

}  // namespace

std::variant<json::object, Refusal> parse_object(std::string_view body) {
    if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return json::object();
    boost::system::error_code failed;
    json::value value = json::parse(json::string_view(body.data(), body.size()), failed);
    if (failed) return bad_request(fmt::format("The body is not JSON: {}.", failed.message()));
    if (!value.is_object()) return bad_request("The body must be a JSON object.");
    return std::move(value.get_object());
}

std::optional<std::uint64_t> whole_number(const json::value& value) {
    if (value.is_uint64()) return value.get_uint64();
    if (value.is_int64() && value.get_int64() >= 0) {
        return static_cast<std::uint64_t>(value.get_int64());
    }
    return std::nullopt;
}

std::optional<std::chrono::milliseconds> drain_timeout(const json::value& value) {
    const auto number = whole_number(value);
    if (!number || *number > kLongestDrainMs) return std::nullopt;
    return std::chrono::milliseconds(static_cast<std::int64_t>(*number));
}

std::optional<std::chrono::milliseconds> hold_time(const json::value& value) {
    const auto time = drain_timeout(value);
    return time && time->count() > 0 ? time : std::nullopt;
}

Refusal wrong_hold_time(std::string_view key) {
    return wrong_value(key, fmt::format("a whole number from 1 to {}", kLongestDrainMs));
}

Refusal wrong_value(std::string_view key, std::string_view wanted) {
    return bad_request(fmt::format("{} must be {}.", key, wanted), key);
}

Refusal wrong_drain_timeout(std::string_view key) {
    return wrong_value(key, fmt::format("a whole number from 0 to {}", kLongestDrainMs));
}

Refusal unknown_key(std::string_view key) {
    return bad_request(fmt::format("There is no key \"{}\" here.", key), key);
}

}  // namespace switchyard::control
