#pragma once

#include "control/hold_job.hpp"
#include "route/snapshot.hpp"

#include <cstdint>
#include <string>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

/// Holds and maintenance as the admin API shows them (docs/admin-api.md).
namespace switchyard::control {

/// The event "held". `state` may be null: the service is gone already.
[[nodiscard]] boost::json::object held_json(const HoldJob& job, const route::ServiceState* state,
                                            std::uint64_t in_flight);
/// The event "holding".
[[nodiscard]] boost::json::object holding_json(const HoldJob& job, std::uint64_t in_flight);
/// The event "released", of a hold that ended at `ended`.
[[nodiscard]] boost::json::object released_json(const HoldJob& job,
                                                const route::ServiceState* state,
                                                Steady::time_point ended);
/// For the history: what is worth a remark; may be empty.
[[nodiscard]] std::string hold_remark(const HoldJob& job);

/// `hold` of the status; null when `job` is.
[[nodiscard]] boost::json::value hold_status_json(const HoldJob* job);

}  // namespace switchyard::control
