#include "support/origin/grpc_server.hpp"

#include <array>
#include <cerrno>
#include <exception>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace switchyard::origin {
namespace {

/// How exactly messages are sent when they are due.
constexpr int kTickMs = 5;

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

GrpcServer::GrpcServer(World& world, Books& books, int listener)
    : world_(world), books_(books), listener_(listener) {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) fail("epoll_create1");
    wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_ < 0) fail("eventfd");
    epoll_event event{};
    event.events = EPOLLIN;
    for (int* const fd : {&wake_, &listener_}) {
        event.data.ptr = fd;
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, *fd, &event) != 0) fail("epoll_ctl");
    }
}

GrpcServer::~GrpcServer() {
    connections_.clear();
    ::close(wake_);
    ::close(epoll_);
}

void GrpcServer::run() {
    std::array<epoll_event, 64> events;
    for (;;) {
        const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                                       has_timers() ? kTickMs : -1);
        if (count < 0 && errno != EINTR) fail("epoll_wait");
        for (int i = 0; i < count; ++i) {
            void* const who = events[static_cast<std::size_t>(i)].data.ptr;
            if (who == &wake_) return;
            if (who == &listener_) {
                accept_some();
                continue;
            }
            auto* const connection = static_cast<GrpcConnection*>(who);
            if (!connection->go_on()) connections_.erase(connection->fd());
        }
        std::erase_if(connections_, [](const auto& one) { return !one.second->on_time(); });
    }
}

void GrpcServer::stop() noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
}

bool GrpcServer::has_timers() const noexcept {
    for (const auto& [fd, connection] : connections_)
        if (connection->has_timers()) return true;
    return false;
}

void GrpcServer::accept_some() {
    for (;;) {
        const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        auto connection = std::make_unique<GrpcConnection>(world_, books_, fd);
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
        event.data.ptr = connection.get();
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) continue;
        connections_.emplace(fd, std::move(connection));
    }
}

}  // namespace switchyard::origin
