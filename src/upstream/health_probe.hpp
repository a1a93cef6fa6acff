#pragma once

#include "config/config.hpp"
#include "route/target.hpp"

#include <chrono>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace switchyard::upstream {

/// What one health check found.
struct ProbeResult {
    bool ok = false;
    unsigned status = 0;    ///< 0: no answer, or a tcp check.
    std::string error;      ///< Why there was no complete answer, in words; empty: there was.
    std::string body_line;  ///< First line of the body, printable ASCII, at most 200 bytes.
    std::chrono::microseconds duration{0};
};

/// One check of one target on a connection of its own, which is said to be ours where the target
/// speaks the PROXY protocol: tcp connects (over TLS up to the end of the handshake, and with
/// HTTP/2 up to the target's SETTINGS), grpc calls its health service, http asks for `check.path`
/// and reads the answer, of its body 4 KiB at most. `host` goes into the Host field. Tries the
/// target's addresses (at least one) in order; `check.timeout` is for all of it. Does not throw,
/// unless cancelled. Runs on the thread of `context`.
boost::asio::awaitable<ProbeResult> probe(boost::asio::io_context& context,
                                          std::shared_ptr<route::Target> target,
                                          config::HealthCheck check, std::string host);

/// The Host field of a service's checks of a target: the configured one, else the service's first
/// host without a wildcard, else the target's address ("localhost" for a unix socket).
[[nodiscard]] std::string probe_host(const config::Service& service, const config::Target& target);

}  // namespace switchyard::upstream
