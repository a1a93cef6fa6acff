#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace switchyard::net {

/// A socket address of any family, by value.
struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;

    [[nodiscard]] const sockaddr* get() const noexcept {
        return reinterpret_cast<const sockaddr*>(&storage);
    }
    [[nodiscard]] sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
    [[nodiscard]] int family() const noexcept { return storage.ss_family; }
    [[nodiscard]] std::uint16_t port() const noexcept;
    /// "10.0.0.1", "2001:db8::1" (an IPv4-mapped address as IPv4), "unix" for unix sockets.
    [[nodiscard]] std::string host_text() const;
    /// "10.0.0.1:80", "[::1]:80".
    [[nodiscard]] std::string text() const;
    /// The address as 16 bytes, IPv4 as ::ffff:a.b.c.d; zeros for unix sockets.
    void bytes16(std::uint8_t (&out)[16]) const noexcept;
};

/// An IPv4 or IPv6 address without brackets; no names.
[[nodiscard]] std::optional<Address> make_address(std::string_view host, std::uint16_t port);

/// The local address of a socket (its real port); empty on error.
[[nodiscard]] std::optional<Address> local_address(int fd);

}  // namespace switchyard::net
