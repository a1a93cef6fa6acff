#pragma once

#include "control/refusal.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace switchyard::control {

/// A deploy, as it was asked for. Its slot is always the idle one.
struct DeployRequest {
    Caller caller;
    std::string service;
    std::string version;  ///< Empty: it has no name.
    bool switch_after = false;
    std::map<std::string, std::string> env;  ///< On top of the configured one.
    std::optional<std::chrono::milliseconds> drain_timeout;
    bool hold = false;  ///< As with a switch (C15); only together with switch_after.
    std::optional<std::chrono::milliseconds> hold_max;
};

/// Reads the body of a deploy (service and caller are set by the caller of this); as strict as
/// parse_change.
[[nodiscard]] std::variant<DeployRequest, Refusal> parse_deploy(std::string_view body);

/// The body of a cancellation: whether its answer waits for the end.
[[nodiscard]] std::variant<bool, Refusal> parse_cancel(std::string_view body);

}  // namespace switchyard::control
