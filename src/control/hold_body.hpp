#pragma once

#include "control/hold_job.hpp"

#include <string_view>
#include <variant>

/// The bodies of hold and maintenance; service and caller are set by the caller of these.
namespace switchyard::control {

[[nodiscard]] std::variant<HoldRequest, Refusal> parse_hold(std::string_view body);
[[nodiscard]] std::variant<MaintenanceRequest, Refusal> parse_maintenance(std::string_view body);

}  // namespace switchyard::control
