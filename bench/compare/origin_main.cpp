// switchyard-bench-origin ADDRESS:PORT: the application behind the proxies in bench/compare.
// Answers "GET /N" with N bytes and swallows the body of a POST; one thread, as cheap as can be.
#include "bench/common/address.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace switchyard::bench;

constexpr std::size_t kMaxAnswer = 16 * 1024 * 1024;

/// Shared by all connections: one body to answer from, one buffer to read into.
struct Shared {
    std::string body = std::string(kMaxAnswer, 'b');
    std::vector<char> buffer = std::vector<char>(256 * 1024);
};

class Connection {
  public:
    Connection(int fd, Shared& shared) : fd_(fd), shared_(shared) {}
    ~Connection() { ::close(fd_); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// Does what the socket allows; false when the connection is over.
    bool on_ready(bool peer_ended) {
        if (sending() && !send_answer()) return false;
        while (!sending()) {
            const ssize_t count = recv(fd_, shared_.buffer.data(), shared_.buffer.size(), 0);
            if (count < 0) return errno == EAGAIN;
            if (count == 0) return false;
            if (!take({shared_.buffer.data(), static_cast<std::size_t>(count)})) return false;
            if (!peer_ended && static_cast<std::size_t>(count) < shared_.buffer.size()) return true;
        }
        return true;
    }

  private:
    bool sending() const { return head_sent_ < head_.size() || body_sent_ < body_size_; }

    bool take(std::string_view bytes) {
        while (!bytes.empty()) {
            if (skip_ > 0) {
                const auto count =
                    static_cast<std::size_t>(std::min<std::uint64_t>(skip_, bytes.size()));
                bytes.remove_prefix(count);
                skip_ -= count;
                if (skip_ == 0 && !answer()) return false;
                continue;
            }
            request_ += bytes;
            const auto end = request_.find("\r\n\r\n");
            if (end == std::string::npos) return request_.size() < 64 * 1024;
            bytes.remove_prefix(bytes.size() - (request_.size() - end - 4));
            request_.resize(end + 2);
            if (!take_head()) return false;
            request_.clear();
            if (skip_ == 0 && !answer()) return false;
        }
        return true;
    }

    bool take_head() {
        const std::string_view head = request_;
        const auto slash = head.find(" /");
        if (slash == std::string_view::npos) return false;
        body_size_next_ = 0;
        std::from_chars(head.data() + slash + 2, head.data() + head.size(), body_size_next_);
        body_size_next_ = std::min(body_size_next_, kMaxAnswer);
        close_ = head.find("HTTP/1.0\r\n") != std::string_view::npos;
        for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
            const auto line_end = head.find("\r\n", at);
            const std::string_view line = head.substr(at, line_end - at);
            at = line_end + 2;
            constexpr std::string_view kLength = "content-length:";
            constexpr std::string_view kConnection = "connection:";
            if (line.size() > kLength.size() &&
                strncasecmp(line.data(), kLength.data(), kLength.size()) == 0) {
                skip_ = std::strtoull(line.data() + kLength.size(), nullptr, 10);
            } else if (line.size() > kConnection.size() &&
                       strncasecmp(line.data(), kConnection.data(), kConnection.size()) == 0) {
                if (line.find("lose") != std::string_view::npos) close_ = true;
            }
        }
        return true;
    }

    bool answer() {
        if (sending()) return false;  // pipelining is not spoken between proxy and origin
        body_size_ = body_size_next_;
        head_ =
            "HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: application/octet-stream\r\n"
            "Content-Length: " +
            std::to_string(body_size_) + (close_ ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n");
        head_sent_ = body_sent_ = 0;
        return send_answer();
    }

    bool send_answer() {
        while (sending()) {
            std::array<iovec, 2> parts{};
            std::size_t used = 0;
            if (head_sent_ < head_.size())
                parts[used++] = {head_.data() + head_sent_, head_.size() - head_sent_};
            if (body_sent_ < body_size_)
                parts[used++] = {shared_.body.data() + body_sent_, body_size_ - body_sent_};
            msghdr message{};
            message.msg_iov = parts.data();
            message.msg_iovlen = used;
            const ssize_t count = sendmsg(fd_, &message, MSG_NOSIGNAL);
            if (count < 0) return errno == EAGAIN;
            auto left = static_cast<std::size_t>(count);
            const std::size_t of_head = std::min(left, head_.size() - head_sent_);
            head_sent_ += of_head;
            left -= of_head;
            body_sent_ += left;
        }
        return !close_;
    }

    int fd_;
    Shared& shared_;
    std::string request_;
    std::string head_;
    std::size_t head_sent_ = 0;
    std::size_t body_size_ = 0;
    std::size_t body_sent_ = 0;
    std::size_t body_size_next_ = 0;
    std::uint64_t skip_ = 0;
    bool close_ = false;
};

void serve(const Address& address) {
    Shared shared;
    const int listener = listen_on(address, 4096);
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{};
    event.events = EPOLLIN;
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    std::printf("%u\n", local_port(listener));
    std::fflush(stdout);
    std::array<epoll_event, 256> events{};
    for (;;) {
        const int count = epoll_wait(epoll, events.data(), events.size(), -1);
        for (int i = 0; i < count; ++i) {
            const epoll_event& ready = events[static_cast<std::size_t>(i)];
            auto* connection = static_cast<Connection*>(ready.data.ptr);
            if (connection) {
                if (!connection->on_ready((ready.events & EPOLLRDHUP) != 0)) delete connection;
                continue;
            }
            const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0) continue;
            set_nodelay(fd);
            epoll_event added{};
            added.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
            added.data.ptr = new Connection(fd, shared);
            epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &added);
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: switchyard-bench-origin ADDRESS:PORT\n");
        return 2;
    }
    std::signal(SIGPIPE, SIG_IGN);
    try {
        serve(parse_address(argv[1]));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "switchyard-bench-origin: %s\n", error.what());
        return 1;
    }
}
