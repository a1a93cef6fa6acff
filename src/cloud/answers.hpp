#pragma once

#include "cloud/api.hpp"
#include "cloud/http_client.hpp"

#include <chrono>
#include <string>
#include <string_view>

/// From DigitalOcean's answers to what is in api.hpp. Pure functions: whatever the bytes are, the
/// result is a value or a Failure.
namespace switchyard::cloud {

/// `{"reserved_ip": {...}}`, or "floating_ip", "reserved_ipv6".
[[nodiscard]] Answer<IpView> ip_of(const HttpAnswer& answer, std::string_view token);
/// `{"action": {...}}`.
[[nodiscard]] Answer<ActionView> action_of(const HttpAnswer& answer, std::string_view token);
/// `{"droplet": {...}}`.
[[nodiscard]] Answer<DropletView> droplet_of(const HttpAnswer& answer, std::string_view token);

/// What an answer other than 2xx means. `now`: wall time, for ratelimit-reset.
[[nodiscard]] Failure failure_of(const HttpAnswer& answer, std::string_view token,
                                 std::chrono::system_clock::time_point now);

}  // namespace switchyard::cloud
