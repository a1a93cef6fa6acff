#pragma once

#include "route/snapshot.hpp"
#include "unit/net/support.hpp"

#include <cstring>
#include <memory>
#include <netinet/in.h>
#include <string>
#include <sys/un.h>

/// Targets and real connections to them, for tests of the pool, the balancer and connect().
namespace switchyard::upstream::test {

inline std::shared_ptr<route::Target> make_target(std::uint32_t id, std::size_t workers = 1) {
    config::Target config;
    config.address = "10.0.0." + std::to_string(id) + ":80";
    return std::make_shared<route::Target>(id, "app", Colour::blue, config, workers);
}

inline route::SocketAddress socket_address(const sockaddr* address, socklen_t size) {
    route::SocketAddress made;
    std::memcpy(made.bytes, address, size);
    made.size = size;
    return made;
}

/// A socket on a free port of 127.0.0.1, listening or only bound (then connects are refused).
class Port {
  public:
    explicit Port(bool listening) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in name{};
        name.sin_family = AF_INET;
        name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof name;
        auto* const generic = reinterpret_cast<sockaddr*>(&name);
        if (::bind(fd_, generic, size) != 0 || (listening && ::listen(fd_, 16) != 0) ||
            ::getsockname(fd_, generic, &size) != 0) {
            throw std::system_error(errno, std::generic_category(), "port");
        }
        address_ = socket_address(generic, size);
    }
    ~Port() { ::close(fd_); }
    Port(const Port&) = delete;
    Port& operator=(const Port&) = delete;

    [[nodiscard]] const route::SocketAddress& address() const { return address_; }
    [[nodiscard]] int accept() const { return ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC); }

  private:
    int fd_;
    route::SocketAddress address_;
};

}  // namespace switchyard::upstream::test
