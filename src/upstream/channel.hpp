#pragma once

#include "base/task.hpp"
#include "http/origin_exchange.hpp"

#include <chrono>
#include <string>

namespace switchyard::h1 {
class ClientSession;
}

namespace switchyard::upstream {

/// How a connect ended. `error` is an errno; ETIMEDOUT for the time-out, ECANCELED when cancelled,
/// EPROTO for a target that speaks no TLS or no HTTP/2 although it should, EBUSY where all
/// connections to a target of HTTP/2 are full.
struct ConnectResult {
    int error = 0;
    std::string tls_failure;  ///< Why, in words, where the TLS handshake was what failed.
    bool not_http2 = false;   ///< The target does not speak HTTP/2.
    bool shared = false;      ///< Of a connection that another request has opened, and counts.
};

/// The way to a target that one request holds: a connection of HTTP/1.1, which is its own, or a
/// stream of one of HTTP/2, which it shares. Loop's thread.
class Channel {
  public:
    virtual ~Channel() = default;

    [[nodiscard]] virtual http::OriginExchange& exchange() noexcept = 0;
    /// Before the exchange; not where `reused`. Cancel through exchange().cancel().
    virtual Task<ConnectResult> connect(std::chrono::milliseconds timeout) = 0;
    /// The session of a connection of its own; null: a stream of HTTP/2.
    [[nodiscard]] virtual h1::ClientSession* http1() noexcept { return nullptr; }

    bool reused = false;  ///< It was open before the present request: it may turn out to be dead.
};

}  // namespace switchyard::upstream
