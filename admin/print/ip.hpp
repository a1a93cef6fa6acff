#pragma once

#include "admin/print/text.hpp"

#include <string>

#include <boost/json/value.hpp>

/// The reserved IP, as text. All take the object `reserved_ip` of the admin API.
namespace switchyard::admin {

/// "203.0.113.10 follows, at droplet 3164445": one line without its end.
std::string ip_summary(const boost::json::value& ip);

/// The paint of a state: green where it should be, red where somebody has to act.
Paint paint_of_ip(const boost::json::value& ip);

/// Everything that is known, on one screen. `now`: the daemon's time.
std::string print_ip(const boost::json::value& ip, const std::string& now, const Screen& screen);

}  // namespace switchyard::admin
