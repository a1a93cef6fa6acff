#pragma once

#include "admin/print/text.hpp"

#include <string>

#include <boost/json/value.hpp>

namespace switchyard::admin {

/// GET /v1/history as text, a line an entry.
std::string print_history(const boost::json::value& history, const Screen& screen);

}  // namespace switchyard::admin
