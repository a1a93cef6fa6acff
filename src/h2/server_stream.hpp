#pragma once

#include "base/buffer.hpp"
#include "base/task.hpp"
#include "h2/field_store.hpp"
#include "h2/request_reader.hpp"
#include "http/exchange.hpp"
#include "net/timer_wheel.hpp"
#include "session/server_options.hpp"

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace switchyard::h2 {

class ServerSession;
enum class ResetReason : std::uint8_t;

/// One request and its response as a stream of a HTTP/2 connection. Its octets wait here: those of
/// the request's body, at most the stream's window, until they are pulled; of the response only the
/// piece that is being sent, which stays where it is. Loop's thread. Used again for others.
class ServerStream final : public http::Exchange, private http::Body, private net::TimerNode {
  public:
    // The session calls these, within the library's callbacks: nothing else runs inside.

    void begin(ServerSession& session, std::int32_t id);
    [[nodiscard]] std::int32_t id() const noexcept { return id_; }
    /// A field of the head, or of the trailers once there was a head. False: too much of it.
    [[nodiscard]] bool add_field(std::string_view name, std::string_view value);
    void head_complete(bool end_stream);
    [[nodiscard]] bool has_head() const noexcept { return has_head_; }
    /// Octets of the body.
    void receive(std::string_view octets);
    /// The body is complete, trailers included.
    void remote_ended() noexcept;
    /// The stream is over for the library. `how`: what whoever waits for it is told.
    void closed(std::uint32_t code, http::Fault how) noexcept;
    [[nodiscard]] bool is_closed() const noexcept { return closed_; }

    /// What of the piece at hand may go into a frame of `room` octets.
    struct Offer {
        std::size_t size = 0;
        bool nothing = false;  ///< Nothing to send now: come back when told.
        bool last = false;     ///< The body ends with it.
        bool trailers = false;
    };
    [[nodiscard]] Offer offer(std::size_t room) const noexcept;
    [[nodiscard]] std::string_view piece(std::size_t size) const noexcept {
        return piece_.data.substr(0, size);
    }
    [[nodiscard]] const http::Fields& outgoing_trailers() const noexcept { return *trailers_out_; }
    /// So much of it is in the write buffer; `wire`: with its frame's head.
    void taken(std::size_t size, std::size_t wire) noexcept;
    /// A frame of the response that is no DATA is in the write buffer.
    void head_taken(std::size_t wire) noexcept;
    /// END_STREAM is in the write buffer.
    void local_ended() noexcept;

    /// Has the handler answer; not within a callback. The session is told of the end.
    void dispatch();

    // Links of the session's lists.
    ServerStream* before = nullptr;
    ServerStream* behind = nullptr;

    /// What there still is to be told to the client once the handler is done with it.
    [[nodiscard]] bool answered() const noexcept { return local_ended_; }
    [[nodiscard]] bool remote_open() const noexcept { return !remote_ended_; }
    [[nodiscard]] bool was_aborted() const noexcept { return aborted_; }
    [[nodiscard]] bool is_tunnel() const noexcept { return tunnel_; }
    /// Before it goes into the store: gives its memory for bodies back.
    void rest() noexcept;

  private:
    struct Waiter {
        std::coroutine_handle<> coroutine;
        std::uint64_t due = 0;
        bool timed_out = false;
    };
    /// Waits until wake(waiter), or the time is over. True: it is over.
    struct Awaiter {
        ServerStream& stream;
        Waiter& waiter;
        std::chrono::milliseconds timeout;
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> self) const noexcept;
        [[nodiscard]] bool await_resume() const noexcept {
            waiter.due = 0;
            return waiter.timed_out;
        }
    };
    [[nodiscard]] Awaiter wait(Waiter& waiter, std::chrono::milliseconds timeout) noexcept {
        waiter.timed_out = false;
        return {*this, waiter, timeout};
    }
    void wake(Waiter& waiter) noexcept;
    std::uint64_t on_tick(std::uint64_t now) override;

    Task<void> answer();
    /// A tunnel is over, and was not broken off: END_STREAM, unless that was said.
    Task<void> end_tunnel();
    void abort_for(ResetReason reason);
    /// Until the library has put what was handed to it into the write buffer; 0: however long.
    Task<http::Fault> sent(std::chrono::milliseconds limit);
    [[nodiscard]] std::chrono::milliseconds write_limit() const noexcept {
        return tunnel_ ? std::chrono::milliseconds(0) : options_->response_write;
    }
    [[nodiscard]] bool all_taken() const noexcept;
    [[nodiscard]] http::Fault fault_of_end() const noexcept {
        return fault_ != http::Fault::none ? fault_ : http::Fault::reset;
    }

    // http::Exchange
    [[nodiscard]] const http::RequestHead& request() const override { return head_; }
    [[nodiscard]] const http::Peer& peer() const override { return peer_; }
    [[nodiscard]] http::Ends ends() const override;
    [[nodiscard]] std::uint64_t started_ns() const override { return started_ns_; }
    [[nodiscard]] http::Body& request_body() override { return *this; }
    void limit_body(std::uint64_t limit) override { limit_ = limit; }
    [[nodiscard]] std::size_t held_bytes() const override;
    Task<http::Fault> send_interim(const http::OutgoingResponse& head) override;
    Task<http::Fault> send_head(const http::OutgoingResponse& head, http::Chunk first,
                                const http::Fields& trailers) override;
    Task<http::Fault> send_body(http::Chunk piece, const http::Fields& trailers) override;
    Task<http::Fault> accept_upgrade(const http::OutgoingResponse& head,
                                     std::string_view protocol) override;
    [[nodiscard]] bool head_sent() const override { return head_sent_; }
    [[nodiscard]] std::uint64_t bytes_sent() const override { return bytes_sent_; }
    void close_after() override {}
    void abort() override;
    void abort_with(std::uint32_t code) override;
    bool watch_client(void (*callback)(void*), void* context) override;
    void cancel_io() override;
    void resume_io() override { cancelled_ = false; }

    // http::Body
    bool take_received(http::Chunk& chunk) override { return try_next(chunk); }
    bool try_next(http::Chunk& chunk) override;
    Task<http::Chunk> next() override;
    void interrupt() noexcept override;
    [[nodiscard]] const http::Fields& trailers() const override { return trailers_; }
    [[nodiscard]] bool finished() const override { return finished_ || may_be_tunnel_; }
    [[nodiscard]] std::uint64_t received() const override { return received_; }

    ServerSession* session_ = nullptr;
    std::shared_ptr<const session::ServerOptions> options_;
    std::int32_t id_ = 0;
    std::uint64_t started_ns_ = 0;
    RequestReader reader_;
    http::RequestHead head_;
    http::Verdict verdict_;
    http::Peer peer_;
    Fork task_;

    // The request's body.
    Buffer arriving_;  ///< Came, and was not pulled.
    Buffer given_;     ///< The piece that was pulled last: its window is given back with the next.
    FieldStore trailer_fields_;
    http::Fields trailers_;
    std::uint64_t limit_ = 0;
    std::uint64_t received_ = 0;
    Waiter body_waiter_;

    // The response.
    http::Chunk piece_;
    const http::Fields* trailers_out_ = nullptr;
    unsigned heads_pending_ = 0;  ///< Handed to the library and not in the write buffer yet.
    std::uint64_t bytes_sent_ = 0;
    Waiter send_waiter_;

    void (*left_callback_)(void*) = nullptr;
    void* left_context_ = nullptr;
    http::Fault fault_ = http::Fault::none;  ///< Once closed: how.
    bool has_head_ = false;
    bool remote_ended_ = false;
    bool finished_ = false;  ///< The last piece was pulled.
    bool interrupted_ = false;
    bool has_body_ = false;  ///< The response has one.
    bool head_sent_ = false;
    bool local_ended_ = false;
    bool closed_ = false;
    bool aborted_ = false;
    bool cancelled_ = false;
    bool may_be_tunnel_ = false;  ///< An extended CONNECT without its answer: it has no body.
    bool tunnel_ = false;
    bool torn_ = false;  ///< Of a piece only a part went out.
};

/// A worker's streams: some are kept ready, with their memory. Outlives its sessions.
class StreamStore {
  public:
    [[nodiscard]] std::unique_ptr<ServerStream> acquire() {
        if (spare_.empty()) return std::make_unique<ServerStream>();
        std::unique_ptr<ServerStream> stream = std::move(spare_.back());
        spare_.pop_back();
        return stream;
    }
    void release(std::unique_ptr<ServerStream> stream) {
        stream->rest();
        if (spare_.size() < kSpare) spare_.push_back(std::move(stream));
    }
    void clear() { spare_.clear(); }

  private:
    static constexpr std::size_t kSpare = 512;
    std::vector<std::unique_ptr<ServerStream>> spare_;
};

}  // namespace switchyard::h2
