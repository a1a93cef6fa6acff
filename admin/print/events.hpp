#pragma once

#include "admin/print/text.hpp"

#include <string>

#include <boost/json/value.hpp>

namespace switchyard::admin {

/// One event of GET /v1/events as one line with its end; empty for those that only keep the
/// connection alive. Events that this version does not know are printed with all their fields.
std::string print_event(const boost::json::value& event, const Screen& screen);

}  // namespace switchyard::admin
