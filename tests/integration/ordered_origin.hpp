#pragma once

#include <map>
#include <mutex>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace switchyard::test {

/// An origin that answers every request with its target, closes the connection, and remembers in
/// which order the connections came that brought one.
class OrderedOrigin {
  public:
    OrderedOrigin() : listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        address_.sin_family = AF_INET;
        address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address_;
        auto* const name = reinterpret_cast<sockaddr*>(&address_);
        if (::bind(listening_, name, size) != 0 || ::listen(listening_, 4096) != 0 ||
            ::getsockname(listening_, name, &size) != 0) {
            throw std::runtime_error("no origin");
        }
        thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
    }
    ~OrderedOrigin() {
        thread_.request_stop();
        thread_.join();
        for (auto& [fd, connection] : connections_)
            ::close(fd);
        ::close(listening_);
    }
    OrderedOrigin(const OrderedOrigin&) = delete;
    OrderedOrigin& operator=(const OrderedOrigin&) = delete;

    [[nodiscard]] std::string address() const {
        return "127.0.0.1:" + std::to_string(ntohs(address_.sin_port));
    }
    /// The targets in the order of their connections.
    [[nodiscard]] std::vector<std::string> targets() const {
        const std::lock_guard lock(mutex_);
        std::vector<std::string> all;
        for (const auto& [place, target] : seen_)
            all.push_back(target);
        return all;
    }

  private:
    struct Connection {
        std::size_t place = 0;
        std::string head;
    };

    void run(const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            std::vector<pollfd> all{{listening_, POLLIN, 0}};
            for (const auto& [fd, connection] : connections_)
                all.push_back({fd, POLLIN, 0});
            if (::poll(all.data(), all.size(), 20) <= 0) continue;
            for (std::size_t i = 1; i < all.size(); ++i) {
                if (all[i].revents != 0) read(all[i].fd);
            }
            if (all[0].revents == 0) continue;
            const int fd = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
            if (fd >= 0) connections_[fd].place = next_place_++;
        }
    }
    void read(int fd) {
        Connection& connection = connections_.at(fd);
        char bytes[4096];
        const auto got = ::recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (got > 0) {
            connection.head.append(bytes, static_cast<std::size_t>(got));
            if (connection.head.find("\r\n\r\n") == std::string::npos) return;
            const auto begin = connection.head.find(' ') + 1;
            const auto target =
                connection.head.substr(begin, connection.head.find(' ', begin) - begin);
            if (target != "/up") {
                const std::lock_guard lock(mutex_);
                seen_[connection.place] = target;
            }
            const std::string answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " +
                                       std::to_string(target.size()) + "\r\n\r\n" + target;
            (void)!::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
        }
        ::close(fd);
        connections_.erase(fd);
    }

    int listening_;
    sockaddr_in address_{};
    std::map<int, Connection> connections_;
    std::size_t next_place_ = 0;
    mutable std::mutex mutex_;
    std::map<std::size_t, std::string> seen_;
    std::jthread thread_;
};

}  // namespace switchyard::test
