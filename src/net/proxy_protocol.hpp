#pragma once

#include "base/proxy_protocol.hpp"
#include "net/address.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// The header with which a balancer says who is at the other end (proxy-protocol.txt, versions 1
/// and 2). Pure functions; any thread.
namespace switchyard::net {

/// The longest header that is taken, octets. Version 1 has 107 at most (§2.1); one of version 2
/// could say 64 KiB, of which addresses need 232 at most and what else is known some hundred.
inline constexpr std::size_t kMaxProxyHeader = 4096;

struct ProxyHeader {
    enum class State : std::uint8_t {
        incomplete,  ///< So far it may become a header.
        complete,
        absent,     ///< Something else: not even the signature of one.
        malformed,  ///< It begins like one, and is none; `problem` says why.
    };
    State state = State::incomplete;
    std::size_t size = 0;      ///< Octets of a complete header; what follows is the client's.
    std::string_view problem;  ///< In words; a literal.
    /// `client` and `server` are what the balancer's connection with the client is between. False:
    /// the connection is the balancer's own (LOCAL, UNKNOWN), or of a kind that has no such
    /// addresses: who connected is the client.
    bool named = false;
    Address client;
    Address server;
};

/// Reads the header at the begin of what was received. The answer for what is not `incomplete` does
/// not change by what comes behind. Additional fields (TLVs) are walked over; a checksum among them
/// (PP2_TYPE_CRC32C) has to be right.
[[nodiscard]] ProxyHeader parse_proxy_header(std::string_view received);

/// Appends the header (not with `off`) of a connection that is opened for this client, who
/// connected to `server`. One of both is no IP address: the same as own_proxy_header().
void append_proxy_header(std::string& out, ProxyProtocol version, const Address& client,
                         const Address& server);

}  // namespace switchyard::net
