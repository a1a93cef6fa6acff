#pragma once

#include "base/buffer.hpp"
#include "base/task.hpp"
#include "h2/client_options.hpp"
#include "h2/client_stream.hpp"
#include "h2/request_fields.hpp"
#include "net/stream.hpp"
#include "observe/upstream_http2.hpp"

#include <coroutine>
#include <cstdint>
#include <string>
#include <string_view>

struct nghttp2_session;

namespace switchyard::h2 {

/// HTTP/2 (RFC 9113) on one connection to an origin, with the requests of many clients on it: reads
/// frames, and writes those of all streams together, in one write for each round of events. Loop's
/// thread.
///
/// Two coroutines: run() reads, and a fork of it writes. The library (nghttp2) only turns octets
/// into calls and back; its callbacks (client_callbacks.cpp) resume nobody.
class ClientSession final : private net::TimerNode {
  public:
    /// Who keeps it. Called from within run(); must not destroy the session.
    class Owner {
      public:
        /// The origin's SETTINGS came: it speaks HTTP/2, and its limit of streams is known.
        virtual void settled() = 0;

      protected:
        ~Owner() = default;
    };

    /// `counts`: of the loop's thread.
    ClientSession(net::EventLoop& loop, Owner& owner, const ClientOptions& options,
                  observe::UpstreamHttp2& counts) noexcept
        : stream_(loop), owner_(owner), options_(options), counts_(counts) {}
    ~ClientSession() override;
    ClientSession(const ClientSession&) = delete;
    ClientSession& operator=(const ClientSession&) = delete;

    [[nodiscard]] net::Stream& stream() noexcept { return stream_; }
    [[nodiscard]] const ClientOptions& options() const noexcept { return options_; }

    /// Over a stream that is open: speaks until the connection ends, and closes it. `patience`: for
    /// the origin's SETTINGS; zero: no limit.
    Task<void> run(std::chrono::milliseconds patience);

    /// Another request may go over this connection now.
    [[nodiscard]] bool takes_streams() const noexcept {
        return settled_ && !leaving_ && !over_ && !closing_ && ping_due_ == 0 && used() < limit();
    }
    /// It takes no streams any more and ends with its last one.
    [[nodiscard]] bool leaving() const noexcept { return leaving_ || closing_; }
    /// What the end of a connection that never was settled says of the other side.
    enum class Refusal : std::uint8_t {
        none,
        not_http2,  ///< It speaks something else.
        http1,      ///< That is HTTP/1.
        silent,     ///< Nothing came in time.
        closed,     ///< It closed the connection, or reset it.
    };
    [[nodiscard]] Refusal refusal() const noexcept { return refusal_; }
    /// Streams that somebody holds, or that the origin has not heard the end of.
    [[nodiscard]] std::size_t used() const noexcept { return open_ + reserved_; }

    /// Binds a stream to this connection, which takes_streams().
    void attach(ClientStream& stream);
    /// Takes no further streams; ends in order (GOAWAY) when the last one is over.
    void leave() noexcept;
    /// Ends all input and output now; nobody's failure.
    void stop() noexcept;
    /// The loop has ended: says goodbye as far as the socket takes it.
    void farewell() noexcept;

    // For its streams.
    /// Its id; not positive: it can't be sent over this connection.
    [[nodiscard]] std::int32_t submit(ClientStream& stream, const http::OutgoingRequest& head,
                                      bool ends);
    void resume(std::int32_t id);
    void give_back(std::int32_t id, std::size_t octets);
    void give_up(ClientStream& stream) noexcept;
    /// A response was waited for in vain. If nothing at all has come since `tick`, the origin is
    /// asked for a sign of life, and gets no requests until it gave one.
    void doubt(std::uint64_t tick) noexcept;
    /// Octets of this connection that the socket has taken.
    [[nodiscard]] std::uint64_t flushed() const noexcept { return flushed_; }

  private:
    friend struct ClientCallbacks;

    [[nodiscard]] bool begin(std::chrono::milliseconds patience);
    void feed(std::string_view octets);
    Task<void> write_loop();
    void collect();
    void append(std::string_view octets);
    void want_write() noexcept;
    [[nodiscard]] bool over() const noexcept;
    [[nodiscard]] std::size_t limit() const noexcept;
    void unlink(ClientStream& stream) noexcept;
    void release_all(http::Fault how) noexcept;
    void stream_over() noexcept;
    void count_streams() noexcept;
    void count_end(bool in_order) noexcept;
    [[nodiscard]] bool leaves_someone() const noexcept;
    void told_to_go(std::uint32_t code) noexcept;
    void give_up_waiting() noexcept;
    void reset(std::int32_t id, std::uint32_t code) noexcept;
    void finish() noexcept;
    void ask_for_life() noexcept;
    std::uint64_t on_tick(std::uint64_t now) override;
    void look_again(std::uint64_t tick) noexcept;
    [[nodiscard]] std::uint64_t ticks() noexcept { return stream_.loop().timers().now(); }
    [[nodiscard]] http::Fault fault_of_end() const noexcept;

    net::Stream stream_;
    Owner& owner_;
    const ClientOptions options_;
    observe::UpstreamHttp2& counts_;
    nghttp2_session* library_ = nullptr;
    RequestFields fields_;
    Buffer out_;  ///< The frames of one write; no memory while there are none.
    Fork writer_;

    ClientStream* streams_ = nullptr;
    std::size_t reserved_ = 0;  ///< Attached, and no request was handed to the library.
    std::size_t open_ = 0;      ///< Handed to the library and not closed for it.
    std::size_t counted_ = 0;   ///< What `counts_` has of these two.
    std::uint64_t queued_ = 0;  ///< Octets that went into `out_`, ever.
    std::uint64_t flushed_ = 0;

    std::coroutine_handle<> writer_waits_;

    // Ticks of the timer wheel; 0: none.
    std::uint64_t settings_due_ = 0;
    std::uint64_t idle_due_ = 0;
    std::uint64_t look_due_ = 0;    ///< When to see whether it is silent (ping_interval).
    std::uint64_t ping_due_ = 0;    ///< A sign of life was asked for; until then it must come.
    std::uint64_t heard_tick_ = 0;  ///< When something came last.

    Refusal refusal_ = Refusal::none;
    bool write_wanted_ = false;
    bool settled_ = false;
    bool leaving_ = false;
    bool finished_ = false;   ///< Our GOAWAY is on its way.
    bool malformed_ = false;  ///< The origin broke the protocol.
    bool ended_ = false;      ///< It closed the connection in good order.
    bool told_ = false;       ///< It said GOAWAY.
    bool rejected_ = false;   ///< It did so because of an error.
    bool silent_ = false;     ///< It was waited for in vain.
    bool stopped_ = false;    ///< By its owner.
    bool speaking_ = false;   ///< It counts as open.
    bool broken_ = false;     ///< Writing failed, or it is dead.
    bool over_ = false;       ///< All is said.
    bool closing_ = false;    ///< run() is at its end: the writer ends, too.
};

}  // namespace switchyard::h2
