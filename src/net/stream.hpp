#pragma once

#include "base/task.hpp"
#include "net/event_loop.hpp"
#include "net/tls_unsent.hpp"

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <sys/uio.h>
#include <utility>

namespace switchyard {
class Pipe;
}

struct ssl_st;
struct ssl_ctx_st;

namespace switchyard::net {

class TlsBatch;

enum class IoStatus : std::uint8_t {
    ok,
    again,  ///< Nothing to be had or taken right now: wait.
    eof,    ///< The peer sent its end in good order (with TLS: close_notify).
    error,  ///< See error_number(); a TLS end without close_notify is an error too.
    timed_out,
    cancelled,  ///< cancel() was called, by a drain, a shutdown or the other side's failure.
};

/// A connected byte stream, plain or TLS, of one event loop. Non-blocking calls first (`try_`);
/// the awaitable ones only wait for readiness, which is kept from edge-triggered events: a transfer
/// that came short is not tried again before the kernel reports news. One reader and one writer may
/// wait at a time. Loop's thread only. Not movable: the loop points to it.
class Stream final : public Pollable, private TimerNode {
  public:
    explicit Stream(EventLoop& loop) noexcept : loop_(loop) {}
    ~Stream() override { close(); }

    /// Takes over a non-blocking socket. False: out of memory or descriptors; the socket is closed.
    bool open(int fd) noexcept;
    /// The same for a socket whose connect(2) is under way: writable() waits for its end, which
    /// connect_error() then tells (errno, 0 for success).
    bool open_connecting(int fd) noexcept;
    [[nodiscard]] int connect_error() const noexcept;
    [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] EventLoop& loop() noexcept { return loop_; }

    /// Reads what there is, up to `size` bytes (> 0). `ok` with done > 0, or another status.
    IoStatus try_read(void* data, std::size_t size, std::size_t& done) noexcept;
    /// The same, but what was read stays there to be read again. Below TLS; before its handshake.
    IoStatus try_peek(void* data, std::size_t size, std::size_t& done) noexcept;
    /// Writes what is taken; `done` may be less than the whole. Takes the pieces in order.
    IoStatus try_write(std::span<const iovec> pieces, std::size_t& done) noexcept;

    /// Waits until a read (or write) may succeed; zero timeout: no limit. ok, timed_out, cancelled.
    [[nodiscard]] auto readable(std::chrono::milliseconds timeout) noexcept {
        return ReadyAwaiter{*this, timeout, false};
    }
    [[nodiscard]] auto writable(std::chrono::milliseconds timeout) noexcept {
        return ReadyAwaiter{*this, timeout, true};
    }

    /// Whether a try_read may find something: false after a read that took everything there was.
    [[nodiscard]] bool may_read() const noexcept;

    struct Transfer {
        IoStatus status = IoStatus::ok;
        std::size_t bytes = 0;
    };
    /// try_read, waiting up to `timeout` for the first byte.
    Task<Transfer> read(void* data, std::size_t size, std::chrono::milliseconds timeout);
    /// Writes everything; `timeout` counts from one accepted byte to the next. Changes `pieces`.
    Task<Transfer> write_all(std::span<iovec> pieces, std::chrono::milliseconds timeout);

    /// Moves up to `most` octets into the empty pipe, and all of a pipe to the peer, as try_read
    /// and write_all do. Not with TLS.
    IoStatus try_fill(Pipe& pipe, std::size_t most, std::size_t& done) noexcept;
    Task<Transfer> write_all(Pipe& pipe, bool more, std::chrono::milliseconds timeout);

    /// TLS server handshake over the open stream. ok, error, eof, timed_out, cancelled.
    Task<IoStatus> accept_tls(ssl_ctx_st* context, std::chrono::milliseconds timeout);
    /// The client's side of it, over a stream whose connect(2) has ended. Takes `made` over, which
    /// is set up for the connect state; null is an error (ENOMEM). `maker` is kept as long.
    Task<IoStatus> connect_tls(ssl_st* made, std::shared_ptr<const void> maker,
                               std::chrono::milliseconds timeout);
    [[nodiscard]] ssl_st* tls() const noexcept { return tls_; }

    /// Says that nothing more will be sent (TLS close_notify, then FIN); reading goes on.
    void shutdown_send() noexcept;
    /// The TLS part of that alone (RFC 8446 §6.1): before close(), which says the rest. Nothing is
    /// sent after a failure of TLS (its end without a close_notify is one): such a peer is gone.
    void end_tls() noexcept;
    void close() noexcept;
    /// Closes with a reset, so that the peer can't take what it got for the whole.
    void reset() noexcept;

    /// Ends present and future waits with `cancelled`, until clear_cancel().
    void cancel() noexcept;
    void clear_cancel() noexcept { cancelled_ = false; }
    /// The same for who wants to know what has come by now, before it ends: the next read asks the
    /// socket, as the event that tells of it may wait for a later round.
    void look_once_more() noexcept {
        cancelled_ = tls_drained_ = false;
        readable_ = true;
    }
    [[nodiscard]] bool is_cancelled() const noexcept { return cancelled_; }

