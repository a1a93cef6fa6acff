// The TLS half of Stream: OpenSSL reads and writes the socket through a BIO of ours that knows the
// stream's readiness, so a record costs one system call and a wait costs none.
#include "net/stream.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace switchyard::net {

namespace {
/// The most plaintext of one TLS record (RFC 8446 §5.1).
constexpr std::size_t kRecordBytes = 16 * 1024;
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
        const iovec piece{const_cast<char*>(data), static_cast<std::size_t>(size)};
        std::size_t done = 0;
        switch (stream->send({&piece, 1}, done, stream->tls_more_)) {
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

IoStatus Stream::tls_write(std::span<const iovec> pieces, std::size_t& done) noexcept {
    done = 0;
    std::size_t total = 0;
    for (const iovec& piece : pieces)
        total += piece.iov_len;
    // A head and what follows go into one record: small pieces are put together first.
    alignas(64) static thread_local char joined[kRecordBytes];
    std::size_t index = 0;
    std::size_t offset = 0;
    while (done < total) {
        while (pieces[index].iov_len == offset) {
            ++index;
            offset = 0;
        }
        const char* record = static_cast<const char*>(pieces[index].iov_base) + offset;
        std::size_t size = std::min(pieces[index].iov_len - offset, kRecordBytes);
        if (size < kRecordBytes && index + 1 < pieces.size()) {
            size = 0;
            std::size_t from = offset;
            for (std::size_t i = index; i < pieces.size() && size < kRecordBytes; ++i) {
                const std::size_t part = std::min(pieces[i].iov_len - from, kRecordBytes - size);
                std::memcpy(joined + size, static_cast<const char*>(pieces[i].iov_base) + from,
                            part);
                size += part;
                from = 0;
            }
            record = joined;
        }
        tls_more_ = done + size < total;
        ERR_clear_error();
        std::size_t written = 0;
        const int result = SSL_write_ex(tls_, record, size, &written);
        tls_writer_wants_read_ = false;
        if (result != 1) {
            std::uint32_t want = 0;
            const IoStatus status = tls_failure(result, want);
            tls_writer_wants_read_ = want == EPOLLIN;
            return done > 0 && status == IoStatus::again ? IoStatus::ok : status;
        }
        done += written;
        for (std::size_t left = written; left > 0;) {
            const std::size_t part = std::min(left, pieces[index].iov_len - offset);
            offset += part;
            left -= part;
            if (left > 0) {
                ++index;
                offset = 0;
            }
        }
    }
    return IoStatus::ok;
}

}  // namespace switchyard::net
