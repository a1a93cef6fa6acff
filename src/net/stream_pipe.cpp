// Octets that go through a pipe instead of our memory.
#include "base/pipe.hpp"
#include "net/stream.hpp"

#include <cerrno>

namespace switchyard::net {

/// What came of a splice(2) that did not move anything, at `ready` what is known of the socket.
IoStatus Stream::not_piped(ssize_t count, bool& ready) noexcept {
    if (count == 0) return IoStatus::eof;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        ready = false;
        return IoStatus::again;
    }
    error_number_ = errno;
    return IoStatus::error;
}

IoStatus Stream::try_fill(Pipe& pipe, std::size_t most, std::size_t& done) noexcept {
    if (fd_ < 0 || cancelled_) return IoStatus::cancelled;
    if (!readable_) return IoStatus::again;
    ssize_t count = -1;
    do {
        count = pipe.fill(fd_, most);
    } while (count < 0 && errno == EINTR);
    if (count <= 0) return not_piped(count, readable_);
    // A short move may have filled the pipe: only EAGAIN tells that the socket is empty.
    done = static_cast<std::size_t>(count);
    return IoStatus::ok;
}

Task<Stream::Transfer> Stream::write_all(Pipe& pipe, bool more, std::chrono::milliseconds timeout) {
    Transfer transfer;
    while (pipe.held() > 0) {
        if (fd_ < 0 || cancelled_) {
            transfer.status = IoStatus::cancelled;
            co_return transfer;
        }
        const ssize_t count = writable_ ? pipe.drain(fd_, more) : -1;
        if (count > 0) {
            transfer.bytes += static_cast<std::size_t>(count);
            continue;
        }
        if (writable_) {
            if (count < 0 && errno == EINTR) continue;
            transfer.status = not_piped(count, writable_);
            if (transfer.status != IoStatus::again) co_return transfer;
        }
        transfer.status = co_await writable(timeout);
        if (transfer.status != IoStatus::ok) co_return transfer;
    }
    co_return transfer;
}

}  // namespace switchyard::net
