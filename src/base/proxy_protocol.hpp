#pragma once

#include <cstdint>
#include <string_view>

/// HAProxy's PROXY protocol (proxy-protocol.txt): what all that send it have to agree on. Reading
/// it, and headers that name a client, are net's.
namespace switchyard {

enum class ProxyProtocol : std::uint8_t { off, v1, v2 };

/// What every header of version 2 begins with.
inline constexpr std::string_view kProxySignature{"\r\n\r\n\0\r\nQUIT\n", 12};

/// The header of a connection that is opened for nobody else, like that of a health check: `LOCAL`
/// (§2.2), or `UNKNOWN`, which version 1 has for it (§2.1). Empty for `off`.
constexpr std::string_view own_proxy_header(ProxyProtocol version) noexcept {
    if (version == ProxyProtocol::v1) return "PROXY UNKNOWN\r\n";
    if (version == ProxyProtocol::v2) return {"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16};
    return {};
}

}  // namespace switchyard
