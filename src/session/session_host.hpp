#pragma once

#include "http/exchange.hpp"
#include "net/address.hpp"
#include "observe/http2_limit.hpp"
#include "observe/slot_metrics.hpp"
#include "session/server_options.hpp"

#include <memory>
#include <string_view>

namespace switchyard::session {

/// The worker, as a session sees it. Outlives its sessions.
class SessionHost {
  public:
    virtual ~SessionHost() = default;
    [[nodiscard]] virtual const std::shared_ptr<const ServerOptions>& options() const = 0;
    [[nodiscard]] virtual http::Handler& handler() = 0;
    [[nodiscard]] virtual observe::WorkerCell& counters() = 0;
    /// A connection of HTTP/2 ends because its client has passed a limit: counts it, and logs it,
    /// but not each of a flood. `client`: its address.
    virtual void http2_limit_passed(std::string_view client, observe::Http2Limit limit) = 0;
    /// Whether what the peer says of the client is believed. Asked for each request: a reload may
    /// have changed it.
    [[nodiscard]] virtual bool trusts(const net::Address& peer) const = 0;
    /// The worker is stopping: answer what is here, then close.
    [[nodiscard]] virtual bool draining() const = 0;
};

}  // namespace switchyard::session
