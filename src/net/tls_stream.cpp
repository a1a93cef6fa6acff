// The TLS half of Stream: OpenSSL reads and writes the socket through a BIO of ours that knows the
// stream's readiness, so that a wait costs no system call, and several records cost one.
#include "net/stream.hpp"
#include "net/tls_batch.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace switchyard::net {

namespace {

/// The first record of a stream, and of one that was silent for a second, fits into one packet with
/// what TLS and TCP add (of 1500 octets), so that its octets need not wait for others; each further
/// one may be twice as long.
constexpr std::uint16_t kFirstRecordBytes = 1350;
constexpr std::chrono::seconds kSilence{1};

/// A place in the pieces of a write.
struct Place {
    std::span<const iovec> pieces;
    std::size_t index = 0;
    std::size_t offset = 0;

    void skip(std::size_t octets) noexcept {
        while (octets > 0) {
            const std::size_t part = std::min(octets, pieces[index].iov_len - offset);
            offset += part;
            octets -= part;
            if (octets > 0) next();
        }
    }
    /// The next octets, at most `most` (a record); what lies in several pieces is put together, as
    /// a head and what follows belong into one record. Valid until the next call on this thread.
    std::span<const char> take(std::size_t most) noexcept {
        alignas(64) static thread_local char joined[kRecordBytes];
        while (pieces[index].iov_len == offset)
            next();
        const auto* const begin = static_cast<const char*>(pieces[index].iov_base) + offset;
        const std::size_t here = std::min(pieces[index].iov_len - offset, most);
        if (here == most || index + 1 == pieces.size()) return {begin, here};
        std::size_t size = 0;
        std::size_t from = offset;
        for (std::size_t i = index; i < pieces.size() && size < most; ++i) {
            const std::size_t part = std::min(pieces[i].iov_len - from, most - size);
            if (part == 0) continue;
            std::memcpy(joined + size, static_cast<const char*>(pieces[i].iov_base) + from, part);
            size += part;
            from = 0;
        }
        return {joined, size};
    }

  private:
    void next() noexcept {
        ++index;
        offset = 0;
    }
};

}  // namespace

/// The BIO below OpenSSL. Its data pointer is the Stream.
struct TlsBio {
    static int read(BIO* bio, char* data, int size) {
        auto* stream = static_cast<Stream*>(BIO_get_data(bio));
        BIO_clear_retry_flags(bio);
        if (size <= 0) return 0;
        std::size_t done = 0;
        switch (stream->receive(data, static_cast<std::size_t>(size), done)) {
            case IoStatus::ok:
                return static_cast<int>(done);
            case IoStatus::again:
                BIO_set_retry_read(bio);
                return -1;
            case IoStatus::eof:
                return 0;
            default:
                return -1;
        }
    }

    static int write(BIO* bio, const char* data, int size) {
        auto* stream = static_cast<Stream*>(BIO_get_data(bio));
        BIO_clear_retry_flags(bio);
        if (size <= 0) return 0;
        const auto octets = static_cast<std::size_t>(size);
        // What is not the last record of a write waits for those that follow.
        TlsBatch& batch = TlsBatch::here();
        if (batch.owner == stream && (stream->tls_more_ || !batch.empty())) {
            if (octets > batch.room() && stream->tls_flush(batch) == IoStatus::error) return -1;
            if (!stream->tls_unsent_ && octets <= batch.room()) {
                batch.append(data, octets);
                return size;
            }
        }
        const iovec piece{const_cast<char*>(data), octets};
        std::size_t done = 0;
        IoStatus status = stream->tls_send_unsent();
        if (status == IoStatus::ok) status = stream->send({&piece, 1}, done, stream->tls_more_);
        switch (status) {
            case IoStatus::ok:
                return static_cast<int>(done);
            case IoStatus::again:
                BIO_set_retry_write(bio);
                return -1;
            default:
                return -1;
        }
    }

    static long control(BIO*, int command, long, void*) {
        return command == BIO_CTRL_FLUSH ? 1 : 0;
    }

