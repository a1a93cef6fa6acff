#pragma once

#include "admin/print/text.hpp"

#include <chrono>
#include <string>

#include <boost/json/value.hpp>

/// A deploy, as text: the events of its stream, one by one.
namespace switchyard::admin {

/// The event `deploy`: what goes where.
std::string print_deploy_begun(const boost::json::value& event, const Screen& screen);

/// The stage under way, one line without its end; `remark` may be empty.
std::string print_stage_running(const boost::json::value& begun, std::chrono::milliseconds elapsed,
                                const std::string& remark);

/// The event `stage_ended`.
std::string print_stage_ended(const boost::json::value& event, const Screen& screen);

/// The event `output`.
std::string print_output(const boost::json::value& output, const Screen& screen);

/// The event `result` of a deploy that came to its end, for standard output.
std::string print_deploy_done(const boost::json::value& result, const Screen& screen);

/// The event `result` of one that did not, for standard error: where and why, the last output, what
/// was not touched, how to go on.
std::string print_deploy_failed(const boost::json::value& result, const Screen& screen);

}  // namespace switchyard::admin
