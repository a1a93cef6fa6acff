#include "admin/interrupts.hpp"

#include <csignal>
#include <sys/signalfd.h>
#include <unistd.h>

namespace switchyard::admin {

namespace {

sigset_t interrupts() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGINT);
    ::sigaddset(&set, SIGTERM);
    return set;
}

}  // namespace

Interrupts::Interrupts() {
    const sigset_t set = interrupts();
    fd_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd_ >= 0) ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

void Interrupts::take() const {
    signalfd_siginfo taken{};
    [[maybe_unused]] const auto size = ::read(fd_, &taken, sizeof taken);
}

Interrupts::~Interrupts() {
    if (fd_ < 0) return;
    // What was taken for an answer must not end the process after all.
    signalfd_siginfo taken{};
    while (::read(fd_, &taken, sizeof taken) > 0) {
    }
    ::close(fd_);
    const sigset_t set = interrupts();
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace switchyard::admin