    static BIO_METHOD* method() {
        static BIO_METHOD* const instance = [] {
            BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
            BIO_meth_set_read(made, read);
            BIO_meth_set_write(made, write);
            BIO_meth_set_ctrl(made, control);
            BIO_meth_set_create(made, [](BIO* bio) {
                BIO_set_init(bio, 1);
                return 1;
            });
            return made;
        }();
        return instance;
    }
};

Task<IoStatus> Stream::accept_tls(ssl_ctx_st* context, std::chrono::milliseconds timeout) {
    SSL* made = SSL_new(context);
    if (made != nullptr) SSL_set_accept_state(made);
    return shake_hands(made, timeout);
}

Task<IoStatus> Stream::connect_tls(ssl_st* made, std::shared_ptr<const void> maker,
                                   std::chrono::milliseconds timeout) {
    tls_maker_ = std::move(maker);
    return shake_hands(made, timeout);
}

Task<IoStatus> Stream::shake_hands(ssl_st* made, std::chrono::milliseconds timeout) {
    tls_ = made;
    BIO* bio = tls_ != nullptr ? BIO_new(TlsBio::method()) : nullptr;
    if (bio == nullptr) {
        error_number_ = ENOMEM;
        co_return IoStatus::error;
    }
    BIO_set_data(bio, this);
    SSL_set_bio(tls_, bio, bio);
    const std::uint64_t deadline = loop_.timers().after(timeout);
    for (;;) {
        ERR_clear_error();
        const int result = SSL_do_handshake(tls_);
        if (result == 1) co_return IoStatus::ok;
        std::uint32_t want = 0;
        const IoStatus status = tls_failure(result, want);
        if (status != IoStatus::again) co_return status;
        // The whole handshake has one deadline, not one a round trip.
        const std::uint64_t now = loop_.timers().now();
        if (deadline != 0 && now >= deadline) co_return IoStatus::timed_out;
        const auto left = deadline == 0 ? std::chrono::milliseconds(0)
                                        : TimerWheel::kTick * static_cast<int>(deadline - now);
        IoStatus waited;
        if (want == EPOLLOUT) {
            waited = co_await writable(left);
        } else {
            waited = co_await readable(left);
        }
        if (waited != IoStatus::ok) co_return waited;
    }
}

void Stream::end_tls() noexcept {
    if (tls_ != nullptr && !tls_failed_) SSL_shutdown(tls_);
}

IoStatus Stream::tls_failure(int result, std::uint32_t& want) noexcept {
    switch (SSL_get_error(tls_, result)) {
        case SSL_ERROR_WANT_READ:
            want = EPOLLIN;
            return IoStatus::again;
        case SSL_ERROR_WANT_WRITE:
            want = EPOLLOUT;
            return IoStatus::again;
        case SSL_ERROR_ZERO_RETURN:
            return IoStatus::eof;
        case SSL_ERROR_SYSCALL:
            tls_failed_ = true;
            return IoStatus::error;
        default:
            tls_failed_ = true;
            error_number_ = 0;
            return IoStatus::error;
    }
}

IoStatus Stream::tls_read(void* data, std::size_t size, std::size_t& done) noexcept {
    // Without news from the socket only what OpenSSL holds can be had.
    if (!may_read()) return IoStatus::again;
    ERR_clear_error();
    const int result = SSL_read_ex(tls_, data, size, &done);
    tls_reader_wants_write_ = false;
    if (result == 1) return IoStatus::ok;
    std::uint32_t want = 0;
    const IoStatus status = tls_failure(result, want);
    tls_reader_wants_write_ = want == EPOLLOUT;
    // The start of a record counts as pending for OpenSSL, but there is nothing to be had of it:
    // who takes may_read() for an answer would try for ever.
    if (status == IoStatus::again) tls_drained_ = true;
    return status;
}

IoStatus Stream::tls_send_unsent() noexcept {
    while (tls_unsent_) {
        const iovec rest{tls_unsent_->octets.get() + tls_unsent_->sent,
                         tls_unsent_->size - tls_unsent_->sent};
        std::size_t done = 0;
        const IoStatus status = send({&rest, 1}, done, tls_more_);
        if (status == IoStatus::error) tls_failed_ = true;
        if (status != IoStatus::ok) return status;
        tls_unsent_->sent += done;
        if (done == rest.iov_len) tls_unsent_.reset();
    }
    return IoStatus::ok;
}

