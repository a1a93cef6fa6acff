#pragma once

#include "control/refusal.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

/// Reading the bodies of commands: nothing is guessed, nothing is ignored.
namespace switchyard::control {

/// An object; an empty body is the same as {}.
[[nodiscard]] std::variant<boost::json::object, Refusal> parse_object(std::string_view body);

/// A whole number of at least 0; std::nullopt: something else.
[[nodiscard]] std::optional<std::uint64_t> whole_number(const boost::json::value& value);

/// Milliseconds from 0 to a day.
[[nodiscard]] std::optional<std::chrono::milliseconds> drain_timeout(
    const boost::json::value& value);

/// Milliseconds from 1 to a day.
[[nodiscard]] std::optional<std::chrono::milliseconds> hold_time(const boost::json::value& value);

/// "KEY must be WANTED."
[[nodiscard]] Refusal wrong_value(std::string_view key, std::string_view wanted);
[[nodiscard]] Refusal wrong_drain_timeout(std::string_view key);
[[nodiscard]] Refusal wrong_hold_time(std::string_view key);
[[nodiscard]] Refusal unknown_key(std::string_view key);

}  // namespace switchyard::control
