#pragma once

#include <arpa/inet.h>
#include <functional>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace switchyard::test {

/// An origin that does below HTTP what switchyard-origin can't: each connection is a function on a
/// thread of its own. Connections stay open until the origin goes.
class RawOrigin {
  public:
    /// Gets a blocking socket, which stays the origin's. Reads and writes fail when the origin
    /// goes.
    using Connection = std::function<void(int fd)>;

    enum class Buffers { usual, least };

    /// With the least buffers a sender is stuck after a few KiB: what its own kernel takes for it
    /// depends on the size of segments.
    explicit RawOrigin(Connection connection, Buffers buffers = Buffers::usual)
        : connection_(std::move(connection)),
          listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        address_.sin_family = AF_INET;
        address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address_;
        auto* const name = reinterpret_cast<sockaddr*>(&address_);
        if (buffers == Buffers::least) {
            const int segment = 100;
            const int bytes = 1;
            ::setsockopt(listening_, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
            ::setsockopt(listening_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
        }
        if (::bind(listening_, name, size) != 0 || ::listen(listening_, 64) != 0 ||
            ::getsockname(listening_, name, &size) != 0) {
            throw std::runtime_error("no origin");
        }
        acceptor_ = std::thread([this] { accept_all(); });
    }
    ~RawOrigin() {
        ::shutdown(listening_, SHUT_RDWR);
        acceptor_.join();
        for (const int fd : sockets_)
            ::shutdown(fd, SHUT_RDWR);
        for (auto& thread : threads_)
            thread.join();
        for (const int fd : sockets_)
            ::close(fd);
        ::close(listening_);
    }
    RawOrigin(const RawOrigin&) = delete;
    RawOrigin& operator=(const RawOrigin&) = delete;

    [[nodiscard]] std::string address() const {
        return "127.0.0.1:" + std::to_string(ntohs(address_.sin_port));
    }

    /// Everything; false when the connection is gone.
    static bool send_all(int fd, std::string_view text) {
        while (!text.empty()) {
            const auto sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            text.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }

  private:
    void accept_all() {
        for (;;) {
            const int fd = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0) return;
            sockets_.push_back(fd);
            threads_.emplace_back([this, fd] { connection_(fd); });
        }
    }

    Connection connection_;
    int listening_;
    sockaddr_in address_{};
    std::vector<int> sockets_;
    std::vector<std::thread> threads_;
    std::thread acceptor_;
};

/// What a health check is content with.
inline constexpr std::string_view kHealthy = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

}  // namespace switchyard::test
