#include "upstream/pool.hpp"

#include "unit/upstream/support.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::upstream {
namespace {

using namespace std::chrono_literals;
using net::test::Pair;
using test::make_target;

class PoolTest : public testing::Test {
  public:
    /// A connection whose other end the test holds (as the last of `ends`).
    std::unique_ptr<Connection> connection(std::uint64_t epoch) {
        ends.push_back(Pair::tcp());
        auto made = std::make_unique<Connection>(loop, target, epoch);
        EXPECT_TRUE(made->session.stream().open(ends.back().take_ours()));
        // As after a response: what there was to read was read.
        char octet = 0;
        std::size_t done = 0;
        EXPECT_EQ(made->session.stream().try_read(&octet, 1, done), net::IoStatus::again);
        return made;
    }
    void put(std::unique_ptr<Connection> made, std::size_t max_idle = 10,
             std::chrono::milliseconds idle_timeout = 60s) {
        pool.put(std::move(made), max_idle, idle_timeout, metrics);
    }
    [[nodiscard]] std::uint64_t gauge() const {
        return metrics->sum(&observe::SlotCell::upstream_idle);
    }
    /// Lets the loop turn until the condition holds; false after ten seconds.
    template <class Condition>
    bool turn_until(Condition condition) {
        const auto body = [](net::EventLoop& on, Condition& until, bool& held) -> Task<void> {
            const auto start = net::EventLoop::now_ns();
            while (!until() && net::EventLoop::now_ns() - start < 10'000'000'000U) {
                co_await on.yield();
            }
            held = until();
        };
        bool held = false;
        net::test::run(loop, body(loop, condition, held));
        return held;
    }

