#pragma once

#include "route/target.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace switchyard::route {

/// What was seen of a target at its last health check: why it is healthy or not. A plain value.
struct TargetReport {
    Health health = Health::unknown;
    std::chrono::system_clock::time_point since{};  ///< Of the present health.
    std::optional<std::chrono::system_clock::time_point> checked_at;
    std::chrono::steady_clock::time_point began{};  ///< The last check; valid with checked_at.
    bool passed = false;                            ///< The last check, whatever the health.
    std::uint32_t good = 0;    ///< Checks that passed in a row, up to the last one.
    std::uint32_t needed = 1;  ///< So many make an unhealthy target healthy.
    unsigned status = 0;       ///< 0: no answer (or a tcp check).
    std::chrono::microseconds duration{0};
    std::string error;                  ///< Socket error, time-out or protocol error; empty: none.
    std::string body_line;              ///< First line of the body, at most 200 bytes, printable.
    std::vector<std::string> resolved;  ///< Addresses a host name stands for now.
};

}  // namespace switchyard::route
