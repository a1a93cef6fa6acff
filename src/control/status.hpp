#pragma once

#include "control/controller.hpp"
#include "observe/exposition.hpp"

#include <string>

#include <boost/json/object.hpp>

/// What the daemon tells of itself. Built on the control thread from what is in force now.
namespace switchyard::control {

/// GET /v1/status. `metrics_address`: the real one, empty if there is none.
[[nodiscard]] boost::json::object status_json(const Controller& controller,
                                              const std::string& metrics_address);

/// GET /v1/services/{name}; `state` is one of the snapshot in force.
[[nodiscard]] boost::json::object service_json(const Controller& controller,
                                               const route::ServiceState& state);

/// What Prometheus gets.
[[nodiscard]] observe::Scrape scrape(const Controller& controller);

/// An entry of GET /v1/history.
[[nodiscard]] boost::json::object history_json(const state::HistoryEntry& entry);

}  // namespace switchyard::control
