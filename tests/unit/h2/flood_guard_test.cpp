#include "h2/flood_guard.hpp"

#include <gtest/gtest.h>

namespace switchyard::h2 {
namespace {

using observe::Http2Limit;

session::Http2Options rates(std::uint32_t each) {
    session::Http2Options options;
    options.resets = options.settings = options.pings = each;
    options.ignored_frames = options.empty_frames = options.window_updates = each;
    return options;
}

int take_all(FloodGuard& guard, Http2Limit kind, std::uint64_t tick) {
    int taken = 0;
    while (taken < 1'000'000 && guard.take(kind, tick))
        ++taken;
    return taken;
}

TEST(FloodGuard, TenSecondsWorthMayComeAtOnce) {
    FloodGuard guard;
    guard.start(rates(7), 1000);
    EXPECT_EQ(take_all(guard, Http2Limit::pings, 1000), 70);
}

TEST(FloodGuard, KindsAreCountedApart) {
    FloodGuard guard;
    guard.start(rates(1), 1);
    for (const auto kind :
         {Http2Limit::resets, Http2Limit::settings, Http2Limit::pings, Http2Limit::ignored_frames,
          Http2Limit::empty_frames, Http2Limit::window_updates}) {
        EXPECT_EQ(take_all(guard, kind, 1), 10);
    }
}

TEST(FloodGuard, TheRateComesBackWithTime) {
    FloodGuard guard;
    guard.start(rates(5), 1);
    EXPECT_EQ(take_all(guard, Http2Limit::resets, 1), 50);
    EXPECT_EQ(take_all(guard, Http2Limit::resets, 1 + 10), 5) << "a second";
    EXPECT_EQ(take_all(guard, Http2Limit::resets, 11 + 1), 0) << "half a frame is none";
    EXPECT_EQ(take_all(guard, Http2Limit::resets, 12 + 1), 1);
    EXPECT_EQ(take_all(guard, Http2Limit::resets, 100'000), 50) << "never more than it holds";
}

TEST(FloodGuard, WindowUpdatesAreEarnedByWhatIsSent) {
    FloodGuard guard;
    guard.start(rates(1), 1);
    EXPECT_EQ(take_all(guard, Http2Limit::window_updates, 1), 10);
    for (int i = 0; i < 10; ++i)
        guard.sent(512);
    EXPECT_EQ(take_all(guard, Http2Limit::window_updates, 1), 5);
    guard.sent(16 * 1024);
    EXPECT_EQ(take_all(guard, Http2Limit::window_updates, 1), 16);
    guard.answered();
    EXPECT_EQ(take_all(guard, Http2Limit::window_updates, 1), 2);
    // One octet at a time earns next to nothing.
    for (int i = 0; i < 1000; ++i)
        guard.sent(1);
    EXPECT_EQ(take_all(guard, Http2Limit::window_updates, 1), 0);
    EXPECT_EQ(take_all(guard, Http2Limit::pings, 1), 10) << "of no other kind";
}

}  // namespace
}  // namespace switchyard::h2
