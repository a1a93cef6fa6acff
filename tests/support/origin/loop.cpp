#include "support/origin/loop.hpp"

#include <array>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace switchyard::origin {
namespace {

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

constexpr int kAcceptBatch = 16;

}  // namespace

Loop::Loop(World& world, Books& books, int listener)
    : world_(world), books_(books), listener_(listener) {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) fail("epoll_create1");
    wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_ < 0) fail("eventfd");
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &wake_;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) != 0) fail("epoll_ctl");
    event.events = EPOLLIN | EPOLLEXCLUSIVE;
    event.data.ptr = &listener_;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event) != 0) fail("epoll_ctl");
}

Loop::~Loop() {
    connections_.clear();
    ::close(wake_);
    ::close(epoll_);
}

void Loop::run() {
    std::array<epoll_event, 256> events;
    for (;;) {
        const int n =
            ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait_ms());
        if (n < 0 && errno != EINTR) fail("epoll_wait");
        for (int i = 0; i < n; ++i) {
            const auto& event = events[static_cast<std::size_t>(i)];
            if (event.data.ptr == &wake_) return;
            if (event.data.ptr == &listener_) {
                accept_some();
                continue;
            }
            auto* connection = static_cast<Connection*>(event.data.ptr);
            if (!connection->on_events(event.events)) connections_.erase(connection->fd());
        }
        run_timers();
    }
}

void Loop::stop() noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
}

void Loop::accept_some() {
    for (int i = 0; i < kAcceptBatch; ++i) {
        const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        const int on = 1;  // Fails on unix sockets, which need no such thing.
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        const auto number = world_.next_connection.fetch_add(1, std::memory_order_relaxed);
        auto connection = std::make_unique<Connection>(*this, fd, number);
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
        event.data.ptr = connection.get();
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) continue;
        connections_.emplace(fd, std::move(connection));
    }
}

void Loop::arm(Connection& connection, std::chrono::milliseconds after) {
    disarm(connection);
    const auto at = Clock::now() + after;
    timers_.emplace(at, &connection);
    armed_.emplace(&connection, at);
}

void Loop::disarm(Connection& connection) noexcept {
    if (armed_.empty()) return;
    const auto found = armed_.find(&connection);
    if (found == armed_.end()) return;
    timers_.erase({found->second, &connection});
    armed_.erase(found);
}

void Loop::run_timers() {
    if (timers_.empty()) return;
    const auto now = Clock::now();
    while (!timers_.empty() && timers_.begin()->first <= now) {
        auto* connection = timers_.begin()->second;
        disarm(*connection);
        if (!connection->on_timer()) connections_.erase(connection->fd());
    }
}

int Loop::wait_ms() const {
    if (timers_.empty()) return -1;
    const auto left = timers_.begin()->first - Clock::now();
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    return ms <= 0 ? 0 : static_cast<int>(std::min<long long>(ms, 60'000));
}

}  // namespace switchyard::origin
