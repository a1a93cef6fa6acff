#pragma once

#include "control/deploy_job.hpp"

#include <string>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

/// How a deploy looks from outside: the lines of its stream, its receipt, its place in the status.
namespace switchyard::control {

/// null, or {"version", "deployed_at", "complete"}; the version is null when it has none.
[[nodiscard]] boost::json::value release_json(const std::optional<state::Release>& release);

/// The first line.
[[nodiscard]] boost::json::object deploy_begun_json(const DeployJob& job);
[[nodiscard]] boost::json::object stage_begun_json(const DeployJob& job, std::size_t stage);
[[nodiscard]] boost::json::object stage_ended_json(const DeployJob& job, std::size_t stage);
/// The last line, and the answer to a cancellation.
[[nodiscard]] boost::json::object deploy_result_json(const DeployJob& job);
/// For the history: the stages as far as they came.
[[nodiscard]] boost::json::object deploy_receipt_json(const DeployJob& job);
/// What the line "drained" of its switch means for the machine.
[[nodiscard]] DeployEvent drained_event(const boost::json::object& drained);
/// For the status: what is under way.
[[nodiscard]] boost::json::object deploy_status_json(const DeployJob& job);

}  // namespace switchyard::control
