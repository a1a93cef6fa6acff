#pragma once

#include "base/buffer.hpp"
#include "base/task.hpp"
#include "h1/request_context.hpp"
#include "http/exchange.hpp"
#include "net/stream.hpp"
#include "session/client_facts.hpp"
#include "session/session_host.hpp"

#include <cstdint>
#include <memory>

namespace switchyard::h1 {

/// HTTP/1.x on one client connection: reads a request, hands it to the handler as an Exchange, and
/// goes on with the next, in order (pipelining). Loop's thread. All that it is given outlives it.
class ServerSession final : private http::Exchange {
  public:
    /// The stream is open, its TLS handshake (if any) is over.
    ServerSession(net::Stream& stream, session::SessionHost& host, ContextStore& contexts,
                  session::ClientFacts& client) noexcept
        : stream_(stream), host_(host), contexts_(contexts), client_(client) {}

    /// Before run(): what was read of the connection already.
    void begin_with(Buffer received);
    /// Before run(): the connection is over a limit; its first request is answered 503.
    void refuse_all() noexcept { refusing_ = true; }

    /// Runs until the connection ends, and closes the stream.
    Task<void> run();

    /// Idle connections end now, busy ones after their response.
    void drain() noexcept;
    /// Ends all input and output; the handler sees Fault::cancelled.
    void stop() noexcept;

  private:
    enum class Next : std::uint8_t { request, end };

    Task<Next> read_head();
    Task<void> refuse(http::Verdict verdict);
    Task<bool> finish_body();
    Task<void> linger();
    void release_context();

    // http::Exchange
    [[nodiscard]] const http::RequestHead& request() const override { return context_->head; }
    [[nodiscard]] const http::Peer& peer() const override { return client_.peer; }
    [[nodiscard]] http::Ends ends() const override { return client_.ends(); }
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
    [[nodiscard]] bool takes_pipe() const noexcept override;
    Task<http::Fault> send_body(Pipe& pipe, bool more) override;
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

    net::Stream& stream_;
    session::SessionHost& host_;
    ContextStore& contexts_;
    session::ClientFacts& client_;
    std::unique_ptr<RequestContext> context_;
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
