#include "observe/canary_counts.hpp"

#include <gtest/gtest.h>

namespace switchyard::observe {
namespace {

TEST(CanaryCounts, BinsHaveNoGapAndAreNarrow) {
    for (std::size_t bin = 0; bin + 1 < kCanaryBins; ++bin) {
        const std::uint64_t end = canary_bin_end(bin);
        ASSERT_EQ(canary_bin(end - 1), bin);
        ASSERT_EQ(canary_bin(end), bin + 1);
        if (bin >= 16) {
            ASSERT_LE(end - canary_bin_end(bin - 1), canary_bin_end(bin - 1) / 8);
        }
    }
    EXPECT_EQ(canary_bin(UINT64_MAX), kCanaryBins - 1);
    EXPECT_GT(canary_bin_end(kCanaryBins - 1), 60'000'000U);
}

TEST(CanaryCounts, SumsTheWorkersAndTellsTheSidesApart) {
    CanaryCounts counts(2);
    for (std::uint64_t i = 1; i <= 100; ++i)
        counts.record(i % 2, 600, false, false, 1'000 * i);
    counts.record(0, 499, true, true, std::nullopt);
    counts.record(1, 499, true, false, 70'000);
    const CanaryTally tally = counts.tally();
    EXPECT_EQ(tally.points[499].answers, 2U);
    EXPECT_EQ(tally.points[499].errors, 1U);
    EXPECT_EQ(tally.points[499].timed, 1U);
    const CanarySide live = canary_side(tally, 500, false);
    EXPECT_EQ(live.answers, 100U);
    EXPECT_EQ(live.errors, 0U);
    EXPECT_NEAR(static_cast<double>(*live.median_us), 50'000, 50'000 / 8);
    EXPECT_NEAR(static_cast<double>(*live.p95_us), 95'000, 95'000 / 8);
    const CanarySide canary = canary_side(tally, 500, true);
    EXPECT_EQ(canary.answers, 2U);
    EXPECT_EQ(canary.errors, 1U);
    EXPECT_NEAR(static_cast<double>(*canary.median_us), 70'000, 70'000 / 8);
    EXPECT_FALSE(canary_side(CanaryTally(), 500, true).median_us);
}

}  // namespace
}  // namespace switchyard::observe
