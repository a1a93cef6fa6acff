#include "deploy/cancellation.hpp"

#include <cerrno>
#include <cstdint>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

namespace switchyard::deploy {

void Descriptor::reset(int fd) noexcept {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
}

Bell::Bell() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!fd_) throw std::system_error(errno, std::generic_category(), "eventfd");
}

void Bell::ring() noexcept {
    const std::uint64_t one = 1;
    // Fails only when it is ringing for 2^64 - 1 times already.
    [[maybe_unused]] const auto n = ::write(fd_.get(), &one, sizeof one);
}

void Bell::hush() noexcept {
    std::uint64_t rings = 0;
    [[maybe_unused]] const auto n = ::read(fd_.get(), &rings, sizeof rings);
}

}  // namespace switchyard::deploy
