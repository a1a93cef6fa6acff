#include "route/hold_room.hpp"

#include "route/gate.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::route {
namespace {

TEST(HoldRoom, RefusesBeyondEitherBound) {
    HoldRoom room("app", 1);
    EXPECT_TRUE(room.enter(100, 2, 1'000));
    EXPECT_FALSE(room.enter(901, 2, 1'000));
    EXPECT_EQ(room.requests(), 1U);  // a refused one leaves no trace
    EXPECT_EQ(room.bytes(), 100U);
    EXPECT_TRUE(room.enter(900, 2, 1'000));
    EXPECT_FALSE(room.enter(0, 2, 1'000));
    room.leave(900);
    EXPECT_TRUE(room.enter(1, 2, 1'000));
    EXPECT_FALSE(room.enter(UINT64_MAX, 10, UINT64_MAX - 1));
    room.enter_anyway(5'000);  // whoever stands behind a release is never refused
    EXPECT_EQ(room.requests(), 3U);
    EXPECT_EQ(room.bytes(), 5'101U);
}

TEST(HoldRoom, IsExactOverManyWorkers) {
    constexpr std::uint64_t kMost = 1'000;
    HoldRoom room("app", 4);
    std::atomic<std::uint64_t> entered{0};
    {
        std::vector<std::jthread> workers;
        for (int i = 0; i < 4; ++i) {
            workers.emplace_back([&] {
                for (int n = 0; n < 1'000; ++n) {
                    if (room.enter(10, kMost, 1'000'000)) ++entered;
                }
            });
        }
    }
    EXPECT_EQ(entered, kMost);
    EXPECT_EQ(room.requests(), kMost);
    EXPECT_EQ(room.bytes(), 10 * kMost);
}

TEST(HoldRoom, TheLongestWaitIsThatOfOneHold) {
    HoldRoom room("app", 2);
    room.cell(0).hold.set(1);
    room.cell(0).longest_us.set(700);
    room.cell(1).hold.set(2);
    room.cell(1).longest_us.set(30);
    EXPECT_EQ(room.longest_us(1), 700U);
    EXPECT_EQ(room.longest_us(2), 30U);
    EXPECT_EQ(room.longest_us(3), 0U);
    EXPECT_EQ(room.oldest_ns(), 0U);
    room.cell(0).oldest_ns.set(9);
    room.cell(1).oldest_ns.set(4);
    EXPECT_EQ(room.oldest_ns(), 4U);
}

TEST(Passage, WhoPassesWhichGate) {
    Gate gate;
    EXPECT_EQ(passage(nullptr, {}), Passage::open);
    gate.mode = Gate::Mode::hold;
    EXPECT_EQ(passage(&gate, {}), Passage::wait);
    EXPECT_EQ(passage(&gate, {.again = true}), Passage::wait);
    EXPECT_EQ(passage(&gate, {.server_info = true}), Passage::open);
    gate.mode = Gate::Mode::maintenance;
    EXPECT_EQ(passage(&gate, {}), Passage::turned_away);
    EXPECT_EQ(passage(&gate, {.again = true}), Passage::open);  // what was in flight ends
    EXPECT_EQ(passage(&gate, {.server_info = true}), Passage::open);
}

}  // namespace
}  // namespace switchyard::route
