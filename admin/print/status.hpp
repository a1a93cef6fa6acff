#pragma once

#include "admin/print/text.hpp"

#include <string>

#include <boost/json/value.hpp>

namespace switchyard::admin {

/// GET /v1/status as text: in detail if that fits the screen, else a line per service.
std::string print_status(const boost::json::value& status, const Screen& screen);

/// GET /v1/services/{name} as text, always in detail.
std::string print_service(const boost::json::value& service, const Screen& screen);

/// Why a target is not healthy ("status 503: database is migrating"), from its last check.
std::string reason_of(const boost::json::value& target);

}  // namespace switchyard::admin
