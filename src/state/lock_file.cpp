#include "state/lock_file.hpp"

#include "state/file.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <fcntl.h>
#include <string_view>
#include <sys/file.h>
#include <unistd.h>
#include <utility>

namespace switchyard::state {

namespace {

/// The pid that the owner wrote, or empty if it has not yet.
std::string owner_of(int fd) {
    char text[32];
    const ssize_t got = ::pread(fd, text, sizeof text, 0);
    const std::string_view read(text, got > 0 ? static_cast<std::size_t>(got) : 0);
    const auto end = std::find_if_not(read.begin(), read.end(), [](char c) {
        return std::isdigit(static_cast<unsigned char>(c)) != 0;
    });
    return {read.begin(), end};
}

}  // namespace

Result<LockFile> LockFile::acquire(const std::string& path, const std::string& purpose) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return file_error(path, "cannot be created", errno);
    LockFile lock(fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return file_error(path, "cannot be locked", errno);
        const std::string pid = owner_of(fd);
        return Error(purpose + " is in use by another switchyardd" +
                     (pid.empty() ? std::string() : " with pid " + pid) +
                     ". Stop that one first, or give this one a file of its own ('state' in the "
                     "configuration).");
    }
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd, 0) != 0 ||
        ::pwrite(fd, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
        return file_error(path, "cannot be written", errno);
    }
    return lock;
}

LockFile::LockFile(LockFile&& from) noexcept : fd_(std::exchange(from.fd_, -1)) {}

LockFile& LockFile::operator=(LockFile&& from) noexcept {
    std::swap(fd_, from.fd_);
    return *this;
}

LockFile::~LockFile() {
    if (fd_ >= 0) ::close(fd_);
}

}  // namespace switchyard::state
