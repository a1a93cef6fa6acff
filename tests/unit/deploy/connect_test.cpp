#include "deploy/connect.hpp"

#include "black_hole.hpp"
#include "support/deadline.hpp"
#include "support/temp_dir.hpp"

#include <thread>

#include <gtest/gtest.h>

namespace switchyard::deploy {
namespace {

using Kind = Outcome::Kind;
using namespace std::chrono_literals;

TimePoint soon(milliseconds from_now = test::kPatience) {
    return Clock::now() + from_now;
}

TEST(LookUp, TakesAddressesAndNames) {
    const Cancellation cancellation;
    const auto v4 = look_up("127.0.0.1", 22, soon(), cancellation);
    ASSERT_TRUE(v4);
    EXPECT_EQ(v4->size(), 1u);
    EXPECT_EQ(v4->front().storage.ss_family, AF_INET);
    const auto v6 = look_up("::1", 22, soon(), cancellation);
    ASSERT_TRUE(v6);
    EXPECT_EQ(v6->front().storage.ss_family, AF_INET6);
    const auto name = look_up("localhost", 22, soon(), cancellation);
    ASSERT_TRUE(name);
    EXPECT_FALSE(name->empty());
}

TEST(LookUp, SaysThatThereIsNoAddress) {
    const Cancellation cancellation;
    const auto none = look_up("no-such-host.invalid", 22, soon(), cancellation);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().kind, Kind::unreachable);
    EXPECT_NE(none.error().message.find("no address for no-such-host.invalid"), std::string::npos);
}

TEST(LookUp, IsLeftToItself) {
    Cancellation cancellation;
    const auto late = look_up("no-such-host.invalid", 22, Clock::now() - 1s, cancellation);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().kind, Kind::unreachable);
    cancellation.request();
    const auto cancelled = look_up("no-such-host.invalid", 22, soon(), cancellation);
    // It may have been quicker.
    ASSERT_FALSE(cancelled);
    EXPECT_TRUE(cancelled.error().kind == Kind::cancelled ||
                cancelled.error().kind == Kind::unreachable);
}

std::vector<SocketAddress> address_of(std::uint16_t port) {
    const Cancellation cancellation;
    return *look_up("127.0.0.1", port, soon(), cancellation);
}

TEST(Connect, RefusedIsUnreachable) {
    const Cancellation cancellation;
    const auto fd = connect_tcp(address_of(1), soon(), cancellation);
    ASSERT_FALSE(fd);
    EXPECT_EQ(fd.error().kind, Kind::unreachable);
    EXPECT_NE(fd.error().message.find("Connection refused"), std::string::npos);
    EXPECT_FALSE(connect_tcp({}, soon(), cancellation));
}

TEST(Connect, ABlackHoleEndsAtTheDeadline) {
    const test::BlackHole hole;
    const Cancellation cancellation;
    const auto fd = connect_tcp(address_of(hole.port()), soon(50ms), cancellation);
    ASSERT_FALSE(fd);
    EXPECT_EQ(fd.error().kind, Kind::unreachable);
    EXPECT_NE(fd.error().message.find("no answer"), std::string::npos) << fd.error().message;
}

TEST(Connect, ABlackHoleLeavesTimeForTheNextAddress) {
    const test::BlackHole hole;
    const test::SilentServer server;
    const Cancellation cancellation;
    auto addresses = address_of(hole.port());
    addresses.push_back(address_of(server.port()).front());
    EXPECT_TRUE(connect_tcp(addresses, soon(1s), cancellation));
}

TEST(Connect, CanBeCancelled) {
    const test::BlackHole hole;
    Cancellation cancellation;
    std::thread canceller([&] { cancellation.request(); });
    const auto fd = connect_tcp(address_of(hole.port()), soon(1h), cancellation);
    canceller.join();
    ASSERT_FALSE(fd);
    EXPECT_EQ(fd.error().kind, Kind::cancelled);
}

TEST(Connect, UnixSocketsSayWhatIsWrong) {
    const test::TempDir dir;
    const Cancellation cancellation;
    const auto none = connect_unix(dir.file("none"), soon(), cancellation);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().kind, Kind::login);
    EXPECT_NE(none.error().message.find("No such file"), std::string::npos);
    EXPECT_FALSE(connect_unix("/" + std::string(200, 'x'), soon(), cancellation));
}

}  // namespace
}  // namespace switchyard::deploy
