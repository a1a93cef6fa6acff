#include "bench/common/address.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace switchyard::bench {

Address parse_address(std::string_view text) {
    Address result;
    const std::string whole(text);
    if (text.starts_with("unix:")) {
        const std::string path(text.substr(5));
        auto* unix_address = reinterpret_cast<sockaddr_un*>(&result.storage);
        if (path.empty() || path.size() >= sizeof(unix_address->sun_path))
            throw std::invalid_argument("bad unix socket path: " + whole);
        unix_address->sun_family = AF_UNIX;
        std::memcpy(unix_address->sun_path, path.c_str(), path.size() + 1);
        result.length = sizeof(sockaddr_un);
        return result;
    }
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos)
        throw std::invalid_argument("expected ADDRESS:PORT, got " + whole);
    std::string host(text.substr(0, colon));
    const std::string_view digits = text.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{} || end != digits.data() + digits.size())
        throw std::invalid_argument("bad port in " + whole);
    if (host == "localhost") host = "127.0.0.1";
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        auto* v6 = reinterpret_cast<sockaddr_in6*>(&result.storage);
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        if (inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6->sin6_addr) != 1)
            throw std::invalid_argument("bad IPv6 address in " + whole);
        result.length = sizeof(sockaddr_in6);
        return result;
    }
    auto* v4 = reinterpret_cast<sockaddr_in*>(&result.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) != 1)
        throw std::invalid_argument("bad IPv4 address in " + whole);
    result.length = sizeof(sockaddr_in);
    return result;
}

int listen_on(const Address& address, int backlog) {
    const int fd = socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "socket");
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, address.get(), address.length) != 0 || listen(fd, backlog) != 0) {
        const int error = errno;
        close(fd);
        throw std::system_error(error, std::generic_category(), "listen");
    }
    return fd;
}

std::uint16_t local_port(int fd) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return 0;
    if (storage.ss_family == AF_INET6)
        return ntohs(reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port);
    return ntohs(reinterpret_cast<sockaddr_in*>(&storage)->sin_port);
}

void set_nodelay(int fd) noexcept {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace switchyard::bench
