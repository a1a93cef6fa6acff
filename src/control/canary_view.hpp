#pragma once

#include "control/service_entry.hpp"
#include "route/snapshot.hpp"

#include <cstdint>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

/// Canaries as the admin API shows them (docs/admin-api.md).
namespace switchyard::control {

/// The event "canary": begun, changed or ended. `share` and `before` of observe::kCanaryPoints.
[[nodiscard]] boost::json::object canary_changed_json(const route::ServiceState& state, Colour slot,
                                                      std::uint32_t share, std::uint32_t before);
/// The event "canary_health".
[[nodiscard]] boost::json::object canary_health_json(const route::ServiceState& state,
                                                     bool healthy);
/// The event "canary_verdict": the sides differ.
[[nodiscard]] boost::json::object canary_verdict_event_json(const route::ServiceState& state,
                                                            const CanaryWatch& watch);
/// What a change would do; without what speaks against it.
[[nodiscard]] boost::json::object canary_plan_json(const route::ServiceState& state,
                                                   const state::ServiceRecord& record,
                                                   std::uint32_t share);
/// `canary` of the status; null: none runs.
[[nodiscard]] boost::json::value canary_status_json(const route::ServiceState& state,
                                                    const ServiceEntry& entry);
/// How clients are told from each other; null: no canary is configured.
[[nodiscard]] boost::json::value canary_settings_json(const route::ServiceState& state);
/// For the metrics; none: no canary is configured.
[[nodiscard]] std::optional<observe::CanaryGauge> canary_gauge(const route::ServiceState& state,
                                                               const ServiceEntry& entry);

}  // namespace switchyard::control
