#include "net/timer_wheel.hpp"

#include <memory>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::net {
namespace {

using namespace std::chrono_literals;

/// Has a deadline, and notes when it was looked at and when the deadline was found to have passed.
class Node : public TimerNode {
  public:
    void set(TimerWheel& wheel, std::uint64_t due) {
        due_ = due;
        wheel.schedule(*this, due);
    }
    void move(std::uint64_t due) { due_ = due; }

    std::vector<std::uint64_t> looked_at;
    std::uint64_t fired_at = 0;

  protected:
    std::uint64_t on_tick(std::uint64_t now) override {
        looked_at.push_back(now);
        if (due_ == 0 || now < due_) return due_;
        fired_at = now;
        due_ = 0;
        return 0;
    }

  private:
    std::uint64_t due_ = 0;
};

TEST(TimerWheel, NoDelayIsNoDeadline) {
    const TimerWheel wheel;
    EXPECT_EQ(wheel.after(0ms), 0U);
    EXPECT_EQ(wheel.after(-5ms), 0U);
}

TEST(TimerWheel, ADelayHasCertainlyPassedAtItsTick) {
    const TimerWheel wheel;
    // The present tick may be almost over: a whole one more has to pass.
    EXPECT_EQ(wheel.after(1ms), wheel.now() + 2);
    EXPECT_EQ(wheel.after(100ms), wheel.now() + 2);
    EXPECT_EQ(wheel.after(101ms), wheel.now() + 3);
    EXPECT_EQ(wheel.after(1s), wheel.now() + 11);
}

TEST(TimerWheel, CallsANodeAtItsTickAndNotBefore) {
    TimerWheel wheel;
    Node node;
    node.set(wheel, 5);
    wheel.advance(4);
    EXPECT_TRUE(node.looked_at.empty());
    EXPECT_FALSE(wheel.empty());
    wheel.advance(5);
    EXPECT_EQ(node.fired_at, 5U);
    EXPECT_TRUE(wheel.empty());
}

TEST(TimerWheel, FindsDeadlinesThatAreFarAway) {
    TimerWheel wheel;
    Node node;
    node.set(wheel, 1000);
    for (std::uint64_t tick = 2; tick < 1000; ++tick)
        wheel.advance(tick);
    EXPECT_EQ(node.fired_at, 0U);
    wheel.advance(1000);
    EXPECT_EQ(node.fired_at, 1000U);
}

TEST(TimerWheel, ADeadlineMayMoveAwayWhileTheNodeIsLinked) {
    TimerWheel wheel;
    Node node;
    node.set(wheel, 5);
    node.move(30);
    for (std::uint64_t tick = 2; tick <= 30; ++tick)
        wheel.advance(tick);
    EXPECT_EQ(node.fired_at, 30U);
    EXPECT_EQ(node.looked_at.front(), 5U);
}

TEST(TimerWheel, AnEarlierDeadlineIsKept) {
    TimerWheel wheel;
    Node node;
    node.set(wheel, 9);
    node.set(wheel, 4);
    wheel.advance(4);
    EXPECT_EQ(node.fired_at, 4U);
}

TEST(TimerWheel, ADeadlineThatPassedIsSeenAtTheNextTick) {
    TimerWheel wheel;
    wheel.advance(50);
    Node node;
    node.set(wheel, 3);
    wheel.advance(51);
    EXPECT_EQ(node.fired_at, 51U);
}

TEST(TimerWheel, ALongPauseMissesNobody) {
    TimerWheel wheel;
    std::vector<std::unique_ptr<Node>> nodes;
    for (std::uint64_t due = 2; due < 60; ++due) {
        nodes.push_back(std::make_unique<Node>());
        nodes.back()->set(wheel, due);
    }
    wheel.advance(5000);
    EXPECT_EQ(wheel.now(), 5000U);
    for (const auto& node : nodes)
        EXPECT_NE(node->fired_at, 0U);
    EXPECT_TRUE(wheel.empty());
}

TEST(TimerWheel, NeverGoesBack) {
    TimerWheel wheel;
    wheel.advance(100);
    wheel.advance(7);
    EXPECT_EQ(wheel.now(), 100U);
}

TEST(TimerWheel, ForgetsNodesThatAreDestroyed) {
    TimerWheel wheel;
    Node before;
    auto gone = std::make_unique<Node>();
    Node after;
    before.set(wheel, 5);
    gone->set(wheel, 5);
    after.set(wheel, 5);
    gone.reset();
    wheel.advance(5);
    EXPECT_EQ(before.fired_at, 5U);
    EXPECT_EQ(after.fired_at, 5U);
    EXPECT_TRUE(wheel.empty());
}

/// As the pool of upstream connections does when it closes them.
class Destroyer : public TimerNode {
  public:
    void destroy_at(TimerWheel& wheel, std::uint64_t tick) { wheel.schedule(*this, tick); }
    std::vector<std::unique_ptr<Node>> victims;

  protected:
    std::uint64_t on_tick(std::uint64_t) override {
        victims.clear();
        return 0;
    }
};

TEST(TimerWheel, ANodeMayDestroyOthersOfTheSameTick) {
    TimerWheel wheel;
    Destroyer destroyer;
    Node first;
    first.set(wheel, 5);
    for (int i = 0; i < 3; ++i) {
        destroyer.victims.push_back(std::make_unique<Node>());
        destroyer.victims.back()->set(wheel, 5);
    }
    destroyer.destroy_at(wheel, 5);  // In front of the others.
    Node last;
    last.set(wheel, 5);
    wheel.advance(5);
    EXPECT_TRUE(destroyer.victims.empty());
    EXPECT_EQ(first.fired_at, 5U);
    EXPECT_EQ(last.fired_at, 5U);
    EXPECT_TRUE(wheel.empty());
}

TEST(TimerWheel, MayGoBeforeItsNodes) {
    Node node;
    {
        TimerWheel wheel;
        node.set(wheel, 5);
    }
    TimerWheel other;
    node.set(other, 3);
    other.advance(3);
    EXPECT_EQ(node.fired_at, 3U);
}

}  // namespace
}  // namespace switchyard::net
