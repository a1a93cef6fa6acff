#pragma once

#include "base/buffer.hpp"
#include "base/task.hpp"
#include "h1/message_body.hpp"
#include "h1/message_writer.hpp"
#include "h1/parser.hpp"
#include "http/exchange.hpp"
#include "net/address.hpp"
#include "net/stream.hpp"
#include "net/tls_context.hpp"
#include "observe/slot_metrics.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace switchyard::h1 {

/// What a session asks for with each request; replaced as a whole by a reload.
struct ServerOptions {
    HeadLimits limits;
    std::uint64_t body_bytes = 0;  ///< 0: unlimited.
    std::chrono::milliseconds tls_handshake{0};
    std::chrono::milliseconds request_head{0};
    std::chrono::milliseconds request_body{0};
    std::chrono::milliseconds response_write{0};
    std::chrono::milliseconds keep_alive{0};
};

/// Everything one request needs while it is under way. Idle connections hold none; the worker keeps
/// a few ready, with their memory.
struct RequestContext {
    std::shared_ptr<const ServerOptions> options;
    RequestParser parser;
    http::RequestHead head;
    Buffer input;       ///< The head, and what was read with it.
    Buffer body_input;  ///< Further reads of the body.
    MessageBody body;
    MessageWriter writer;
    std::string output;  ///< The response head as sent.
};

class ServerSession;

/// The worker, as a session sees it. Outlives its sessions.
class SessionHost {
  public:
    virtual ~SessionHost() = default;
    [[nodiscard]] virtual const std::shared_ptr<const ServerOptions>& options() const = 0;
    [[nodiscard]] virtual http::Handler& handler() = 0;
    [[nodiscard]] virtual observe::WorkerCell& counters() = 0;
    /// Whether what the peer says of the client is believed. Asked for each request: a reload may
    /// have changed it.
    [[nodiscard]] virtual bool trusts(const net::Address& peer) const = 0;
    /// The worker is stopping: answer what is here, then close.
    [[nodiscard]] virtual bool draining() const = 0;
    [[nodiscard]] virtual std::unique_ptr<RequestContext> acquire_context() = 0;
    virtual void release_context(std::unique_ptr<RequestContext> context) = 0;
    /// The session ended and may be destroyed within the call.
    virtual void session_ended(ServerSession& session) = 0;
};

/// One client connection that speaks HTTP/1.x: reads a request, hands it to the handler as an
/// Exchange, and goes on with the next, in order (pipelining). Loop's thread.
class ServerSession final : private http::Exchange {
  public:
    /// `https_port`: see http::Peer.
    ServerSession(net::EventLoop& loop, SessionHost& host, const net::Address& peer,
                  std::uint16_t https_port);

    /// Takes over the socket and runs until the connection ends. `tls` may be null: plain.
    void start(int fd, std::shared_ptr<const net::TlsContext> tls);

    /// Idle connections end now, busy ones after their response.
    void drain() noexcept;
    /// Ends all input and output; the handler sees Fault::cancelled.
    void stop() noexcept;

    [[nodiscard]] const net::Address& peer_address() const noexcept { return address_; }

    /// Before start(): the connection is over a limit; its first request is answered 503.
    void refuse_all() noexcept { refusing_ = true; }

    void* owner = nullptr;  ///< The host's own; untouched.

  private:
    enum class Next : std::uint8_t { request, end };

    Task<void> run();
    Task<Next> read_head();
    Task<void> refuse(http::Verdict verdict);
    Task<bool> finish_body();
    Task<void> linger();
    void release_context();

    // http::Exchange
    [[nodiscard]] const http::RequestHead& request() const override { return context_->head; }
    [[nodiscard]] const http::Peer& peer() const override { return peer_; }
    [[nodiscard]] std::uint64_t started_ns() const override { return started_ns_; }
    [[nodiscard]] http::Body& request_body() override { return context_->body; }
    void limit_body(std::uint64_t limit) override { context_->body.set_limit(limit); }
    [[nodiscard]] std::size_t held_bytes() const override {
        return sizeof(RequestContext) + context_->input.capacity() +
               context_->body_input.capacity();
    }
    Task<http::Fault> send_interim(const http::OutgoingResponse& head) override;
    Task<http::Fault> send_head(const http::OutgoingResponse& head, http::Chunk first,
                                const http::Fields& trailers) override;
    Task<http::Fault> send_body(http::Chunk piece, const http::Fields& trailers) override;
    Task<http::Fault> accept_upgrade(const http::OutgoingResponse& head,
                                     std::string_view protocol) override;
    [[nodiscard]] bool head_sent() const override { return head_sent_; }
    [[nodiscard]] std::uint64_t bytes_sent() const override {
        return context_->writer.bytes_sent();
    }
    void close_after() override { keep_alive_ = false; }
    void abort() override { aborted_ = true; }
    bool watch_client(void (*callback)(void*), void* context) override;
    void cancel_io() override { stream_.cancel(); }
    void resume_io() override {
        if (!stopping_) stream_.clear_cancel();
    }

    net::Stream stream_;
    SessionHost& host_;
    std::shared_ptr<const net::TlsContext> tls_;
    net::Address address_;
    std::string address_text_;
    http::Peer peer_;
    std::unique_ptr<RequestContext> context_;
    Fork task_;
    std::uint64_t started_ns_ = 0;
    bool idle_ = false;
    bool leaving_ = false;  ///< Woken by drain(): look once more, then end.
    bool served_ = false;   ///< Has had a request.
    bool keep_alive_ = true;
    bool head_sent_ = false;
    bool aborted_ = false;
    bool stopping_ = false;
    bool refusing_ = false;
};

}  // namespace switchyard::h1
