#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

/// Times and durations: the daemon's RFC 3339, and what people write and read.
namespace switchyard::admin {

using Instant = std::chrono::sys_time<std::chrono::milliseconds>;

/// "2026-03-01T03:12:09.120Z"; only UTC, with or without a fraction.
std::optional<Instant> parse_time(std::string_view text);

/// "2026-03-01 03:12:09 UTC", or with milliseconds; "-" for what is no time.
std::string format_time(std::string_view rfc3339, bool with_milliseconds = false);

/// "730 ms", "1.7 s", "45 s", "12m 5s", "3h 12m", "5d 3h"; never negative.
std::string format_span(std::chrono::milliseconds span);

/// "310 us", "1.84 ms", then as above.
std::string format_micros(std::chrono::microseconds span);

/// The span from one RFC 3339 time to another; "-" if one of them is no time.
std::string format_since(std::string_view from, std::string_view to);

/// "500ms", "30s", "1m30s", "2h": units are required, at most a day. None if it is not one.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace switchyard::admin
