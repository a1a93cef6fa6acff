#include "net/stream.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

namespace switchyard::net {

namespace {
constexpr std::uint32_t kReading = EPOLLIN | EPOLLRDHUP | EPOLLET;
constexpr std::uint32_t kBoth = kReading | EPOLLOUT;
}  // namespace

bool Stream::open_connecting(int fd) noexcept {
    return start(fd, false);
}

int Stream::connect_error() const noexcept {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
    return error;
}

bool Stream::open(int fd) noexcept {
    return start(fd, true);
}

bool Stream::start(int fd, bool connected) noexcept {
    fd_ = fd;
    // A fresh socket is taken for ready to read: a client usually sends with or right after its
    // connect, and one try tells. That it can be written to is news only once it could not: to
    // watch for it from the start would bring an event that says nothing.
    readable_ = writable_ = connected;
    watches_writing_ = !connected;
    hung_up_ = broken_ = cancelled_ = read_timed_out_ = write_timed_out_ = false;
    tls_failed_ = tls_drained_ = tls_reader_wants_write_ = tls_writer_wants_read_ = false;
    tls_more_ = tls_repeats_ = tls_held_ = false;
    tls_record_bytes_ = 0;
    if (!loop_.add(fd, *this, connected ? kReading : kBoth)) {
        error_number_ = errno;
        ::close(fd);
        fd_ = -1;
        return false;
    }
    return true;
}

void Stream::close() noexcept {
    if (tls_ != nullptr) {
        SSL_free(tls_);
        tls_ = nullptr;
    }
    tls_unsent_.reset();
    tls_maker_.reset();
    if (fd_ >= 0) {
        loop_.forget(*this);
        ::close(fd_);
        fd_ = -1;
    }
    hang_up_callback_ = nullptr;
}

void Stream::reset() noexcept {
    if (fd_ >= 0) {
        const linger now{1, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        if (tls_ != nullptr) SSL_set_quiet_shutdown(tls_, 1);
    }
    close();
}

void Stream::shutdown_send() noexcept {
    if (fd_ < 0) return;
    end_tls();
    ::shutdown(fd_, SHUT_WR);
}

void Stream::on_events(std::uint32_t events) {
    tls_drained_ = false;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) hung_up_ = true;
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) broken_ = true;
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) readable_ = true;
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) writable_ = true;

    // Both are taken out before either runs: the first may end with this object destroyed.
    std::coroutine_handle<> reader;
    std::coroutine_handle<> writer;
    if (reader_ && (readable_ || (tls_reader_wants_write_ && writable_))) {
        reader = std::exchange(reader_, nullptr);
    }
    if (writer_ && (writable_ || (tls_writer_wants_read_ && readable_))) {
        writer = std::exchange(writer_, nullptr);
    }
    // Only asks others to end: whoever watches must not destroy this object.
    if (hung_up_ && !reader && hang_up_callback_ != nullptr) {
        auto* const callback = std::exchange(hang_up_callback_, nullptr);
        callback(hang_up_context_);
    }
    if (reader && writer) {
        loop_.resume_soon(writer);
        reader.resume();
        return;
    }
    if (reader) {
        reader.resume();
        return;
    }
    if (writer) writer.resume();
}

void Stream::wait(std::coroutine_handle<> waiter, std::chrono::milliseconds timeout,
                  bool writing) noexcept {
    const std::uint64_t due = loop_.timers().after(timeout);
    if (writing) {
        writer_ = waiter;
        write_due_ = due;
    } else {
        reader_ = waiter;
        read_due_ = due;
    }
    if (due != 0) loop_.timers().schedule(*this, due);
    if ((writing || tls_reader_wants_write_) && !watches_writing_) {
        // Reports at once what is the case already. Changing a registration allocates nothing, so
        // it can't fail.
        watches_writing_ = loop_.change(fd_, *this, kBoth);
    }
}

IoStatus Stream::woken(bool writing) noexcept {
    bool& timed_out = writing ? write_timed_out_ : read_timed_out_;
    (writing ? write_due_ : read_due_) = 0;
    if (cancelled_) {
        timed_out = false;
        return IoStatus::cancelled;
    }
    if (timed_out) {
        timed_out = false;
        return IoStatus::timed_out;
    }
    return IoStatus::ok;
}

std::uint64_t Stream::on_tick(std::uint64_t now) {
    if (read_due_ != 0 && read_due_ <= now) {
        read_due_ = 0;
        if (reader_) {
            read_timed_out_ = true;
            loop_.resume_soon(std::exchange(reader_, nullptr));
        }
    }
    if (write_due_ != 0 && write_due_ <= now) {
        write_due_ = 0;
        if (writer_) {
            write_timed_out_ = true;
            loop_.resume_soon(std::exchange(writer_, nullptr));
        }
    }
    if (read_due_ == 0) return write_due_;
    if (write_due_ == 0) return read_due_;
    return std::min(read_due_, write_due_);
}

