#pragma once

#include "admin/print/text.hpp"

#include <string>

#include <boost/json/value.hpp>

namespace switchyard::admin {

/// The answer to "POST /v1/services/{name}/preview": what is shown, the ways to it, till when.
std::string print_preview(const boost::json::value& answer, const Screen& screen);

}  // namespace switchyard::admin
