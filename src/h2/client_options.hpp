#pragma once

#include <chrono>
#include <cstdint>

namespace switchyard::h2 {

/// How HTTP/2 is spoken to an origin, for one connection.
struct ClientOptions {
    std::uint32_t max_concurrent_streams = 100;  ///< At most; the origin's own limit counts, too.
    std::uint32_t stream_window = 256 * 1024;    ///< Bytes of a response that wait for the client.
    std::chrono::milliseconds write_timeout{30'000};  ///< Without an octet taken by the socket.
    std::chrono::milliseconds idle{55'000};           ///< Without a stream; zero: for ever.
    /// A silent connection is asked for a sign of life (PING) so often; zero: only when a response
    /// was waited for in vain.
    std::chrono::milliseconds ping_interval{0};
    std::chrono::milliseconds ping_timeout{5'000};  ///< Without an answer to it: dead.
    bool tls = false;                               ///< What `:scheme` says.
};

}  // namespace switchyard::h2