void Stream::cancel() noexcept {
    cancelled_ = true;
    if (reader_) loop_.resume_soon(std::exchange(reader_, nullptr));
    if (writer_) loop_.resume_soon(std::exchange(writer_, nullptr));
}

IoStatus Stream::receive(void* data, std::size_t size, std::size_t& done) noexcept {
    if (!readable_) return IoStatus::again;
    for (;;) {
        const ssize_t count = ::recv(fd_, data, size, 0);
        if (count > 0) {
            done = static_cast<std::size_t>(count);
            // Short: everything was taken, and news will come as an event. After a hang-up there is
            // no further event, so the end must be read without one.
            if (done < size && !hung_up_) readable_ = false;
            return IoStatus::ok;
        }
        if (count == 0) return IoStatus::eof;
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            readable_ = false;
            return IoStatus::again;
        }
        error_number_ = errno;
        return IoStatus::error;
    }
}

IoStatus Stream::send(std::span<const iovec> pieces, std::size_t& done, bool more) noexcept {
    if (!writable_) return IoStatus::again;
    std::size_t total = 0;
    for (const iovec& piece : pieces)
        total += piece.iov_len;
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces.data());
    message.msg_iovlen = pieces.size();
    const int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
    for (;;) {
        const ssize_t count = pieces.size() == 1
                                  ? ::send(fd_, pieces[0].iov_base, pieces[0].iov_len, flags)
                                  : ::sendmsg(fd_, &message, flags);
        if (count >= 0) {
            done = static_cast<std::size_t>(count);
            if (done < total) writable_ = false;
            return IoStatus::ok;
        }
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            writable_ = false;
            return IoStatus::again;
        }
        error_number_ = errno;
        return IoStatus::error;
    }
}

bool Stream::may_read() const noexcept {
    return readable_ || (tls_ != nullptr && !tls_drained_ && SSL_has_pending(tls_) != 0);
}

IoStatus Stream::try_peek(void* data, std::size_t size, std::size_t& done) noexcept {
    if (fd_ < 0 || cancelled_) return IoStatus::cancelled;
    if (!readable_) return IoStatus::again;
    for (;;) {
        const ssize_t count = ::recv(fd_, data, size, MSG_PEEK);
        if (count > 0) {
            done = static_cast<std::size_t>(count);
            return IoStatus::ok;
        }
        if (count == 0) return IoStatus::eof;
        if (errno == EINTR) continue;
        error_number_ = errno;
        if (errno != EAGAIN && errno != EWOULDBLOCK) return IoStatus::error;
        readable_ = false;
        return IoStatus::again;
    }
}

IoStatus Stream::try_read(void* data, std::size_t size, std::size_t& done) noexcept {
    // Also what never has to wait ends when it is told to.
    if (fd_ < 0 || cancelled_) return IoStatus::cancelled;
    if (tls_ != nullptr) return tls_read(data, size, done);
    return receive(data, size, done);
}

IoStatus Stream::try_write(std::span<const iovec> pieces, std::size_t& done) noexcept {
    if (fd_ < 0 || cancelled_) return IoStatus::cancelled;
    if (tls_ != nullptr) return tls_write(pieces, done);
    return send(pieces, done, false);
}

Task<Stream::Transfer> Stream::read(void* data, std::size_t size,
                                    std::chrono::milliseconds timeout) {
    Transfer result;
    for (;;) {
        result.status = try_read(data, size, result.bytes);
        if (result.status != IoStatus::again) co_return result;
        const IoStatus waited = co_await readable(timeout);
        if (waited != IoStatus::ok) {
            result.status = waited;
            co_return result;
        }
    }
}

Task<Stream::Transfer> Stream::write_all(std::span<iovec> pieces,
                                         std::chrono::milliseconds timeout) {
    Transfer result;
    for (;;) {
        while (!pieces.empty() && pieces.front().iov_len == 0)
            pieces = pieces.subspan(1);
        if (pieces.empty()) {
            result.status = IoStatus::ok;
            co_return result;
        }
        std::size_t done = 0;
        result.status = try_write(pieces, done);
        if (result.status == IoStatus::ok) {
            result.bytes += done;
            for (iovec& piece : pieces) {
                const std::size_t part = std::min(done, piece.iov_len);
                piece.iov_base = static_cast<char*>(piece.iov_base) + part;
                piece.iov_len -= part;
                done -= part;
                if (done == 0) break;
            }
            continue;
        }
        if (result.status != IoStatus::again) {
            result.bytes += done;
            co_return result;
        }
        const IoStatus waited = co_await writable(timeout);
        if (waited != IoStatus::ok) {
            result.status = waited;
            co_return result;
        }
    }
}

}  // namespace switchyard::net
