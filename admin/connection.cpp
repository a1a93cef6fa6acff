#include "admin/connection.hpp"

#include "admin/print/time.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace switchyard::admin {

namespace {

constexpr std::chrono::milliseconds kTick{1'000};

using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::string reason(int error_number) {
    return std::generic_category().message(error_number);
}

Failure unreachable(std::string message, std::string hint) {
    return {Failure::Kind::unreachable, std::move(message), std::move(hint)};
}

/// "deploy:www-data, mode 0660", or empty if it can't be seen.
std::string owner(const std::string& socket) {
    struct stat info {};
    if (::stat(socket.c_str(), &info) != 0) return {};
    const passwd* user = ::getpwuid(info.st_uid);
    const group* members = ::getgrgid(info.st_gid);
    std::array<char, 8> mode{};
    std::snprintf(mode.data(), mode.size(), "%04o", static_cast<unsigned>(info.st_mode & 07777));
    return (user != nullptr ? user->pw_name : std::to_string(info.st_uid)) + ":" +
           (members != nullptr ? members->gr_name : std::to_string(info.st_gid)) + ", mode " +
           mode.data();
}

Failure connect_failure(const std::string& socket, int error_number) {
    const std::string where = "name its socket with --socket or SWITCHYARD_SOCKET.";
    if (error_number == ENOENT) {
        return unreachable(
            "There is no socket " + socket + ".",
            "Is switchyardd running (systemctl status switchyard)? If it is, " + where);
    }
    if (error_number == EACCES || error_number == EPERM) {
        const std::string who = owner(socket);
        return unreachable(
            "You may not use the socket " + socket + (who.empty() ? "." : " (" + who + ")."),
            "Run this with sudo, or as a member of the socket's group.");
    }
    struct stat info {};
    if (::stat(socket.c_str(), &info) == 0 && !S_ISSOCK(info.st_mode)) {
        return unreachable(socket + " is not a socket.", "If switchyardd is running, " + where);
    }
    if (error_number == ECONNREFUSED) {
        return unreachable("Nobody listens on " + socket + ".",
                           "switchyardd has ended without removing it: look at its log, then "
                           "start it again.");
    }
    return unreachable("Cannot connect to " + socket + ": " + reason(error_number) + ".", "");
}

}  // namespace

boost::system::result<Connection, Failure> Connection::open(const std::string& socket,
                                                            milliseconds timeout) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket.empty() || socket.size() >= sizeof address.sun_path) {
        return unreachable("The socket's path \"" + socket + "\" is empty or longer than " +
                               std::to_string(sizeof address.sun_path - 1) + " bytes.",
                           "Give the admin socket a shorter path.");
    }
    std::memcpy(address.sun_path, socket.data(), socket.size());
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return unreachable("Cannot make a socket: " + reason(errno) + ".", "");
    Connection connection(fd, socket);
    const auto deadline = steady_clock::now() + timeout;
    while (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        if (errno == EINTR) continue;
        // A unix socket whose queue is full answers EAGAIN, and poll() can't tell when that ends.
        if (errno != EAGAIN) return connect_failure(socket, errno);
        if (steady_clock::now() >= deadline) {
            return unreachable("The daemon did not take a connection on " + socket + " for " +
                                   format_span(timeout) + ".",
                               "It is overloaded or stuck: look at its log.");
        }
        ::poll(nullptr, 0, 10);
    }
    return connection;
}

Connection::Connection(Connection&& from) noexcept
    : fd_(std::exchange(from.fd_, -1)),
      interrupt_(from.interrupt_),
      go_on_(std::move(from.go_on_)),
      tick_(std::move(from.tick_)),
      socket_(std::move(from.socket_)) {}

Connection& Connection::operator=(Connection&& from) noexcept {
    std::swap(fd_, from.fd_);
    std::swap(interrupt_, from.interrupt_);
    std::swap(go_on_, from.go_on_);
    std::swap(tick_, from.tick_);
    std::swap(socket_, from.socket_);
    return *this;
}

Connection::~Connection() {
    if (fd_ >= 0) ::close(fd_);
}

Failure Connection::broken(int error_number) const {
    return {Failure::Kind::broken,
            "The connection to the daemon (" + socket_ + ") broke: " + reason(error_number) + ".",
            "Look at switchyard status."};
}

boost::system::result<void, Failure> Connection::wait(short events, milliseconds timeout) const {
    const auto deadline = steady_clock::now() + timeout;
    for (;;) {
        const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
        pollfd waiting[] = {{fd_, events, 0}, {interrupt_, POLLIN, 0}};
        auto pause = left > 0 ? left : 0;
        if (tick_ && pause > kTick.count()) pause = kTick.count();
        const int ready = ::poll(waiting, 2, static_cast<int>(pause));
        // What the daemon has said already is worth knowing also for who was interrupted.
        if (ready > 0 && waiting[0].revents != 0) return {};
        if (ready > 0 && go_on_ && go_on_()) continue;
        if (ready > 0) return Failure{Failure::Kind::interrupted, "Interrupted.", ""};
        if (ready < 0 && errno != EINTR) return broken(errno);
        if (ready == 0 && pause < left) {
            tick_();
            continue;
        }
        if (ready == 0) {
            return Failure{
                Failure::Kind::silent,
                "The daemon (" + socket_ + ") said nothing for " + format_span(timeout) + ".",
                "It may be stuck: look at its log and at switchyard status."};
        }
    }
}

boost::system::result<void, Failure> Connection::send(std::string_view bytes,
                                                      milliseconds timeout) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        } else if (errno == EAGAIN) {
            if (auto ready = wait(POLLOUT, timeout); !ready) return ready;
        } else if (errno != EINTR) {
            return broken(errno);
        }
    }
    return {};
}

boost::system::result<std::size_t, Failure> Connection::receive(std::string& into,
                                                                milliseconds timeout) {
    std::array<char, 16 * 1024> bytes;
    for (;;) {
        const ssize_t got = ::recv(fd_, bytes.data(), bytes.size(), 0);
        if (got >= 0) {
            into.append(bytes.data(), static_cast<std::size_t>(got));
            return static_cast<std::size_t>(got);
        }
        if (errno == EAGAIN) {
            if (auto ready = wait(POLLIN, timeout); !ready) return ready.error();
        } else if (errno != EINTR) {
            return broken(errno);
        }
    }
}

}  // namespace switchyard::admin