IoStatus Stream::tls_flush(TlsBatch& batch) noexcept {
    if (batch.empty()) return IoStatus::ok;
    const std::span<char> content = batch.content();
    batch.clear();
    const iovec all{content.data(), content.size()};
    std::size_t done = 0;
    const IoStatus status = send({&all, 1}, done, tls_more_);
    if (status == IoStatus::ok && done == content.size()) return IoStatus::ok;
    const std::size_t left = content.size() - done;
    if (status != IoStatus::error) {
        tls_unsent_.reset(new (std::nothrow) TlsUnsent);
        if (tls_unsent_) tls_unsent_->octets.reset(new (std::nothrow) char[left]);
        if (!tls_unsent_ || !tls_unsent_->octets) error_number_ = ENOMEM;
    }
    if (!tls_unsent_ || !tls_unsent_->octets) {
        tls_unsent_.reset();
        tls_failed_ = true;  // A hole in the stream: nothing may follow, not even a close_notify.
        return IoStatus::error;
    }
    std::memcpy(tls_unsent_->octets.get(), content.data() + done, left);
    tls_unsent_->size = left;
    return IoStatus::again;
}

IoStatus Stream::tls_write(std::span<const iovec> pieces, std::size_t& done) noexcept {
    done = 0;
    tls_writer_wants_read_ = false;
    // Nothing is encrypted for a socket that takes nothing.
    if (!writable_) return IoStatus::again;
    std::size_t total = 0;
    for (const iovec& piece : pieces)
        total += piece.iov_len;
    if (total == 0) return IoStatus::ok;
    Place place{pieces};
    tls_more_ = total > 1;
    if (const IoStatus status = tls_send_unsent(); status != IoStatus::ok) return status;
    if (std::exchange(tls_held_, false)) {
        place.skip(1);
        done = 1;
    }
    const std::uint64_t now = loop_.timers().now();
    const bool silent = now - tls_wrote_at_ > TimerWheel::ticks(kSilence);
    if (tls_record_bytes_ == 0 || (silent && !tls_repeats_)) tls_record_bytes_ = kFirstRecordBytes;
    tls_wrote_at_ = now;

    TlsBatch& batch = TlsBatch::here();
    batch.owner = this;
    std::size_t left_us = done;
    IoStatus status = IoStatus::ok;
    while (done < total) {
        if (batch.room() < kWireRecordBytes) {
            tls_more_ = true;
            status = tls_flush(batch);
            if (status != IoStatus::ok) break;
            left_us = done;
        }
        const std::span<const char> record = place.take(tls_record_bytes_);
        tls_more_ = done + record.size() < total;
        ERR_clear_error();
        std::size_t written = 0;
        const int result = SSL_write_ex(tls_, record.data(), record.size(), &written);
        if (result != 1) {
            std::uint32_t want = 0;
            status = tls_failure(result, want);
            tls_writer_wants_read_ = want == EPOLLIN;
            tls_repeats_ = status == IoStatus::again;
            break;
        }
        tls_repeats_ = false;
        done += written;
        place.skip(written);
        // Short ones tell nothing of how far the client's window is open.
        if (written == tls_record_bytes_) {
            tls_record_bytes_ = static_cast<std::uint16_t>(
                std::min<std::size_t>(2 * tls_record_bytes_, kRecordBytes));
        }
    }
    if (tls_flush(batch) == IoStatus::error) status = IoStatus::error;
    batch.owner = nullptr;
    if (status == IoStatus::error) {
        done = left_us;
        return status;
    }
    // Not all has left. Whoever writes has to come again for it, as if an octet had not been taken.
    if (tls_unsent_ && done > 0) {
        tls_held_ = true;
        --done;
        if (status == IoStatus::ok) status = IoStatus::again;
    }
    return done > 0 && status == IoStatus::again ? IoStatus::ok : status;
}

}  // namespace switchyard::net
