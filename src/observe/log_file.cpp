#include "observe/log_file.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <climits>

namespace switchyard::observe {
namespace {

constexpr std::chrono::seconds kPatienceAtStop{2};

Error failure(const std::string& path, int code) {
    return Error("cannot open the access log " + path + ": " +
                 std::generic_category().message(code));
}

}  // namespace

Result<LogFile> LogFile::open(const std::string& path) {
    // O_NONBLOCK: opening a named pipe must not wait for its reader. It means nothing to a file.
    const int descriptor =
        path == "-"
            ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
            : ::open(path.c_str(),
                     O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
    if (descriptor < 0) return failure(path, errno);
    struct stat status {};
    if (::fstat(descriptor, &status) != 0) {
        const int code = errno;
        ::close(descriptor);
        return failure(path, code);
    }
    return LogFile(descriptor, S_ISREG(status.st_mode));
}

LogFile::LogFile(LogFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), regular_(other.regular_) {}

LogFile& LogFile::operator=(LogFile&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(regular_, other.regular_);
    return *this;
}

LogFile::~LogFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

bool LogFile::wait_until_writable(const std::atomic<bool>& stopping) const {
    using Clock = std::chrono::steady_clock;
    auto give_up = Clock::time_point::max();
    while (true) {
        pollfd wanted{descriptor_, POLLOUT, 0};
        const int ready = ::poll(&wanted, 1, 100);
        if (ready > 0) return true;  // An error shows when writing.
        if (!stopping.load(std::memory_order_acquire)) continue;
        const auto now = Clock::now();
        if (give_up == Clock::time_point::max()) give_up = now + kPatienceAtStop;
        if (now >= give_up) return false;
    }
}

LogFile::Written LogFile::write(std::span<iovec> pieces, const std::atomic<bool>& stopping) {
    Written written;
    while (!pieces.empty()) {
        iovec& first = pieces.front();
        if (first.iov_len == 0) {
            pieces = pieces.subspan(1);
            continue;
        }
        ssize_t count = 0;
        if (regular_) {
            const auto most = std::min<std::size_t>(pieces.size(), IOV_MAX);
            count = ::writev(descriptor_, pieces.data(), static_cast<int>(most));
        } else {
            // A pipe that is ready takes PIPE_BUF bytes without blocking, more might block.
            if (!wait_until_writable(stopping)) {
                written.error = ETIMEDOUT;
                return written;
            }
            count = ::write(descriptor_, first.iov_base,
                            std::min<std::size_t>(first.iov_len, PIPE_BUF));
        }
        if (count < 0) {
            if (errno == EINTR || errno == EAGAIN) continue;
            written.error = errno;
            return written;
        }
        auto rest = static_cast<std::size_t>(count);
        written.bytes += rest;
        while (rest > 0) {
            iovec& piece = pieces.front();
            const std::size_t part = std::min(rest, piece.iov_len);
            piece.iov_base = static_cast<char*>(piece.iov_base) + part;
            piece.iov_len -= part;
            rest -= part;
            if (piece.iov_len == 0) pieces = pieces.subspan(1);
        }
    }
    return written;
}

}  // namespace switchyard::observe
