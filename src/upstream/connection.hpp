#pragma once

#include "base/task.hpp"
#include "h1/client_session.hpp"
#include "route/target.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace switchyard::upstream {

/// A connection to a target, owned by one request or by its worker's pool.
struct Connection {
    Connection(net::EventLoop& loop, std::shared_ptr<route::Target> to, std::uint64_t in_epoch)
        : session(loop), target(std::move(to)), epoch(in_epoch) {}

    h1::ClientSession session;
    std::shared_ptr<route::Target> target;
    /// The service's epoch for which it was taken: with another one it must not be used (C7).
    std::uint64_t epoch;
    std::uint32_t generation = 0;  ///< Of the target's addresses, when it was connected.
    std::uint64_t idle_since_ns = 0;
    /// The target is still where this connection leads to.
    [[nodiscard]] bool leads_to_target() const noexcept {
        return generation == target->generation() && !target->retired();
    }

    /// Sent before everything else (PROXY protocol): it says on whose behalf, so that requests of
    /// others must not go over this connection. Empty: none is sent.
    std::string proxy_header;

    bool reused = false;  ///< Came out of the pool for the present request.
};

/// How a connect ended. `error` is an errno; ETIMEDOUT for the time-out, ECANCELED when cancelled,
/// EPROTO for a TLS handshake that failed.
struct ConnectResult {
    int error = 0;
    std::string tls_failure;  ///< Why, in words, where the TLS handshake was what failed.
};

/// Connects to the target's addresses in turn until one answers, sends that one the connection's
/// proxy_header, and shakes hands where the target speaks TLS; all of it within `timeout`.
/// Cancel through connection.session.stream().cancel().
Task<ConnectResult> connect(Connection& connection, std::chrono::milliseconds timeout);

}  // namespace switchyard::upstream
