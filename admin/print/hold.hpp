#pragma once

#include "admin/print/text.hpp"

#include <string>

#include <boost/json/value.hpp>

/// Holds and maintenance on the screen.
namespace switchyard::admin {

/// The event `held`: a title, then rows.
std::string print_held(const boost::json::value& event, const Screen& screen);
/// The event `holding`, one line without an end.
std::string print_holding(const boost::json::value& event);
/// The event `released`, or the answer to a release.
std::string print_released(const boost::json::value& event, const Screen& screen);
/// Of a switch that held: a row of its receipt.
std::string print_switch_hold(const boost::json::value& event, const Screen& screen);
/// Nobody who waited got an error, and the hold did not end by itself.
bool all_went_on(const boost::json::value& event);

/// `hold` and `maintenance` of a service's status, a line each without an end; empty: there is
/// none.
std::string hold_line(const boost::json::value& service, const std::string& now);
std::string maintenance_line(const boost::json::value& service, const std::string& now);

}  // namespace switchyard::admin
