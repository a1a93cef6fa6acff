#include "base/notify.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace switchyard {
namespace {

template <class Number>
std::optional<Number> parse_number(const char* text) {
    if (text == nullptr) return std::nullopt;
    Number value{};
    const char* const end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, value);
    if (error != std::errc{} || stop != end || stop == text) return std::nullopt;
    return value;
}

std::optional<std::chrono::microseconds> watchdog_from_environment() {
    const auto time = parse_number<std::int64_t>(std::getenv("WATCHDOG_USEC"));
    if (!time || *time < 2) return std::nullopt;
    if (const char* pid = std::getenv("WATCHDOG_PID"); pid != nullptr) {
        if (parse_number<pid_t>(pid) != ::getpid()) return std::nullopt;
    }
    return std::chrono::microseconds(*time / 2);
}

std::uint64_t monotonic_microseconds() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec) / 1'000;
}

Error failure(const std::string& socket, int code) {
    return Error("cannot notify the service manager at " + socket + ": " +
                 std::generic_category().message(code));
}

}  // namespace

Notifier Notifier::from_environment() {
    const char* socket = std::getenv("NOTIFY_SOCKET");
    return Notifier(socket == nullptr ? "" : socket, watchdog_from_environment());
}

Notifier::Notifier(std::string socket, std::optional<std::chrono::microseconds> watchdog_interval)
    : socket_(std::move(socket)), watchdog_interval_(watchdog_interval) {}

Notifier::Notifier(Notifier&& other) noexcept
    : socket_(std::move(other.socket_)),
      watchdog_interval_(other.watchdog_interval_),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

Notifier::~Notifier() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> Notifier::ready(std::string_view status) {
    return send("READY=1", status);
}

Result<void> Notifier::reloading(std::string_view status) {
    return send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_microseconds()), status);
}

Result<void> Notifier::stopping(std::string_view status) {
    return send("STOPPING=1", status);
}

Result<void> Notifier::status(std::string_view text) {
    return send({}, text);
}

Result<void> Notifier::watchdog() {
    return send("WATCHDOG=1", {});
}

Result<void> Notifier::extend_timeout(std::chrono::microseconds time) {
    return send("EXTEND_TIMEOUT_USEC=" + std::to_string(time.count()), {});
}

Result<void> Notifier::send(std::string_view assignments, std::string_view status) {
    if (!enabled()) return {};

    std::string message(assignments);
    if (!status.empty() || message.empty()) {
        if (!message.empty()) message += '\n';
        message += "STATUS=";
        const std::size_t begin = message.size();
        message += status;
        // A line break would begin another assignment.
        std::replace_if(
            message.begin() + static_cast<std::ptrdiff_t>(begin), message.end(),
            [](char c) { return c == '\n' || c == '\r' || c == '\0'; }, ' ');
    }

    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_.size() >= sizeof(address.sun_path) || (socket_[0] != '/' && socket_[0] != '@')) {
        return failure(socket_, EINVAL);
    }
    std::memcpy(address.sun_path, socket_.data(), socket_.size());
    if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size() +
                                             (socket_[0] == '/' ? 1 : 0));

    if (descriptor_ < 0) {
        descriptor_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (descriptor_ < 0) return failure(socket_, errno);
        // A service manager that doesn't read must not stop the daemon.
        const timeval patience{1, 0};
        (void)::setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    }
    ssize_t sent = 0;
    do {
        sent = ::sendto(descriptor_, message.data(), message.size(), MSG_NOSIGNAL,
                        reinterpret_cast<const sockaddr*>(&address), size);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) return failure(socket_, errno);
    return {};
}

}  // namespace switchyard
