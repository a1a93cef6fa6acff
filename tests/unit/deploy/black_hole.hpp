#pragma once

#include <arpa/inet.h>
#include <cstdint>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace switchyard::test {

/// Takes connections on 127.0.0.1, and says nothing.
class SilentServer {
  public:
    explicit SilentServer(int backlog = 16)
        : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
            ::listen(fd_, backlog) != 0 ||
            ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
            throw std::runtime_error("no listener");
        }
        port_ = ntohs(address.sin_port);
    }
    ~SilentServer() { ::close(fd_); }
    SilentServer(const SilentServer&) = delete;
    SilentServer& operator=(const SilentServer&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] int fd() const noexcept { return fd_; }

  private:
    int fd_;
    std::uint16_t port_ = 0;
};

/// Says the same text to whoever connects first, and closes when it goes.
class SayingServer {
  public:
    explicit SayingServer(std::string text)
        : thread_([this, text = std::move(text)] {
              const int fd = ::accept4(server_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
              if (fd < 0) return;
              (void)!::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
              // Until the client has had enough.
              char octets[4096];
              while (::recv(fd, octets, sizeof octets, 0) > 0) {
              }
              ::close(fd);
          }) {}
    ~SayingServer() {
        ::shutdown(server_.fd(), SHUT_RDWR);
        thread_.join();
    }
    SayingServer(const SayingServer&) = delete;
    SayingServer& operator=(const SayingServer&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept { return server_.port(); }

  private:
    SilentServer server_;
    std::thread thread_;
};

/// An address whose host answers nothing at all: the queue of the listener is full, so that the
/// system drops what else arrives.
class BlackHole {
  public:
    BlackHole() : server_(0) {
        for (int i = 0; i < 64; ++i) {
            const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
            fds_.push_back(fd);
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_port = htons(server_.port());
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            (void)::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
            pollfd connected{fd, POLLOUT, 0};
            // Over the loopback an answer is there at once, if one comes.
            if (::poll(&connected, 1, 100) == 0) return;
        }
        throw std::runtime_error("the queue of a listener never becomes full");
    }
    ~BlackHole() {
        for (const int fd : fds_)
            ::close(fd);
    }
    BlackHole(const BlackHole&) = delete;
    BlackHole& operator=(const BlackHole&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept { return server_.port(); }

  private:
    SilentServer server_;
    std::vector<int> fds_;
};

}  // namespace switchyard::test
