#include "support/origin/listener.hpp"

#include <cerrno>
#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace switchyard::origin {
namespace {

constexpr int kBacklog = 4096;

[[noreturn]] void fail(const std::string& address, const std::string& why) {
    throw std::runtime_error("cannot listen on " + address + ": " + why);
}

}  // namespace

OriginListener::OriginListener(const std::string& address) : address_(address) {
    if (address.starts_with("unix:")) {
        listen_unix(address.substr(5));
        return;
    }
    const auto colon = address.rfind(':');
    if (colon == std::string::npos) fail(address, "ADDR:PORT or unix:PATH expected");
    auto host = address.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    listen_tcp(host, address.substr(colon + 1));
}

OriginListener::~OriginListener() {
    if (fd_ >= 0) ::close(fd_);
    if (!unlink_.empty()) ::unlink(unlink_.c_str());
}

void OriginListener::listen_unix(const std::string& path) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof name.sun_path) fail(address_, "path too long");
    std::memcpy(name.sun_path, path.c_str(), path.size() + 1);
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) fail(address_, std::strerror(errno));
    ::unlink(path.c_str());
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0 ||
        ::listen(fd_, kBacklog) != 0) {
        fail(address_, std::strerror(errno));
    }
    unlink_ = path;
}

void OriginListener::listen_tcp(const std::string& host, const std::string& port) {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
        fail(address_, ::gai_strerror(error));
    }
    fd_ = ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    const bool listening =
        fd_ >= 0 && ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        ::bind(fd_, found->ai_addr, found->ai_addrlen) == 0 && ::listen(fd_, kBacklog) == 0;
    const int error = errno;
    ::freeaddrinfo(found);
    if (!listening) fail(address_, std::strerror(error));

    sockaddr_storage name{};
    socklen_t size = sizeof name;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&name), &size);
    const auto real_port = name.ss_family == AF_INET6
                               ? reinterpret_cast<const sockaddr_in6&>(name).sin6_port
                               : reinterpret_cast<const sockaddr_in&>(name).sin_port;
    const auto shown = name.ss_family == AF_INET6 ? "[" + host + "]" : host;
    address_ = shown + ":" + std::to_string(ntohs(real_port));
}

}  // namespace switchyard::origin
