#pragma once

#include "admin/context.hpp"

#include <string>

#include <boost/json/object.hpp>

/// What the commands that make another slot live have in common.
namespace switchyard::admin {

struct ChangeOptions {
    std::string service;
    std::string to;  ///< Empty: the other one.
    std::string if_epoch;
    std::string drain_timeout;
    std::string ip_wait;  ///< Empty: kIpWait, or not at all with --no-wait.
    bool force = false;
    bool plan = false;
    bool no_wait = false;
    bool hold = false;
    std::string hold_max;  ///< Empty: the service's.
};

/// --if-epoch and all that follows, with the common options.
void add_change_options(CLI::App& command, Context& context, ChangeOptions& options);

/// The request's body.
boost::json::object body_of(const ChangeOptions& options);

/// Asks for the change and follows it to its end. `action` is the last part of the path: "switch",
/// "canary/promote".
void run_change(Context& context, const std::string& action, const ChangeOptions& options);

}  // namespace switchyard::admin
