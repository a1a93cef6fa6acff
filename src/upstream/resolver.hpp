#pragma once

#include "config/config.hpp"
#include "route/target.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace switchyard::upstream {

/// Gives an IP or unix-socket target its one address, which never changes; to be called when the
/// target is created. Does nothing to a host name. Returns false when the configuration's text is
/// no address (which validation excludes).
bool fill_static_address(route::Target& target);

/// "10.0.0.2:80", "[::1]:80", or the path of a unix socket.
[[nodiscard]] std::string to_string(const route::SocketAddress& address);

struct Resolved {
    std::vector<route::SocketAddress> addresses;  ///< In the system's order of preference.
    std::string error;  ///< In words; empty exactly when there are addresses.
};

/// Looks a host name up with the system's resolver. Ends after `timeout` at the latest, and at once
/// when cancelled (a lookup that hangs in the system's resolver goes on in Asio's resolver thread
/// and is forgotten; `under_way` counts it until it comes back). Runs on the thread of `context`.
boost::asio::awaitable<Resolved> resolve(boost::asio::io_context& context, std::string host,
                                         std::uint16_t port, std::chrono::milliseconds timeout,
                                         std::shared_ptr<std::size_t> under_way);

}  // namespace switchyard::upstream
