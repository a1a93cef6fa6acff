#pragma once

#include "bench/common/address.hpp"

#include <string>

#include <boost/json.hpp>

namespace switchyard::bench {

/// GETs a JSON document over a plain connection and waits for it. Throws std::runtime_error when
/// that fails, takes longer than `timeout_ms`, or is not answered with 200.
boost::json::value get_json(const Address& address, const std::string& target, int timeout_ms);

/// The object of one service in the answer to GET /v1/status. Throws std::runtime_error.
const boost::json::object& service_of(const boost::json::value& status, const std::string& name);

}  // namespace switchyard::bench
