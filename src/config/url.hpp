#pragma once

#include "config/config.hpp"
#include "config/parsed.hpp"

#include <string_view>

/// URLs of services that the daemon itself talks to. Refusals complete a sentence that starts with
/// the key, as in values.hpp.
namespace switchyard::config {

/// "https://name", "http://127.0.0.1:8080/prefix": scheme, host, and if needed port and path. No
/// user, query or fragment. A '/' at the end is taken off.
[[nodiscard]] Parsed<HttpUrl> parse_http_url(std::string_view text);

/// The same where secrets are sent: https, or http to this machine itself (a loopback address).
[[nodiscard]] Parsed<HttpUrl> parse_secret_url(std::string_view text);

}  // namespace switchyard::config
