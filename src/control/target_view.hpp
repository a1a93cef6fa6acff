#pragma once

#include "control/times.hpp"
#include "route/target.hpp"
#include "route/target_report.hpp"

#include <string>
#include <string_view>

#include <boost/json/object.hpp>

/// How a target looks to a person: its state, and why.
namespace switchyard::control {

/// "healthy", "unhealthy", "unknown" or "ejected".
[[nodiscard]] std::string_view target_state(const route::Target& target,
                                            const route::TargetReport& report);

/// Why it is not healthy: "status 503: database is migrating", "connection refused", "not checked
/// yet"; empty for a healthy one.
[[nodiscard]] std::string target_reason(const route::TargetReport& report);

/// "requests could not connect", "answered with errors, several in a row", "much slower than the
/// others"; from the second time in a row on with their number.
[[nodiscard]] std::string ejection_text(const route::Ejected& ejection);

/// The event "target".
[[nodiscard]] boost::json::object target_event(const route::Target& target, std::string_view state,
                                               std::string_view reason);

/// The object of the status: address, state, since, last_check, in_flight, resolved, ejected.
[[nodiscard]] boost::json::object target_json(const route::Target& target,
                                              const route::TargetReport& report);

/// The object of a refusal: the same and `reason`, with the age of the last check.
[[nodiscard]] boost::json::object refused_target_json(const route::Target& target,
                                                      const route::TargetReport& report,
                                                      Wall::time_point now);

}  // namespace switchyard::control
