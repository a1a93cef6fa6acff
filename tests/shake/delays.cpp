// Loaded into a program by LD_PRELOAD: after some of its system calls it sleeps a little, so that
// what usually comes first comes last. Only programs named in SWITCHYARD_SHAKE
// ("switchyardd,switchyard-origin") are delayed; SWITCHYARD_SHAKE_PERCENT of the calls are (15),
// each for up to SWITCHYARD_SHAKE_US microseconds (4000).
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <dlfcn.h>
#include <random>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

std::uint64_t setting(const char* name, std::uint64_t usual) {
    const char* text = std::getenv(name);
    return text == nullptr ? usual : std::strtoull(text, nullptr, 10);
}

bool is_named(std::string_view list, std::string_view program) {
    while (!list.empty()) {
        const auto end = std::min(list.find(','), list.size());
        if (list.substr(0, end) == program) return true;
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return false;
}

struct Plan {
    Plan() {
        const char* programs = std::getenv("SWITCHYARD_SHAKE");
        if (programs == nullptr || !is_named(programs, program_invocation_short_name)) return;
        percent = setting("SWITCHYARD_SHAKE_PERCENT", 15);
        longest_us = setting("SWITCHYARD_SHAKE_US", 4000);
    }
    std::uint64_t percent = 0;
    std::uint64_t longest_us = 0;
};

void delay() {
    static const Plan plan;
    if (plan.percent == 0) return;
    static thread_local std::minstd_rand random(std::random_device{}());
    if (random() % 100 >= plan.percent) return;
    const int error = errno;
    const std::uint64_t us = random() % (plan.longest_us + 1);
    const timespec time{static_cast<std::time_t>(us / 1'000'000),
                        static_cast<long>(us % 1'000'000 * 1000)};
    ::nanosleep(&time, nullptr);
    errno = error;
}

template <class Function>
Function* original(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

ssize_t send(int fd, const void* data, std::size_t size, int flags) {
    static auto* const call = original<ssize_t(int, const void*, std::size_t, int)>("send");
    const ssize_t result = call(fd, data, size, flags);
    delay();
    return result;
}
ssize_t sendmsg(int fd, const msghdr* message, int flags) {
    static auto* const call = original<ssize_t(int, const msghdr*, int)>("sendmsg");
    const ssize_t result = call(fd, message, flags);
    delay();
    return result;
}
ssize_t recv(int fd, void* data, std::size_t size, int flags) {
    static auto* const call = original<ssize_t(int, void*, std::size_t, int)>("recv");
    const ssize_t result = call(fd, data, size, flags);
    delay();
    return result;
}
ssize_t recvmsg(int fd, msghdr* message, int flags) {
    static auto* const call = original<ssize_t(int, msghdr*, int)>("recvmsg");
    const ssize_t result = call(fd, message, flags);
    delay();
    return result;
}
ssize_t read(int fd, void* data, std::size_t size) {
    static auto* const call = original<ssize_t(int, void*, std::size_t)>("read");
    const ssize_t result = call(fd, data, size);
    delay();
    return result;
}
ssize_t writev(int fd, const iovec* pieces, int count) {
    static auto* const call = original<ssize_t(int, const iovec*, int)>("writev");
    const ssize_t result = call(fd, pieces, count);
    delay();
    return result;
}
int accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
    static auto* const call = original<int(int, sockaddr*, socklen_t*, int)>("accept4");
    const int result = call(fd, address, size, flags);
    delay();
    return result;
}
int epoll_wait(int epoll, epoll_event* events, int count, int timeout) {
    static auto* const call = original<int(int, epoll_event*, int, int)>("epoll_wait");
    const int result = call(epoll, events, count, timeout);
    delay();
    return result;
}

}  // extern "C"
