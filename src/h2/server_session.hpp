#pragma once

#include "base/buffer.hpp"
#include "base/task.hpp"
#include "h2/flood_guard.hpp"
#include "h2/response_fields.hpp"
#include "h2/server_stream.hpp"
#include "net/stream.hpp"
#include "session/client_facts.hpp"
#include "session/session_host.hpp"

#include <coroutine>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

struct nghttp2_session;

namespace switchyard::h2 {

/// Why we end a stream.
enum class ResetReason : std::uint8_t {
    failed,     ///< INTERNAL_ERROR: what the client got is not the whole (C9).
    answered,   ///< NO_ERROR: the rest of the request is not wanted (RFC 9113 §8.1).
    malformed,  ///< PROTOCOL_ERROR (RFC 9113 §8.1.1).
    refused,    ///< REFUSED_STREAM: nothing was done, try again.
    cut,        ///< CANCEL: a tunnel was broken off (RFC 8441 §5), or the origin said so.
    calm,       ///< ENHANCE_YOUR_CALM: the origin said so.
};

/// HTTP/2 (RFC 9113) on one client connection: reads frames, hands each request to the handler as
/// an Exchange of its own, and writes what they answer, together in one write for each round of
/// events. Loop's thread. All that it is given outlives it.
///
/// Two coroutines: run() reads, and a fork of it writes. The library (nghttp2) only turns octets
/// into calls and back; its callbacks (callbacks.cpp) never run a handler.
class ServerSession final : private net::TimerNode {
  public:
    /// The stream is open, its TLS handshake (if any) is over.
    ServerSession(net::Stream& stream, session::SessionHost& host, StreamStore& store,
                  session::ClientFacts& client) noexcept
        : stream_(stream), host_(host), store_(store), client_(client) {}
    ~ServerSession() override;

    /// Before run(): what was read of the connection already.
    void begin_with(Buffer received) { received_.swap(received); }
    /// Before run(): the connection is over a limit; its requests are answered 503.
    void refuse_all() noexcept { refusing_ = true; }

    /// Runs until the connection ends, and closes the stream.
    Task<void> run();

    /// Announces the end (GOAWAY), in two steps (RFC 9113 §6.8); streams come to theirs.
    void drain() noexcept;
    /// Ends all input and output; handlers see Fault::cancelled.
    void stop() noexcept;

    // For its streams.
    [[nodiscard]] net::EventLoop& loop() noexcept { return stream_.loop(); }
    [[nodiscard]] const std::shared_ptr<const session::ServerOptions>& options() const {
        return host_.options();
    }
    [[nodiscard]] http::Handler& handler() noexcept { return host_.handler(); }
    [[nodiscard]] const session::ClientFacts& client() const noexcept { return client_; }
    [[nodiscard]] bool trusted() const { return host_.trusts(client_.address); }
    [[nodiscard]] bool refusing() const noexcept { return refusing_; }
    /// False: the library can't any more. What is handed over is copied.
    [[nodiscard]] bool submit_interim(std::int32_t id, const http::OutgoingResponse& head);
    [[nodiscard]] bool submit_head(std::int32_t id, const http::OutgoingResponse& head, bool ends);
    /// The stream becomes a tunnel.
    [[nodiscard]] bool submit_tunnel(std::int32_t id, const http::OutgoingResponse& head);
    /// There is a further piece to send.
    void resume(std::int32_t id);
    /// The client may send so many octets more on this stream.
    void give_back(std::int32_t id, std::size_t octets);
    void reset(std::int32_t id, ResetReason reason);
    /// The handler is done with it.
    void answered(ServerStream& stream);

  private:
    friend struct Callbacks;

    [[nodiscard]] bool begin();
    void feed(std::string_view octets);
    void dispatch_ready();
    Task<void> write_loop();
    /// Has the library put frames into `out_` until there are enough for a write, or none.
    void collect();
    void append(std::string_view octets);
    void want_write();
    [[nodiscard]] bool over() const noexcept;
    void wake_reader();
    Task<void> linger();
    Task<void> end_streams();

    // Of streams.
    ServerStream* open_stream(std::int32_t id);
    void release(ServerStream& stream);
    void stream_closed(std::int32_t id, std::uint32_t code);

    // Ends of the connection.
    void too_many(observe::Http2Limit limit, std::uint32_t code = NGHTTP2_ENHANCE_YOUR_CALM);
    void measure_windows() noexcept;
    void settings_taken();
    void end_with(std::uint32_t code, std::string_view why);
    void finish_drain();
    std::uint64_t on_tick(std::uint64_t now) override;
    void look_again(std::uint64_t tick) noexcept;
    [[nodiscard]] std::uint64_t ticks() noexcept { return stream_.loop().timers().now(); }

    net::Stream& stream_;
    session::SessionHost& host_;
    StreamStore& store_;
    session::ClientFacts& client_;
    nghttp2_session* library_ = nullptr;
    std::uint32_t continuations_limit_ = 0;
    std::uint32_t streams_limit_ = 0;
    FloodGuard guard_;
    ResponseFields fields_;
    Buffer received_;  ///< Read before the session began.
    Buffer out_;       ///< The frames of one write; no memory while there are none.
    Fork writer_;

    ServerStream* streams_ = nullptr;  ///< All that a handler may hold, or whose head is coming in.
    std::size_t stream_count_ = 0;
    std::vector<ServerStream*> ready_;  ///< Heads that are complete, in order.

    std::coroutine_handle<> writer_waits_;
    std::coroutine_handle<> end_waits_;  ///< run(), for the last stream or the writer.

    // Ticks of the timer wheel; 0: none.
    std::uint64_t head_due_ = 0;      ///< The preface, or a header block that has begun.
    std::uint64_t idle_due_ = 0;      ///< The connection, without a stream.
    std::uint64_t drain_due_ = 0;     ///< The second step of a drain.
    std::uint64_t settings_due_ = 0;  ///< The client's acknowledgement of our SETTINGS.

    std::int32_t head_stream_ = 0;  ///< Whose header block came last.
    std::int32_t last_opened_ = 0;
    std::int64_t widest_ = 0;          ///< A stream's window over the initial one, before SETTINGS.
    std::uint32_t continuations_ = 0;  ///< In the header block that is coming in.
    bool write_wanted_ = false;
    bool settled_ = false;     ///< The client's first SETTINGS came.
    bool draining_ = false;    ///< The first GOAWAY is out.
    bool drained_ = false;     ///< The last one is.
    bool terminated_ = false;  ///< For an error: nothing is read any more.
    bool broken_ = false;      ///< Writing failed.
    bool over_ = false;        ///< All is said: the reader may end.
    bool closing_ = false;     ///< run() is at its end: the writer ends, too.
    bool stopping_ = false;
    bool reset_sent_ = false;  ///< By us, any stream.
    bool refusing_ = false;
};

}  // namespace switchyard::h2
