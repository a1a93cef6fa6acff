#pragma once

#include <chrono>
#include <cstdint>
#include <string>

/// Clocks and how they are written. Any thread.
namespace switchyard::control {

using Steady = std::chrono::steady_clock;
using Wall = std::chrono::system_clock;

/// RFC 3339 in UTC with milliseconds: "2026-03-01T03:12:09.120Z".
[[nodiscard]] std::string rfc3339(Wall::time_point time);

/// The wall time of an instant of the steady clock (nanoseconds of its epoch), by what both clocks
/// say now.
[[nodiscard]] Wall::time_point wall_of_steady(std::uint64_t steady_ns);

[[nodiscard]] std::uint64_t steady_now_ns();

[[nodiscard]] std::int64_t microseconds_between(Steady::time_point from, Steady::time_point to);
[[nodiscard]] std::int64_t milliseconds_between(Steady::time_point from, Steady::time_point to);

}  // namespace switchyard::control
