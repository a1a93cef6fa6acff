#pragma once

#include "config/config.hpp"
#include "http/exchange.hpp"

#include <string_view>
#include <vector>

namespace switchyard::relay {

/// Who really asked, for the log: the peer, or, where that is a trusted proxy, the last address in
/// X-Forwarded-For that is none itself. What stands to the left of it anybody may have written.
/// Without port. Valid as long as the request and the peer.
[[nodiscard]] std::string_view client_address(const http::RequestHead& request,
                                              const http::Peer& peer,
                                              const std::vector<config::Cidr>& trusted_proxies);

/// Whether the client came over TLS, as far as we or a trusted proxy before us know.
[[nodiscard]] bool came_encrypted(const http::RequestHead& request,
                                  const http::Peer& peer) noexcept;

}  // namespace switchyard::relay
