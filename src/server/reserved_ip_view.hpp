#pragma once

#include "base/colour.hpp"
#include "cloud/follower.hpp"
#include "observe/exposition.hpp"

#include <optional>

#include <boost/json/object.hpp>

/// What is told of a reserved IP (docs/admin-api.md, docs/operations.md). Control thread.
namespace switchyard::server {

/// `live`: the slot that the IP shall follow.
[[nodiscard]] boost::json::object reserved_ip_json(const cloud::Follower& follower,
                                                   std::optional<Colour> live);

[[nodiscard]] observe::ReservedIpGauge reserved_ip_gauge(const cloud::Follower& follower);

}  // namespace switchyard::server
