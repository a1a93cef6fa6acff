#include "observe/wall_clock.hpp"

#include <gtest/gtest.h>

namespace switchyard::observe {
namespace {

using namespace std::chrono_literals;
using std::chrono::system_clock;

constexpr std::uint64_t kMillisecond = 1'000'000;

TEST(WallClock, SaysWhatTheSystemClockSays) {
    WallClock clock;
    const auto before = system_clock::now();
    const auto told = clock.at(5'000 * kMillisecond, 5'000 * kMillisecond);
    EXPECT_GE(told, before);
    EXPECT_LE(told, system_clock::now());
}

TEST(WallClock, AMomentBeforeIsSoMuchEarlier) {
    WallClock clock;
    const auto now = clock.at(5'000 * kMillisecond, 5'000 * kMillisecond);
    // Long requests began long ago; the distance that was found first is kept for a while.
    EXPECT_EQ(clock.at(4'000 * kMillisecond, 5'010 * kMillisecond), now - 1s);
    EXPECT_EQ(clock.at(5'010 * kMillisecond, 5'010 * kMillisecond), now + 10ms);
}

TEST(WallClock, LooksAgainAfterAWhile) {
    WallClock clock;
    const auto first = clock.at(5'000 * kMillisecond, 5'000 * kMillisecond);
    // By the steady clock an hour has passed, by the system clock hardly anything: it was set back.
    const auto later = clock.at(3'605'000 * kMillisecond, 3'605'000 * kMillisecond);
    EXPECT_LT(later - first, 1min);
}

}  // namespace
}  // namespace switchyard::observe
