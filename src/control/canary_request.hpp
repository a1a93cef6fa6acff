#pragma once

#include "control/refusal.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace switchyard::control {

/// The begin, another share, or the end of a canary, as it was asked for.
struct CanaryRequest {
    Caller caller;
    std::string service;
    std::uint32_t share = 0;  ///< Of observe::kCanaryPoints; 0: it ends.
    std::optional<std::uint64_t> if_epoch;
    bool force = false;
    bool plan = false;
    bool wait = true;  ///< At its end: the answer goes on until the drain is over.
    std::optional<std::chrono::milliseconds> drain_timeout;

    [[nodiscard]] std::string action() const;
};

/// "5%", "0.25%": a share as people write it.
[[nodiscard]] std::string percent_text(std::uint32_t share);

}  // namespace switchyard::control
