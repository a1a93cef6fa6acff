#include "deploy/connect.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/un.h>
#include <system_error>

namespace switchyard::deploy {
namespace {

using namespace std::chrono_literals;

std::string message_of(int error) {
    return std::generic_category().message(error);
}

const Fault kCancelled{Outcome::Kind::cancelled, "cancelled"};

/// 0, or the number of the error; ETIMEDOUT at the deadline, ECANCELED.
int await_connected(int fd, TimePoint deadline, const Cancellation& cancellation) {
    pollfd ends[] = {{fd, POLLOUT, 0}, {cancellation.fd(), POLLIN, 0}};
    while (::poll(ends, 2, poll_ms(deadline)) < 0 && errno == EINTR) {
    }
    if (cancellation.requested()) return ECANCELED;
    if (ends[0].revents == 0) return ETIMEDOUT;
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
    return error;
}

Step<Descriptor> connect_to(const SocketAddress& address, TimePoint deadline,
                            const Cancellation& cancellation) {
    Descriptor fd(
        ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return Fault{Outcome::Kind::unreachable, "cannot make a socket: " + message_of(errno)};
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int error = 0;
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) !=
        0) {
        error = errno == EINPROGRESS ? await_connected(fd.get(), deadline, cancellation) : errno;
    }
    if (error == ECANCELED) return kCancelled;
    if (error == ETIMEDOUT) {
        return Fault{Outcome::Kind::unreachable, "no answer to the connection attempt"};
    }
    if (error != 0) {
        return Fault{Outcome::Kind::unreachable, "cannot connect: " + message_of(error)};
    }
    return fd;
}

}  // namespace

Step<Descriptor> connect_tcp(const std::vector<SocketAddress>& addresses, TimePoint deadline,
                             const Cancellation& cancellation) {
    Fault fault{Outcome::Kind::unreachable, "the host has no address"};
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        if (cancellation.requested()) return kCancelled;
        const auto left = std::max<Clock::duration>(deadline - Clock::now(), 0ms);
        const auto share = left / static_cast<Clock::rep>(addresses.size() - i);
        auto fd = connect_to(addresses[i], Clock::now() + share, cancellation);
        if (fd) return fd;
        fault = fd.error();
        if (fault.kind == Outcome::Kind::cancelled) break;
    }
    return fault;
}

Step<Descriptor> connect_unix(const std::string& path, TimePoint deadline,
                              const Cancellation& cancellation) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return Fault{Outcome::Kind::login, "the path " + path + " is too long for a socket"};
    }
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return Fault{Outcome::Kind::login, "cannot make a socket: " + message_of(errno)};
    while (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        // A unix socket with a full queue can't be waited for in another way.
        if (errno != EAGAIN && errno != EINTR) {
            return Fault{Outcome::Kind::login,
                         "cannot connect to " + path + ": " + message_of(errno)};
        }
        if (Clock::now() >= deadline) {
            return Fault{Outcome::Kind::login, path + " takes no connection: it is busy or stuck"};
        }
        pollfd cancelled{cancellation.fd(), POLLIN, 0};
        if (::poll(&cancelled, 1, 20) > 0 && cancellation.requested()) return kCancelled;
    }
    return fd;
}

}  // namespace switchyard::deploy
