#pragma once

#include "base/task.hpp"
#include "net/event_loop.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <exception>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

/// What tests of streams start with: a loop on the test's own thread, and connected sockets.
namespace switchyard::net::test {

/// Runs the task to its end on the loop (once per loop) and rethrows what it threw.
inline void run(EventLoop& loop, Task<void> task) {
    Fork fork;
    fork.start(
        std::move(task), [](void* of) { static_cast<EventLoop*>(of)->stop(); }, &loop);
    if (!fork.done()) loop.run();
    if (fork.exception()) std::rethrow_exception(fork.exception());
}

/// Lets a coroutine wait until another one, or a posted function, says so.
class Signal {
  public:
    explicit Signal(EventLoop& loop) : loop_(loop) {}
    [[nodiscard]] bool await_ready() const noexcept { return set_; }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { waiter_ = waiter; }
    void await_resume() const noexcept {}
    /// Loop's thread.
    void set() {
        set_ = true;
        if (waiter_) loop_.resume_soon(std::exchange(waiter_, nullptr));
    }

  private:
    EventLoop& loop_;
    std::coroutine_handle<> waiter_;
    bool set_ = false;
};

inline void make_nonblocking(int fd) {
    if (::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK) != 0) {
        throw std::system_error(errno, std::generic_category(), "fcntl");
    }
}

/// Two ends of a connection: `ours` is non-blocking and given to the code under test, `theirs`
/// blocks and is the test's. Closes what was not taken.
class Pair {
  public:
    static Pair local() {
        Pair pair;
        int fds[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
            throw std::system_error(errno, std::generic_category(), "socketpair");
        }
        make_nonblocking(fds[0]);
        pair.ours_ = fds[0];
        pair.theirs_ = fds[1];
        return pair;
    }

    static Pair tcp() {
        const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const name = reinterpret_cast<sockaddr*>(&address);
        Pair pair;
        pair.theirs_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const bool connected = ::bind(listening, name, size) == 0 && ::listen(listening, 1) == 0 &&
                               ::getsockname(listening, name, &size) == 0 &&
                               ::connect(pair.theirs_, name, size) == 0;
        pair.ours_ = connected ? ::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK) : -1;
        const int error = errno;
        ::close(listening);
        if (pair.ours_ < 0) throw std::system_error(error, std::generic_category(), "tcp");
        return pair;
    }

    ~Pair() {
        if (ours_ >= 0) ::close(ours_);
        close_theirs();
    }
    Pair(Pair&& other) noexcept
        : ours_(std::exchange(other.ours_, -1)), theirs_(std::exchange(other.theirs_, -1)) {}
    Pair& operator=(Pair&&) = delete;

    int take_ours() { return std::exchange(ours_, -1); }
    [[nodiscard]] int theirs() const { return theirs_; }
    int take_theirs() { return std::exchange(theirs_, -1); }

    void send(std::string_view text) const {
        while (!text.empty()) {
            const auto sent = ::send(theirs_, text.data(), text.size(), MSG_NOSIGNAL);
            if (sent < 0) throw std::system_error(errno, std::generic_category(), "send");
            text.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
    /// Reads until so many bytes are there, or the end.
    [[nodiscard]] std::string receive(std::size_t size) const {
        std::string text(size, '\0');
        std::size_t got = 0;
        while (got < size) {
            const auto count = ::recv(theirs_, text.data() + got, size - got, 0);
            if (count < 0) throw std::system_error(errno, std::generic_category(), "recv");
            if (count == 0) break;
            got += static_cast<std::size_t>(count);
        }
        text.resize(got);
        return text;
    }
    void shut() const { ::shutdown(theirs_, SHUT_WR); }
    void close_theirs() {
        if (theirs_ >= 0) ::close(std::exchange(theirs_, -1));
    }
    void reset_theirs() {
        const linger now{1, 0};
        ::setsockopt(theirs_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close_theirs();
    }

  private:
    Pair() = default;
    int ours_ = -1;
    int theirs_ = -1;
};

}  // namespace switchyard::net::test
