#pragma once

#include "control/change_ticket.hpp"

#include <string_view>
#include <variant>

namespace switchyard::control {

/// Reads the body of a switch or a rollback into `request` (whose service and caller are set by the
/// caller of this). An empty body is the same as {}. Unknown keys, wrong types and bad numbers are
/// refused, so that a mistyped "force" is never silently ignored.
[[nodiscard]] std::variant<ChangeRequest, Refusal> parse_change(std::string_view body,
                                                                bool rollback);

/// The body of a command that takes no keys: empty or {}.
[[nodiscard]] std::optional<Refusal> check_empty(std::string_view body);

}  // namespace switchyard::control
