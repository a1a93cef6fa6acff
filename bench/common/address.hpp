#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace switchyard::bench {

/// A socket address: IPv4, IPv6 or unix.
struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;

    const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
    int family() const noexcept { return storage.ss_family; }
};

/// Reads "127.0.0.1:80", "[::1]:80" or "unix:/path". Throws std::invalid_argument.
Address parse_address(std::string_view text);

/// Opens a non-blocking listening socket; throws std::system_error. SO_REUSEADDR is set.
int listen_on(const Address& address, int backlog);

/// The port that a socket is bound to (IPv4 and IPv6).
std::uint16_t local_port(int fd);

/// Turns Nagle's algorithm off; does nothing on unix sockets.
void set_nodelay(int fd) noexcept;

}  // namespace switchyard::bench