    net::EventLoop loop;
    Pool pool{loop, 0};
    std::shared_ptr<route::Target> target = make_target(1);
    std::shared_ptr<observe::SlotMetrics> metrics =
        std::make_shared<observe::SlotMetrics>("app", Colour::blue, 1);
    std::vector<Pair> ends;
};

TEST_F(PoolTest, GivesBackWhatWasPutNewestFirst) {
    auto first = connection(1);
    auto second = connection(1);
    const Connection* const a = first.get();
    const Connection* const b = second.get();
    put(std::move(first));
    put(std::move(second));
    EXPECT_EQ(pool.idle(), 2U);
    EXPECT_EQ(gauge(), 2U);
    const auto got = pool.take(*target, 1);
    EXPECT_EQ(got.get(), b);
    EXPECT_TRUE(got->reused);
    EXPECT_EQ(pool.take(*target, 1).get(), a);
    EXPECT_EQ(pool.take(*target, 1), nullptr);
    EXPECT_EQ(gauge(), 0U);
}

TEST_F(PoolTest, KnowsTargetsApart) {
    put(connection(1));
    EXPECT_EQ(pool.take(*make_target(2), 1), nullptr);
    EXPECT_NE(pool.take(*target, 1), nullptr);
}

TEST_F(PoolTest, C07_AConnectionOfAnEarlierEpochIsNotUsed) {
    put(connection(1));
    EXPECT_EQ(pool.take(*target, 2), nullptr);
    EXPECT_EQ(pool.idle(), 0U);
    EXPECT_EQ(ends[0].receive(1), "");  // It was closed in order.
}

TEST_F(PoolTest, C07_AConnectionOfAnEarlierEpochDoesNotComeBack) {
    auto taken_before = connection(1);
    pool.advance(*target, 2);
    put(std::move(taken_before));
    EXPECT_EQ(pool.idle(), 0U);
    EXPECT_EQ(gauge(), 0U);
    EXPECT_EQ(ends[0].receive(1), "");
    put(connection(2));
    EXPECT_NE(pool.take(*target, 2), nullptr);
}

TEST_F(PoolTest, C07_AdvancingClosesWhatIsIdle) {
    put(connection(1));
    put(connection(1));
    pool.advance(*target, 2);
    EXPECT_EQ(pool.idle(), 0U);
    EXPECT_EQ(gauge(), 0U);
    EXPECT_EQ(ends[0].receive(1), "");
    EXPECT_EQ(ends[1].receive(1), "");
}

TEST_F(PoolTest, C07_ARequestOfTheOldEpochGetsNoConnectionOfTheNew) {
    put(connection(2));
    EXPECT_EQ(pool.take(*target, 1), nullptr);
    EXPECT_NE(pool.take(*target, 2), nullptr);
}

TEST_F(PoolTest, C07_TheFirstConnectionOfANewEpochEndsTheOld) {
    put(connection(1));
    put(connection(2));
    EXPECT_EQ(pool.idle(), 1U);
    EXPECT_EQ(ends[0].receive(1), "");
}

TEST_F(PoolTest, KeepsNoMoreThanAllowedAndTheNewest) {
    std::vector<const Connection*> made;
    for (int i = 0; i < 5; ++i) {
        auto one = connection(1);
        made.push_back(one.get());
        put(std::move(one), 2);
    }
    EXPECT_EQ(pool.idle(), 2U);
    EXPECT_EQ(gauge(), 2U);
    EXPECT_EQ(pool.take(*target, 1).get(), made[4]);
    EXPECT_EQ(pool.take(*target, 1).get(), made[3]);
    put(connection(1), 0);
    EXPECT_EQ(pool.idle(), 0U);
}

TEST_F(PoolTest, PassesOverWhatTheOriginClosed) {
    put(connection(1));
    put(connection(1));
    ends[1].close_theirs();  // The newest.
    ASSERT_TRUE(turn_until([&, polls = 0]() mutable { return ++polls > 3; }));
    const auto got = pool.take(*target, 1);
    ASSERT_NE(got, nullptr);
    EXPECT_EQ(pool.idle(), 0U);
    EXPECT_EQ(pool.take(*target, 1), nullptr);
}

TEST_F(PoolTest, PassesOverWhatSpeaksUnasked) {
    put(connection(1));
    ends[0].send("HTTP/1.1 408 Request Timeout\r\n\r\n");
    ASSERT_TRUE(turn_until([&, polls = 0]() mutable { return ++polls > 3; }));
    EXPECT_EQ(pool.take(*target, 1), nullptr);
}

TEST_F(PoolTest, ClosesWhatWasIdleForTooLong) {
    put(connection(1), 10, 1ms);
    put(connection(1), 10, 1ms);
    EXPECT_TRUE(turn_until([&] { return pool.idle() == 0; }));
    EXPECT_EQ(gauge(), 0U);
    EXPECT_EQ(ends[0].receive(1), "");
}

TEST_F(PoolTest, ClosesWhatTheOriginClosed) {
    // Streams with a deadline behind them are in the timer wheel as the pool itself is.
    for (int i = 0; i < 20; ++i) {
        auto one = connection(1);
        put(std::move(one));
        ends.back().close_theirs();
    }
    EXPECT_TRUE(turn_until([&] { return pool.idle() == 0; }));
}

TEST_F(PoolTest, SweepsConnectionsThatAreInTheWheelThemselves) {
    // Each waited with a time-out once, as connections do that had a response.
    const auto body = [](PoolTest& test) -> Task<void> {
        for (int i = 0; i < 20; ++i) {
            auto one = test.connection(1);
            char text[4];
            test.ends.back().send("abc");
            const auto got = co_await one->session.stream().readable(60s);
            EXPECT_EQ(got, net::IoStatus::ok);
            std::size_t done = 0;
            EXPECT_EQ(one->session.stream().try_read(text, 4, done), net::IoStatus::ok);
            test.put(std::move(one), 100, 1ms);
        }
        const auto start = net::EventLoop::now_ns();
        while (test.pool.idle() > 0 && net::EventLoop::now_ns() - start < 10'000'000'000U) {
            co_await test.loop.yield();
        }
        EXPECT_EQ(test.pool.idle(), 0U);
    };
    net::test::run(loop, body(*this));
}

TEST_F(PoolTest, ForgetsATarget) {
    put(connection(1));
    pool.forget(target->id());
    pool.forget(target->id());
    EXPECT_EQ(pool.idle(), 0U);
    EXPECT_EQ(gauge(), 0U);
    EXPECT_EQ(ends[0].receive(1), "");
}

TEST_F(PoolTest, C07_NothingComesBackForATargetThatIsGone) {
    auto taken_before = connection(1);
    put(connection(1));
    target->retire();
    pool.forget(target->id());
    put(std::move(taken_before));
    EXPECT_EQ(pool.idle(), 0U);
    EXPECT_EQ(ends[0].receive(1), "");
}

TEST_F(PoolTest, ClosesWhatLeadsToOtherAddresses) {
    auto taken_before = connection(1);
    put(connection(1));
    put(connection(1));
    target->set_addresses({});
    EXPECT_EQ(pool.take(*target, 1), nullptr);
    EXPECT_EQ(pool.idle(), 0U);
    put(std::move(taken_before));
    EXPECT_EQ(pool.idle(), 0U);
    EXPECT_EQ(gauge(), 0U);
}

TEST_F(PoolTest, ClosesEverythingWhenItIsCleared) {
    put(connection(1));
    pool.clear();
    EXPECT_EQ(pool.idle(), 0U);
    EXPECT_EQ(gauge(), 0U);
}

}  // namespace
}  // namespace switchyard::upstream
