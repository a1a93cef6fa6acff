#include "upstream/connection.hpp"

#include <cerrno>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include <openssl/ssl.h>

namespace switchyard::upstream {

namespace {

/// A socket with its connect under way, or -1 with errno.
int begin_connect(const route::SocketAddress& address, bool& connected) {
    const auto* to = reinterpret_cast<const sockaddr*>(address.bytes);
    const int fd = ::socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (to->sa_family != AF_UNIX) {
        const int one = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    connected = ::connect(fd, to, static_cast<socklen_t>(address.size)) == 0;
    if (!connected && errno != EINPROGRESS) {
        const int error = errno;
        ::close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/// What was agreed on in the handshake (ALPN, RFC 9113 §3.2).
bool speaks_http2(const SSL* tls) noexcept {
    const unsigned char* protocol = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(tls, &protocol, &size);
    return size == 2 && protocol[0] == 'h' && protocol[1] == '2';
}

/// The handshake over a connection that stands. Leaves the stream open only if it succeeds.
Task<ConnectResult> encrypt(net::Stream& stream, const route::Target& target,
                            std::shared_ptr<const TlsClient> tls, std::uint64_t deadline) {
    ConnectResult result{EPROTO, {}};
    const net::TimerWheel& timers = stream.loop().timers();
    net::IoStatus status = net::IoStatus::timed_out;
    if (tls == nullptr) {
        // Its certificates are not there: rather nothing than plain text.
        status = net::IoStatus::error;
        result.tls_failure = "TLS is not set up";
    } else if (deadline == 0 || timers.now() < deadline) {
        ssl_st* const made = tls->make(target.config().host);
        status = co_await stream.connect_tls(made, tls, timers.left(deadline));
    }
    switch (status) {
        case net::IoStatus::ok:
            if (!target.config().http2 || speaks_http2(stream.tls())) co_return ConnectResult{};
            result.not_http2 = true;
            break;
        case net::IoStatus::timed_out:
            result.error = ETIMEDOUT;
            break;
        case net::IoStatus::cancelled:
            result.error = ECANCELED;
            break;
        default:
            if (stream.tls() != nullptr) {
                result.tls_failure = tls->failure(stream.tls());
                // RFC 7301 §3.2: how a server says that it speaks nothing of what was offered.
                result.not_http2 =
                    target.config().http2 &&
                    result.tls_failure.find("no application protocol") != std::string::npos;
                if (result.tls_failure.empty()) result.tls_failure = "closed during the handshake";
            } else if (tls != nullptr) {
                result.error = stream.error_number();
            }
            break;
    }
    stream.close();
    co_return result;
}

Task<ConnectResult> connect_plain(net::Stream& stream, std::shared_ptr<route::Target> target,
                                  std::uint64_t deadline);

/// Says who the client is, over a connection that stands. Leaves it open only if that succeeds.
Task<ConnectResult> announce(net::Stream& stream, std::string_view header, std::uint64_t deadline) {
    const net::TimerWheel& timers = stream.loop().timers();
    ConnectResult result{ETIMEDOUT, {}};
    if (deadline == 0 || timers.now() < deadline) {
        iovec piece{const_cast<char*>(header.data()), header.size()};
        const net::Stream::Transfer sent =
            co_await stream.write_all({&piece, 1}, timers.left(deadline));
        if (sent.status == net::IoStatus::ok) co_return ConnectResult{};
        if (sent.status == net::IoStatus::cancelled) result.error = ECANCELED;
        if (sent.status == net::IoStatus::error) result.error = stream.error_number();
    }
    stream.close();
    co_return result;
}

/// To a target that is told who the client is, or speaks TLS, or both.
Task<ConnectResult> connect_further(net::Stream& stream, std::shared_ptr<route::Target> target,
                                    std::string_view header, std::uint64_t deadline) {
    std::shared_ptr<const TlsClient> tls = target->tls();
    ConnectResult result = co_await connect_plain(stream, target, deadline);
    if (result.error == 0 && !header.empty()) {
        result = co_await announce(stream, header, deadline);
    }
    if (result.error != 0 || !target->config().tls()) co_return result;
    result = co_await encrypt(stream, *target, std::move(tls), deadline);
    co_return result;
}

/// To one of the target's addresses.
Task<ConnectResult> connect_plain(net::Stream& stream, std::shared_ptr<route::Target> target,
                                  std::uint64_t deadline) {
    const net::TimerWheel& timers = stream.loop().timers();
    ConnectResult result{EHOSTUNREACH, {}};
    const auto addresses = target->addresses();
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        const route::SocketAddress& address = addresses[i];
        bool connected = false;
        const int fd = begin_connect(address, connected);
        if (fd < 0) {
            result.error = errno;
            continue;
        }
        const bool opened = connected ? stream.open(fd) : stream.open_connecting(fd);
        if (!opened) {
            result.error = stream.error_number();
            continue;
        }
        if (connected) co_return ConnectResult{};
        const std::uint64_t now = timers.now();
        net::IoStatus waited = net::IoStatus::timed_out;
        if (deadline == 0 || now < deadline) {
            // An address that swallows everything must leave time for the ones behind it.
            const std::uint64_t share = addresses.size() - i;
            const auto left = deadline == 0
                                  ? std::chrono::milliseconds(0)
                                  : net::TimerWheel::kTick *
                                        static_cast<int>((deadline - now + share - 1) / share);
            waited = co_await stream.writable(left);
        }
        if (waited == net::IoStatus::ok) {
            result.error = stream.connect_error();
            if (result.error == 0) co_return result;
        } else if (waited == net::IoStatus::cancelled) {
            stream.close();
            co_return ConnectResult{ECANCELED, {}};
        } else {
            result.error = ETIMEDOUT;
        }
        stream.close();
        if (deadline != 0 && timers.now() >= deadline) break;
    }
    co_return result;
}

}  // namespace

Task<ConnectResult> connect(net::Stream& stream, std::shared_ptr<route::Target> target,
                            std::chrono::milliseconds timeout, std::string_view proxy_header) {
    const std::uint64_t deadline = stream.loop().timers().after(timeout);
    if (!target->config().tls() && proxy_header.empty()) {
        return connect_plain(stream, std::move(target), deadline);
    }
    return connect_further(stream, std::move(target), proxy_header, deadline);
}

Task<ConnectResult> Connection::connect(std::chrono::milliseconds timeout) {
    // Before addresses and certificates: should they change in between, the connection counts as
    // the older one.
    generation = target->generation();
    return upstream::connect(session.stream(), target, timeout, proxy_header);
}

}  // namespace switchyard::upstream
