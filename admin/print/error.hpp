#pragma once

#include "admin/connection.hpp"
#include "admin/print/text.hpp"

#include <string>
#include <string_view>

#include <boost/json/value.hpp>

namespace switchyard::admin {

/// The daemon's error object: the message, what belongs to it, the hint on a line of its own.
std::string print_error(const boost::json::value& answer, const Screen& screen);

/// No answer at all, in the same form.
std::string print_failure(const Failure& failure, const Screen& screen);

/// The same as a JSON object of the daemon's shape, for --json: {"error": {...}}.
std::string failure_as_json(const Failure& failure, const std::string& socket);

/// The code of an error object; empty if there is none.
std::string error_code(const boost::json::value& answer);

}  // namespace switchyard::admin
