#pragma once

#include "base/buffer.hpp"
#include "base/task.hpp"
#include "h2/response_store.hpp"
#include "http/origin_exchange.hpp"
#include "net/event_loop.hpp"

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <optional>
#include <string_view>

namespace switchyard::h2 {

class ClientSession;

/// One request to an origin and its response as a stream of a HTTP/2 connection. Octets of the
/// response wait here, at most the stream's window, until they are pulled; of the request only the
/// piece that is being sent, which stays where it is. Loop's thread. Its end gives the stream up
/// (RST_STREAM, CANCEL) where that is not over yet. Not movable: the connection points to it.
class ClientStream final : public http::OriginExchange, private http::Body, private net::TimerNode {
  public:
    /// `store` outlives it.
    ClientStream(net::EventLoop& loop, ResponseStore& store) noexcept
        : loop_(loop), store_(store), response_(store.take()) {}
    ~ClientStream() override;
    ClientStream(const ClientStream&) = delete;
    ClientStream& operator=(const ClientStream&) = delete;

    /// Before it has a connection: waits for wake_up(). none, timed_out, cancelled.
    Task<http::Fault> wait_for_session(std::chrono::milliseconds timeout);
    void wake_up() noexcept { wake(reader_); }
    [[nodiscard]] net::EventLoop& loop() noexcept { return loop_; }

    // http::OriginExchange
    Task<http::Fault> send_head(const http::OutgoingRequest& head, http::Chunk first,
                                const http::Fields& trailers,
                                std::chrono::milliseconds timeout) override;
    Task<http::Fault> send_body(http::Chunk piece, const http::Fields& trailers) override;
    Task<http::Fault> read_head(http::ResponseHead& head, http::Verb request,
                                std::string_view upgrade, std::chrono::milliseconds timeout,
                                std::chrono::milliseconds body_timeout) override;
    [[nodiscard]] http::Body& body() noexcept override { return *this; }
    [[nodiscard]] bool received_anything() const noexcept override { return received_anything_; }
    [[nodiscard]] bool unprocessed() const noexcept override;
    [[nodiscard]] std::optional<std::uint32_t> reset_code() const noexcept override {
        return reset_code_;
    }
    void cancel() noexcept override;

    // The session calls these, the middle ones within the library's callbacks: nothing else runs
    // inside.

    void attached(ClientSession& session) noexcept { session_ = &session; }
    /// The session is gone, or has given it up.
    void detached(http::Fault how) noexcept;
    [[nodiscard]] std::int32_t id() const noexcept { return id_; }
    /// The library has nothing to do with it any more.
    [[nodiscard]] bool is_closed() const noexcept { return closed_; }

    void block_begins() noexcept;
    /// A field of a head, or of the trailers once there was a final head. False: too much of it.
    [[nodiscard]] bool add_field(std::string_view name, std::string_view value);
    /// False: more interim responses than anybody waits for.
    [[nodiscard]] bool block_complete(bool end_stream);
    void receive(std::string_view octets);
    void remote_ended() noexcept;
    /// We found that the response is none.
    void found_malformed() noexcept { malformed_ = true; }
    /// The origin has reset it (RST_STREAM).
    void reset_by_peer(std::uint32_t code) noexcept { reset_code_ = code; }
    [[nodiscard]] bool response_complete() const noexcept { return remote_ended_; }
    void closed(std::uint32_t code) noexcept;

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
    void taken(std::size_t size) noexcept;
    /// Its HEADERS go into the write buffer, behind so many octets of the connection.
    void head_goes(std::uint64_t position) noexcept { head_at_ = position; }
    void head_taken() noexcept;
    void local_ended() noexcept;

    // Links of the session's list.
    ClientStream* before = nullptr;
    ClientStream* behind = nullptr;

  private:
    struct Waiter {
        std::coroutine_handle<> coroutine;
        std::uint64_t due = 0;
        bool timed_out = false;
    };
    /// Waits until wake(waiter), or the time is over. True: it is over.
    struct Awaiter {
        ClientStream& stream;
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

    Task<http::Fault> sent();
    [[nodiscard]] bool all_taken() const noexcept;
    [[nodiscard]] http::Fault fault_of_end() const noexcept;

    // http::Body
    bool take_received(http::Chunk& chunk) override { return try_next(chunk); }
    bool try_next(http::Chunk& chunk) override;
    Task<http::Chunk> next() override;
    void interrupt() noexcept override;
    [[nodiscard]] const http::Fields& trailers() const override { return response_.trailers; }
    [[nodiscard]] bool finished() const override { return finished_; }
    [[nodiscard]] std::uint64_t received() const override { return received_; }

    net::EventLoop& loop_;
    ResponseStore& store_;
    ClientSession* session_ = nullptr;  ///< Null: none yet, or none any more.
    std::int32_t id_ = 0;               ///< 0: no request was handed to the library.

    // The request.
    http::Chunk piece_;
    const http::Fields* trailers_out_ = nullptr;
    std::chrono::milliseconds write_timeout_{0};
    std::uint64_t head_at_ = 0;  ///< Octets of the connection before it; see head_goes().
    std::uint64_t sent_tick_ = 0;
    Waiter sender_;
    bool head_pending_ = false;  ///< Handed to the library and not in the write buffer yet.
    bool head_written_ = false;
    bool has_body_ = false;
    bool local_ended_ = false;

    // The response: heads in order, then the body.
    ResponseMemory response_;
    bool final_head_ = false;  ///< Came: what follows are trailers.
    std::chrono::milliseconds body_timeout_{0};
    Buffer arriving_;  ///< Came, and was not pulled.
    Buffer given_;     ///< The piece that was pulled last: its window is given back with the next.
    bool has_length_ = false;
    std::uint64_t length_ = 0;
    std::uint64_t received_ = 0;
    Waiter reader_;

    http::Fault fault_ = http::Fault::none;  ///< Once closed: how.
    std::optional<std::uint32_t> reset_code_;
    bool received_anything_ = false;
    bool remote_ended_ = false;
    bool finished_ = false;  ///< The last piece was pulled.
    bool interrupted_ = false;
    bool closed_ = false;
    bool refused_ = false;    ///< RFC 9113 §8.7: certainly not processed.
    bool unflushed_ = false;  ///< The connection ended before anything of it was written.
    bool malformed_ = false;
    bool cancelled_ = false;
};

}  // namespace switchyard::h2