    /// Who waits for reading goes on now, with `ok` although there may be nothing to read.
    void wake_reader() noexcept {
        if (reader_) loop_.resume_soon(std::exchange(reader_, nullptr));
    }

    /// The peer closed its side, or the connection broke. Known from events: nothing is read.
    [[nodiscard]] bool hung_up() const noexcept { return hung_up_; }
    /// The connection as a whole broke: the peer can't get anything any more.
    [[nodiscard]] bool broken() const noexcept { return broken_; }
    /// Reports hung_up() once, while nobody waits for reading. Null: off. The callback must not
    /// destroy the stream.
    void watch_hang_up(void (*callback)(void*), void* context) noexcept {
        hang_up_callback_ = callback;
        hang_up_context_ = context;
    }

    /// errno of the last `error`; 0 when it was TLS's.
    [[nodiscard]] int error_number() const noexcept { return error_number_; }

    /// Bytes sent on the socket can be counted by the caller; TLS overhead is not included.

  private:
    friend struct TlsBio;

    struct ReadyAwaiter {
        Stream& stream;
        std::chrono::milliseconds timeout;
        bool writing;

        [[nodiscard]] bool await_ready() const noexcept { return stream.cancelled_; }
        void await_suspend(std::coroutine_handle<> waiter) const noexcept {
            stream.wait(waiter, timeout, writing);
        }
        [[nodiscard]] IoStatus await_resume() const noexcept { return stream.woken(writing); }
    };

    bool start(int fd, bool connected) noexcept;
    void on_events(std::uint32_t events) override;
    std::uint64_t on_tick(std::uint64_t now) override;
    void wait(std::coroutine_handle<> waiter, std::chrono::milliseconds timeout,
              bool writing) noexcept;
    IoStatus woken(bool writing) noexcept;

    // Raw transfers on the socket, also used by the TLS layer below OpenSSL.
    IoStatus receive(void* data, std::size_t size, std::size_t& done) noexcept;
    IoStatus send(std::span<const iovec> pieces, std::size_t& done, bool more) noexcept;
    IoStatus not_piped(ssize_t count, bool& ready) noexcept;

    Task<IoStatus> shake_hands(ssl_st* made, std::chrono::milliseconds timeout);
    IoStatus tls_read(void* data, std::size_t size, std::size_t& done) noexcept;
    /// Wants the same octets again after `again`, and what follows `done` after `ok`. With `error`
    /// `done` is what has left before it, too. Of a write of several records, what was encrypted
    /// and waits here counts as done but for one octet.
    IoStatus tls_write(std::span<const iovec> pieces, std::size_t& done) noexcept;
    /// Sends a batch of records; keeps what the socket does not take (`again`).
    IoStatus tls_flush(TlsBatch& batch) noexcept;
    /// Sends that: `ok` when nothing of it is left.
    IoStatus tls_send_unsent() noexcept;
    /// `again`: `want` is the event (EPOLLIN, EPOLLOUT) to wait for.
    IoStatus tls_failure(int result, std::uint32_t& want) noexcept;

    EventLoop& loop_;
    ssl_st* tls_ = nullptr;
    std::shared_ptr<const void> tls_maker_;  ///< What `tls_` points to, if we are the client.
    int fd_ = -1;
    int error_number_ = 0;
    bool readable_ = false;
    bool writable_ = false;
    bool watches_writing_ = false;  ///< Registered for EPOLLOUT: from the first wait on.
    bool hung_up_ = false;
    bool broken_ = false;
    bool cancelled_ = false;
    bool read_timed_out_ = false;
    bool write_timed_out_ = false;
    bool tls_more_ = false;  ///< The record being written is not the last of its write.
    bool tls_failed_ = false;
    bool tls_drained_ = false;  ///< What OpenSSL holds is no whole record: wait for more.
    // A TLS transfer that waits for the other direction.
    bool tls_reader_wants_write_ = false;
    bool tls_writer_wants_read_ = false;
    bool tls_repeats_ = false;  ///< SSL_write wants the same record again.
    bool tls_held_ = false;     ///< An octet that has gone is not told yet: see tls_write().
    std::uint16_t tls_record_bytes_ = 0;  ///< How long the next record may be; 0: none was made.
    std::uint64_t tls_wrote_at_ = 0;      ///< Tick of the last write.
    std::unique_ptr<TlsUnsent> tls_unsent_;
    std::coroutine_handle<> reader_;
    std::coroutine_handle<> writer_;
    std::uint64_t read_due_ = 0;
    std::uint64_t write_due_ = 0;
    void (*hang_up_callback_)(void*) = nullptr;
    void* hang_up_context_ = nullptr;
};

}  // namespace switchyard::net
