#pragma once

#include "config/config.hpp"
#include "config/parsed.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Addresses as a configuration writes them. Refusals complete a sentence that starts with the key,
/// as in values.hpp.
namespace switchyard::config {

/// The longest path that a unix socket's address holds, without the zero byte at its end.
inline constexpr std::size_t kMaxSocketPath = 107;

struct Endpoint {
    std::string host;  ///< IPv4 or IPv6 address without brackets, in its canonical form.
    std::uint16_t port = 0;

    [[nodiscard]] bool is_v6() const noexcept { return host.find(':') != std::string::npos; }
    /// "0.0.0.0" or "::".
    [[nodiscard]] bool is_any() const noexcept { return host == "0.0.0.0" || host == "::"; }
    /// "host:port", "[host]:port".
    [[nodiscard]] std::string text() const;
};

/// The canonical form of an IPv4 or IPv6 address (no brackets, no zone), or nothing.
[[nodiscard]] std::optional<std::string> canonical_ip(std::string_view text);

/// An address to listen on: an IP address and a port, of which 0 lets the system choose.
[[nodiscard]] Parsed<Endpoint> parse_endpoint(std::string_view text);

/// "address:port", "name:port" or "unix:/path", with or without "http://" in front.
[[nodiscard]] Parsed<Target> parse_target(std::string_view text);

/// Why a path can't be that of a unix socket, or nothing.
[[nodiscard]] std::optional<std::string> socket_path_problem(const std::string& path);

}  // namespace switchyard::config
