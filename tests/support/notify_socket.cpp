#include "support/notify_socket.hpp"

#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace switchyard::test {

NotifySocket::NotifySocket(std::string path) : path_(std::move(path)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (path_.size() >= sizeof name.sun_path) throw std::invalid_argument("path too long");
    std::memcpy(name.sun_path, path_.c_str(), path_.size() + 1);
    fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0 || ::bind(fd_, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
        throw std::system_error(errno, std::generic_category(), path_);
    }
}

NotifySocket::~NotifySocket() {
    ::close(fd_);
    ::unlink(path_.c_str());
}

bool NotifySocket::receive() {
    char message[4096];
    const auto n = ::recv(fd_, message, sizeof message, 0);
    if (n <= 0) return false;
    std::string_view rest(message, static_cast<std::size_t>(n));
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        if (const auto line = rest.substr(0, end); !line.empty()) lines_.emplace_back(line);
        rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    }
    return true;
}

bool NotifySocket::wait_for(std::string_view line, int pid_fd, Deadline deadline) {
    for (;;) {
        while (receive()) {
        }
        while (seen_ < lines_.size()) {
            if (lines_[seen_++] == line) return true;
        }
        pollfd ready[] = {{fd_, POLLIN, 0}, {pid_fd, POLLIN, 0}};
        if (::poll(ready, 2, deadline.poll_ms()) == 0) return false;
        // What it said last may have come together with its end.
        if (ready[0].revents == 0 && ready[1].revents != 0) return false;
    }
}

const std::vector<std::string>& NotifySocket::lines() {
    while (receive()) {
    }
    return lines_;
}

}  // namespace switchyard::test
