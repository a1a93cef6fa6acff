#include "net/listener.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <spdlog/spdlog.h>

namespace switchyard::net {

namespace {

constexpr int kBacklog = 4096;
constexpr unsigned kMostAtOnce = 8;

std::string bind_error(const config::Listener& listener, int error) {
    std::string text = "cannot listen on " + listener.address + ": " + std::strerror(error);
    if (error == EADDRINUSE) {
        text += " (another program has this port: find it with `ss -ltnp`)";
    } else if (error == EACCES) {
        text += " (ports below 1024 need CAP_NET_BIND_SERVICE)";
    } else if (error == EADDRNOTAVAIL) {
        text += " (no interface of this machine has this address)";
    }
    return text;
}

/// A bound socket, or -1 with errno set.
int bound_socket(const Address& address, bool share) {
    const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    const int one = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (share) ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (address.family() == AF_INET6) {
        ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    }
    // Accepted sockets inherit it.
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (::bind(fd, address.get(), address.size) != 0) {
        const int error = errno;
        ::close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

}  // namespace

Result<std::vector<int>> bind_listeners(const config::Listener& listener, std::size_t count,
                                        bool look_for_others) {
    auto address = make_address(listener.host, listener.port);
    if (!address) return Error("cannot listen on " + listener.address + ": not an IP address");

    // SO_REUSEPORT would let us join a port that another daemon of the same user has; a socket
    // without it finds out.
    if (listener.port != 0 && look_for_others) {
        const int probe = bound_socket(*address, false);
        if (probe < 0) return Error(bind_error(listener, errno));
        const int listening = ::listen(probe, 1);
        const int error = errno;
        ::close(probe);
        if (listening != 0) return Error(bind_error(listener, error));
    }
    std::vector<int> sockets;
    for (std::size_t i = 0; i < count; ++i) {
        const int fd = bound_socket(*address, true);
        int error = fd < 0 ? errno : 0;
        if (fd >= 0 && ::listen(fd, kBacklog) != 0) {
            error = errno;
            ::close(fd);
        }
        if (error != 0) {
            for (const int made : sockets)
                ::close(made);
            return Error(bind_error(listener, error));
        }
        sockets.push_back(fd);
        if (i == 0) address = local_address(fd).value_or(*address);
    }
    return sockets;
}

Acceptor::Acceptor(EventLoop& loop, int fd, Callback callback)
    : loop_(loop), fd_(fd), callback_(std::move(callback)) {
    reserve_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    // Level-triggered: one accept an event, and no call that finds nothing.
    if (!loop_.add(fd_, *this, EPOLLIN)) {
        spdlog::error("listener_failed error={}", log_value(std::strerror(errno)));
    }
}

Acceptor::~Acceptor() {
    if (reserve_ >= 0) ::close(reserve_);
    if (fd_ >= 0) {
        loop_.forget(*this);
        ::close(fd_);
    }
}

Acceptor::Result Acceptor::accept_one() {
    Address peer;
    peer.size = sizeof peer.storage;
    const int fd = ::accept4(fd_, peer.get(), &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        callback_(fd, peer);
        return Result::more;
    }
    switch (errno) {
        case EMFILE:
        case ENFILE:
        case ENOMEM:
        case ENOBUFS:
            return turn_away() ? Result::more : Result::stuck;
        case EINTR:
        case ECONNABORTED:
            return Result::more;
        default:
            return Result::none;
    }
}

bool Acceptor::turn_away() {
    // Without a descriptor the waiting connection can't even be closed, and the loop would spin on
    // it: the reserve makes room to accept it and close it.
    if (EventLoop::now_ns() - complained_ns_ > 1'000'000'000) {
        complained_ns_ = EventLoop::now_ns();
        spdlog::warn(
            "accept_failed error=\"out of file descriptors\" "
            "hint=\"raise LimitNOFILE or set limits.connections\"");
    }
    if (reserve_ >= 0) ::close(reserve_);
    const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) ::close(fd);
    // Other threads may have been faster, here and above.
    reserve_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd >= 0;
}

unsigned Acceptor::waiting() const noexcept {
    // For a listening socket the kernel reports the length of its queue in this field.
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 1;
    return info.tcpi_unacked;
}

void Acceptor::on_events(std::uint32_t) {
    // In a burst several are taken an event: every trip through the loop costs. But never one too
    // many: an accept that finds nothing has made a socket and throws it away.
    unsigned count = 1;
    if (at_once_ > 1) count = std::clamp(waiting(), 1U, at_once_);
    at_once_ = count == at_once_ ? std::min(2 * count, kMostAtOnce) : count;
    Result result = Result::more;
    for (; result == Result::more && count > 0; --count)
        result = accept_one();
    if (result != Result::stuck) return;
    // What waits can't be taken, and the kernel would report it again at once.
    if (loop_.change(fd_, *this, 0)) loop_.timers().schedule(*this, loop_.timers().now() + 1);
}

std::uint64_t Acceptor::on_tick(std::uint64_t now) {
    if (fd_ < 0 || loop_.change(fd_, *this, EPOLLIN)) return 0;
    return now + 1;
}

void Acceptor::close() {
    if (fd_ < 0) return;
    // Bounded, should clients connect faster than they are taken.
    for (int i = 0; i < 2 * kBacklog && accept_one() == Result::more; ++i) {
    }
    loop_.forget(*this);
    ::close(fd_);
    fd_ = -1;
}

}  // namespace switchyard::net
