#include "upstream/connection.hpp"

#include "support/temp_dir.hpp"
#include "unit/upstream/support.hpp"

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::upstream {
namespace {

using namespace std::chrono_literals;
using test::Port;

/// The outcome of a connect to these addresses, and whether the stream is open afterwards.
struct Outcome {
    int error = -1;
    bool open = false;
};

Outcome try_connect(const std::vector<route::SocketAddress>& addresses,
                    std::chrono::milliseconds timeout = 10s, bool cancel = false) {
    net::EventLoop loop;
    auto target = test::make_target(1);
    target->set_addresses(addresses);
    Outcome outcome;
    Connection connection(loop, target, 1);
    if (cancel) {
        loop.post([&connection] { connection.session.stream().cancel(); });
    }
    const auto body = [](Connection& to, std::chrono::milliseconds limit,
                         Outcome& into) -> Task<void> {
        const ConnectResult result = co_await to.connect(limit);
        into.error = result.error;
        into.open = to.session.stream().is_open();
    };
    net::test::run(loop, body(connection, timeout, outcome));
    return outcome;
}

/// An address that swallows connection attempts: its backlog is full.
class FullPort {
  public:
    FullPort() : port_(true) {
        const auto* name = reinterpret_cast<const sockaddr*>(port_.address().bytes);
        for (int i = 0; i < 64; ++i) {
            const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
            static_cast<void>(::connect(fd, name, port_.address().size));
            waiting_.push_back(fd);
        }
    }
    ~FullPort() {
        for (const int fd : waiting_)
            ::close(fd);
    }
    FullPort(const FullPort&) = delete;
    FullPort& operator=(const FullPort&) = delete;
    [[nodiscard]] const route::SocketAddress& address() const { return port_.address(); }

  private:
    Port port_;
    std::vector<int> waiting_;
};

TEST(Connect, ReachesTheTarget) {
    const Port port(true);
    const Outcome outcome = try_connect({port.address()});
    EXPECT_EQ(outcome.error, 0);
    EXPECT_TRUE(outcome.open);
    const int accepted = port.accept();
    EXPECT_GE(accepted, 0);
    ::close(accepted);
}

TEST(Connect, ReachesAUnixSocket) {
    const switchyard::test::TempDir dir;
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    const std::string path = dir.file("s");
    path.copy(name.sun_path, sizeof name.sun_path - 1);
    const int listening = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto* const generic = reinterpret_cast<const sockaddr*>(&name);
    ASSERT_EQ(::bind(listening, generic, sizeof name), 0);
    const auto address = test::socket_address(generic, sizeof name);
    EXPECT_EQ(try_connect({address}).error, ECONNREFUSED);
    ASSERT_EQ(::listen(listening, 4), 0);
    EXPECT_EQ(try_connect({address}).error, 0);
    ::close(listening);
}

TEST(Connect, TellsThatTheTargetRefused) {
    const Port port(false);
    const Outcome outcome = try_connect({port.address()});
    EXPECT_EQ(outcome.error, ECONNREFUSED);
    EXPECT_FALSE(outcome.open);
}

TEST(Connect, TriesEachAddressInTurn) {
    const Port closed(false);
    const Port open(true);
    EXPECT_EQ(try_connect({closed.address(), open.address()}).error, 0);
    EXPECT_EQ(try_connect({closed.address(), closed.address()}).error, ECONNREFUSED);
}

TEST(Connect, AnAddressThatSwallowsEverythingLeavesTimeForTheNext) {
    const FullPort swallows;
    const Port open(true);
    const Outcome outcome = try_connect({swallows.address(), open.address()}, 1s);
    EXPECT_EQ(outcome.error, 0);
    EXPECT_TRUE(outcome.open);
}

TEST(Connect, FailsForANameThatIsNotResolved) {
    EXPECT_EQ(try_connect({}).error, EHOSTUNREACH);
}

TEST(Connect, TimesOut) {
    const FullPort port;
    const auto start = net::EventLoop::now_ns();
    const Outcome outcome = try_connect({port.address()}, 150ms);
    EXPECT_EQ(outcome.error, ETIMEDOUT);
    EXPECT_FALSE(outcome.open);
    EXPECT_GE(net::EventLoop::now_ns() - start, 150'000'000U);
}

TEST(Connect, CanBeCancelled) {
    const FullPort port;
    const Outcome outcome = try_connect({port.address()}, 10s, true);
    EXPECT_EQ(outcome.error, ECANCELED);
    EXPECT_FALSE(outcome.open);
}

}  // namespace
}  // namespace switchyard::upstream
