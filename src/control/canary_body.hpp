#pragma once

#include "control/canary_request.hpp"
#include "control/refusal.hpp"

#include <string_view>
#include <variant>

namespace switchyard::control {

/// The body of a canary's change: {"percent": 5} or {"percent": 0}, and what goes with it.
[[nodiscard]] std::variant<CanaryRequest, Refusal> parse_canary(std::string_view body);

}  // namespace switchyard::control
