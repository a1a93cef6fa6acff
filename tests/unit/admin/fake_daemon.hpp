#pragma once

#include <atomic>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <mutex>
#include <stdlib.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace switchyard::admin {

/// One connection of the fake daemon; closed when the script returns.
class Conversation {
  public:
    explicit Conversation(int fd) : fd_(fd) {}

    std::string request;  ///< Head and body as they came.

    void send(std::string_view bytes) const {
        (void)::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
    void answer(unsigned status, const std::string& json) const {
        send("HTTP/1.1 " + std::to_string(status) +
             " Whatever\r\nContent-Type: application/json\r\nContent-Length: " +
             std::to_string(json.size()) + "\r\n\r\n" + json);
    }
    void begin_stream() const {
        send(
            "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n"
            "Transfer-Encoding: chunked\r\n\r\n");
    }
    void chunk(const std::string& bytes) const {
        char size[20];
        std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
        send(size + bytes + "\r\n");
    }
    void end_stream() const { send("0\r\n\r\n"); }

    /// Until the client hangs up.
    void wait_for_close() const {
        char byte = 0;
        while (::recv(fd_, &byte, 1, 0) > 0) {
        }
    }

    void read_request() {
        char bytes[4096];
        while (!complete()) {
            const ssize_t got = ::recv(fd_, bytes, sizeof bytes, 0);
            if (got <= 0) return;
            request.append(bytes, static_cast<std::size_t>(got));
        }
    }

  private:
    [[nodiscard]] bool complete() const {
        const auto head = request.find("\r\n\r\n");
        if (head == std::string::npos) return false;
        const auto length = request.find("Content-Length: ");
        if (length == std::string::npos || length > head) return true;
        return request.size() >= head + 4 + std::stoul(request.substr(length + 16));
    }

    int fd_;
};

/// A folder of its own for a socket, removed at the end.
class SocketFolder {
  public:
    SocketFolder() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "switchyard-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) std::abort();
        folder = pattern;
        socket = pattern + "/admin.sock";
    }
    ~SocketFolder() { std::filesystem::remove_all(folder); }
    SocketFolder(const SocketFolder&) = delete;
    SocketFolder& operator=(const SocketFolder&) = delete;

    /// A listening socket at `socket`; the caller closes it.
    [[nodiscard]] int listen(int backlog) const {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, socket.data(), socket.size());
        const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
            ::listen(fd, backlog) != 0) {
            std::abort();
        }
        return fd;
    }

    std::filesystem::path folder;
    std::string socket;
};

/// Answers on a unix socket as the script says, one connection after the other, or each on a thread
/// of its own.
class FakeDaemon : public SocketFolder {
  public:
    using Script = std::function<void(Conversation&)>;
    enum class Connections { one_by_one, side_by_side };

    explicit FakeDaemon(Script script, Connections connections = Connections::one_by_one)
        : script_(std::move(script)), connections_(connections), fd_(listen(8)) {
        thread_ = std::thread([this] { serve(); });
    }
    ~FakeDaemon() {
        ::shutdown(fd_, SHUT_RDWR);
        thread_.join();
        for (std::thread& thread : threads_)
            thread.join();
        ::close(fd_);
    }

    std::vector<std::string> requests() {
        const std::lock_guard lock(mutex_);
        return requests_;
    }

  private:
    void serve() {
        for (;;) {
            const int fd = ::accept(fd_, nullptr, nullptr);
            if (fd < 0) return;
            if (connections_ == Connections::one_by_one) {
                converse(fd);
            } else {
                threads_.emplace_back([this, fd] { converse(fd); });
            }
        }
    }
    void converse(int fd) {
        Conversation conversation(fd);
        conversation.read_request();
        {
            const std::lock_guard lock(mutex_);
            requests_.push_back(conversation.request);
        }
        script_(conversation);
        ::close(fd);
    }

    Script script_;
    Connections connections_;
    int fd_;
    std::mutex mutex_;
    std::vector<std::string> requests_;
    std::thread thread_;
    std::vector<std::thread> threads_;
};

}  // namespace switchyard::admin
