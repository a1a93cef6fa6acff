// The socket of a connection, and what is entered in the books when bytes have gone out or the
// connection ends.
#include "support/origin/connection.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace switchyard::origin {
namespace {

constexpr std::size_t kFirstBuffer = 16 * 1024;
constexpr std::size_t kMaxAhead = 512 * 1024;  // Input kept while an answer is under way.

}  // namespace

bool Connection::peer_gone() {
    while (!peer_closed_ && readable_ && in_end_ - in_at_ < kMaxAhead && fill()) {
    }
    return peer_closed_ || phase_ == Phase::dead;
}

bool Connection::fill() {
    if (!readable_) return false;
    if (in_at_ == in_end_) in_at_ = in_end_ = 0;
    if (in_end_ == in_.size()) {
        if (in_at_ > 0) {
            std::memmove(in_.data(), in_.data() + in_at_, in_end_ - in_at_);
            in_end_ -= in_at_;
            in_at_ = 0;
        } else {
            in_.resize(std::max(kFirstBuffer, in_.size() * 2));
        }
    }
    const auto room = in_.size() - in_end_;
    const auto n = ::recv(fd_, in_.data() + in_end_, room, 0);
    if (n > 0) {
        in_end_ += static_cast<std::size_t>(n);
        // Less than asked for: the socket is empty, the next bytes bring a new event.
        if (static_cast<std::size_t>(n) < room && !hung_up_) readable_ = false;
        return true;
    }
    if (n == 0) {
        peer_closed_ = true;
        readable_ = false;
        return true;
    }
    if (errno == EINTR) return true;
    readable_ = false;
    if (errno != EAGAIN && errno != EWOULDBLOCK) kill();
    return false;
}

bool Connection::flush() {
    while (out_at_ < out_.size()) {
        const auto n = ::send(fd_, out_.data() + out_at_, out_.size() - out_at_, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EINTR) continue;
            if (errno != EAGAIN && errno != EWOULDBLOCK) kill();
            if (out_at_ > kEnoughOutput) {
                out_.erase(0, out_at_);
                out_at_ = 0;
            }
            return false;
        }
        out_at_ += static_cast<std::size_t>(n);
        sent_ += static_cast<std::uint64_t>(n);
    }
    out_.clear();
    out_at_ = 0;
    settle();
    return phase_ != Phase::dead;
}

void Connection::settle() {
    for (const auto& one : unsettled_) {
        one.tally->answered.fetch_add(1, std::memory_order_relaxed);
    }
    unsettled_.clear();
}

void Connection::count_current(std::atomic<std::uint64_t> Tally::*outcome) {
    if (tally_ != nullptr) (tally_->*outcome).fetch_add(1, std::memory_order_relaxed);
}

void Connection::kill() {
    count_current(&Tally::aborted);
    tally_ = nullptr;
    for (const auto& one : unsettled_) {
        auto& outcome = one.end <= sent_ ? one.tally->answered : one.tally->aborted;
        outcome.fetch_add(1, std::memory_order_relaxed);
    }
    unsettled_.clear();
    phase_ = Phase::dead;
}

void Connection::reset() {
    const linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    kill();
}

}  // namespace switchyard::origin
