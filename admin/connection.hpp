#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/system/result.hpp>

namespace switchyard::admin {

/// Why the daemon did not answer, for a person.
struct Failure {
    enum class Kind {
        unreachable,  ///< No connection: nothing was asked, nothing changed.
        broken,       ///< The connection ended before the answer did.
        silent,       ///< No byte for too long.
        interrupted,  ///< Ctrl-C or SIGTERM, where a command waits for them.
        garbage,      ///< Whoever listens there does not speak HTTP and JSON.
    };

    Kind kind = Kind::unreachable;
    std::string message;
    std::string hint;
};

/// A connected unix socket with deadlines. Blocking; one thread.
class Connection {
  public:
    /// Connects within `timeout`. The failure names the socket and what is the matter with it.
    static boost::system::result<Connection, Failure> open(const std::string& socket,
                                                           std::chrono::milliseconds timeout);

    Connection(Connection&& from) noexcept;
    Connection& operator=(Connection&& from) noexcept;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    /// Every wait also ends, with Kind::interrupted, when this descriptor is readable; -1: none.
    /// `go_on` is asked before: true, and it goes on waiting.
    void interrupt_by(int fd, std::function<bool()> go_on = {}) {
        interrupt_ = fd;
        go_on_ = std::move(go_on);
    }
    /// Called about once a second while nothing comes.
    void every_second(std::function<void()> tick) { tick_ = std::move(tick); }

    /// Sends all bytes; each write may take `timeout`.
    boost::system::result<void, Failure> send(std::string_view bytes,
                                              std::chrono::milliseconds timeout);

    /// Appends what arrives next to `into`; 0 at the end of the stream.
    boost::system::result<std::size_t, Failure> receive(std::string& into,
                                                        std::chrono::milliseconds timeout);

  private:
    Connection(int fd, std::string socket) noexcept : fd_(fd), socket_(std::move(socket)) {}

    [[nodiscard]] boost::system::result<void, Failure> wait(
        short events, std::chrono::milliseconds timeout) const;
    [[nodiscard]] Failure broken(int error_number) const;

    int fd_ = -1;
    int interrupt_ = -1;
    std::function<bool()> go_on_;
    std::function<void()> tick_;
    std::string socket_;
};

}  // namespace switchyard::admin
