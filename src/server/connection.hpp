#pragma once

#include "base/buffer.hpp"
#include "base/task.hpp"
#include "config/cidr.hpp"
#include "h1/server_session.hpp"
#include "h2/server_session.hpp"
#include "net/proxy_protocol.hpp"
#include "net/stream.hpp"
#include "net/tls_context.hpp"
#include "session/client_facts.hpp"
#include "session/session_host.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace switchyard::server {

class Connection;

/// The worker, as its connections see it. Outlives them.
class ConnectionHost : public session::SessionHost {
  public:
    [[nodiscard]] virtual h1::ContextStore& contexts() = 0;
    [[nodiscard]] virtual h2::StreamStore& streams() = 0;
    /// The header of a balancer has said who the client is. False: it is over a limit, and not
    /// even to be answered. May call refuse_all().
    [[nodiscard]] virtual bool client_named(Connection& connection, const net::Address& client) = 0;
    /// The connection ends because of its header.
    virtual void header_refused(const net::Address& peer, observe::ProxyFault fault,
                                std::string_view why) = 0;
    /// The connection ended and may be destroyed within the call.
    virtual void connection_ended(Connection& connection) = 0;
};

/// How connections of one listening address are treated; replaced by a reload.
struct ListenerSettings {
    std::uint16_t https_port = 0;                ///< Redirect there; 0: serve.
    std::shared_ptr<const net::TlsContext> tls;  ///< Null: plain.
    /// Plain: HTTP/2 is spoken with whoever begins with its preface (RFC 9113 §3.3).
    bool h2c = false;
    /// Whose connections begin with a header of the PROXY protocol. Null: nobody's.
    std::shared_ptr<const std::vector<config::Cidr>> proxies;
    /// Whether the connections of this peer do.
    [[nodiscard]] bool expects_header(const net::Address& peer) const;
};

/// One client connection, from accept to close: opens it (a balancer's header, TLS handshake, or a
/// look at its first octets), then has the session of the protocol that was agreed on run over it.
/// Loop's thread.
class Connection {
  public:
    Connection(net::EventLoop& loop, ConnectionHost& host, const net::Address& peer)
        : stream_(loop), host_(host), client_(peer) {}

    /// Takes over the socket and runs until the connection ends.
    void start(int fd, const ListenerSettings& settings);

    /// Idle connections end now, busy ones after what they have under way.
    void drain() noexcept;
    /// Ends all input and output; handlers see Fault::cancelled.
    void stop() noexcept;

    /// Before its session begins: the connection is over a limit; its requests are answered 503.
    void refuse_all() noexcept { refusing_ = true; }

    void* owner = nullptr;  ///< The host's own; untouched.

  private:
    /// What has to happen before the first request; ends with the session chosen, or without one.
    /// Its frame is gone once the session runs.
    Task<void> open(std::shared_ptr<const net::TlsContext> tls, bool h2c, bool header);
    /// Takes a balancer's header off the stream, and not an octet more. False: the connection ends.
    Task<bool> take_header();
    [[nodiscard]] bool header_taken(const net::ProxyHeader& header);
    void header_failed(net::IoStatus status, bool begun);
    Task<bool> shake_hands(std::shared_ptr<const net::TlsContext> tls);
    Task<void> look_at_preface();
    void choose_http1(Buffer received);
    void choose_http2(Buffer received);
    void run_session();

    net::Stream stream_;
    ConnectionHost& host_;
    session::ClientFacts client_;
    std::optional<h1::ServerSession> http1_;
    std::unique_ptr<h2::ServerSession> http2_;
    Fork task_;
    bool looking_ = false;  ///< Waits for the first octets.
    bool stopping_ = false;
    bool refusing_ = false;
};

}  // namespace switchyard::server
