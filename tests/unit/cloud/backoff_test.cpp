#include "cloud/backoff.hpp"

#include <gtest/gtest.h>

namespace switchyard::cloud {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, DoublesUpToTheLongest) {
    EXPECT_EQ(doubled(1, 2s, 30s), 2s);
    EXPECT_EQ(doubled(2, 2s, 30s), 4s);
    EXPECT_EQ(doubled(4, 2s, 30s), 16s);
    EXPECT_EQ(doubled(5, 2s, 30s), 30s);
    EXPECT_EQ(doubled(4'000'000'000U, 2s, 30s), 30s);
    EXPECT_EQ(doubled(1, 2s, 1s), 1s);
}

TEST(Backoff, FullJitterStaysWithinItsBoundsAndUsesThem) {
    Random random(7);
    milliseconds least = 1h;
    milliseconds most = 0ms;
    for (int i = 0; i < 10'000; ++i) {
        const milliseconds delay = full_jitter(4, 1s, 60s, random);
        least = std::min(least, delay);
        most = std::max(most, delay);
        ASSERT_GE(delay, 100ms);
        ASSERT_LE(delay, 8s);
    }
    EXPECT_LT(least, 200ms);
    EXPECT_GT(most, 7'800ms);
    for (int i = 0; i < 1'000; ++i)
        ASSERT_LE(full_jitter(40, 1s, 60s, random), 60s);
}

TEST(Backoff, PollsSpreadByThirtyPercent) {
    Random random(7);
    for (int i = 0; i < 1'000; ++i) {
        const milliseconds delay = spread(3s, random);
        ASSERT_GE(delay, 2'100ms);
        ASSERT_LE(delay, 3'900ms);
        const milliseconds first = first_of(3s, random);
        ASSERT_GE(first, 2s);
        ASSERT_LE(first, 3s);
    }
}

}  // namespace
}  // namespace switchyard::cloud
