// An acceptor that can't accept, not even to turn somebody away: it neither spins nor gives up.
#include "net/listener.hpp"
#include "unit/net/support.hpp"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <sys/syscall.h>

#include <gtest/gtest.h>

namespace {
std::atomic<std::uint64_t> accept_calls{0};
std::atomic<bool> starved{false};
}  // namespace

// In place of libc's, for this program: the same call, counted; it fails while `starved`.
extern "C" int accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
    accept_calls.fetch_add(1);
    if (starved) {
        errno = EMFILE;
        return -1;
    }
    return static_cast<int>(::syscall(SYS_accept4, fd, address, size, flags));
}

namespace switchyard::net {
namespace {

/// As long as it lives connections can't be accepted, as if every descriptor was in use. (A limit
/// of none would starve the sanitizers' own checks too.)
class NoDescriptors {
  public:
    NoDescriptors() { starved = true; }
    ~NoDescriptors() { give_back(); }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;

    void give_back() const { starved = false; }
};

/// Calls a function with the number of each tick until it says false.
class EachTick final : public TimerNode {
  public:
    EachTick(TimerWheel& wheel, std::function<bool(std::uint64_t)> function)
        : function_(std::move(function)) {
        wheel.schedule(*this, wheel.now() + 1);
    }

  private:
    std::uint64_t on_tick(std::uint64_t now) override { return function_(now) ? now + 1 : 0; }
    std::function<bool(std::uint64_t)> function_;
};

TEST(AcceptorStarved, TriesOnceATickAndGoesOnWhenThereAreDescriptorsAgain) {
    EventLoop loop;
    config::Listener wanted;
    wanted.host = "127.0.0.1";
    wanted.address = "127.0.0.1:0";
    const int listening = bind_listeners(wanted, 1).value().front();
    const auto address = local_address(listening);
    const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::connect(client, address->get(), address->size), 0);

    int accepted = 0;
    const NoDescriptors none;
    Acceptor acceptor(loop, listening, [&](int fd, const Address&) {
        ++accepted;
        ::close(fd);
        loop.stop();
    });
    constexpr std::uint64_t kTicks = 5;
    const std::uint64_t begin = loop.timers().now();
    const std::uint64_t calls_before = accept_calls;
    std::uint64_t ticks = 0;
    std::uint64_t calls = 0;
    EachTick watch(loop.timers(), [&](std::uint64_t now) {
        ticks = now - begin;
        calls = accept_calls - calls_before;
        if (ticks < kTicks) return true;
        none.give_back();
        return false;
    });
    loop.run();
    EXPECT_EQ(accepted, 1);
    EXPECT_GE(ticks, kTicks);
    // Somebody waits all the time: once when it is seen, then once a tick, each with the attempt to
    // turn them away. A loop that spins makes many thousands of them.
    EXPECT_GE(calls, 2U);
    EXPECT_LE(calls, 2 * (ticks + 2));
    ::close(client);
}

}  // namespace
}  // namespace switchyard::net
