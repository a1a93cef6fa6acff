#include "control/fresh_health.hpp"

#include <gtest/gtest.h>

namespace switchyard::control::testing {
namespace {

using namespace std::chrono_literals;
using route::Health;

class FreshHealthTest : public ::testing::Test {
  protected:
    const Steady::time_point since = Steady::time_point(100s);

    route::TargetReport report(std::chrono::seconds begun, bool passed,
                               Health health = Health::healthy) const {
        route::TargetReport made;
        made.checked_at = Wall::now();
        made.began = since + begun;
        made.passed = passed;
        made.health = health;
        return made;
    }
};

TEST_F(FreshHealthTest, CountsOnlyChecksThatBeganAfterwards) {
    FreshHealth fresh(since, 2);
    EXPECT_FALSE(fresh.see(1, report(-2s, true)));
    EXPECT_FALSE(fresh.see(1, report(-1s, true)));
    EXPECT_FALSE(fresh.see(1, report(0s, true)));
    EXPECT_TRUE(fresh.see(1, report(1s, true)));
    EXPECT_EQ(fresh.oldest(), since);
}

TEST_F(FreshHealthTest, TheSameCheckCountsOnce) {
    FreshHealth fresh(since, 2);
    EXPECT_FALSE(fresh.see(1, report(1s, true)));
    EXPECT_FALSE(fresh.see(1, report(1s, true)));
    EXPECT_TRUE(fresh.see(1, report(2s, true)));
}

TEST_F(FreshHealthTest, AFailureBeginsANewRow) {
    FreshHealth fresh(since, 2);
    EXPECT_FALSE(fresh.see(1, report(1s, true)));
    // One failure leaves the verdict "healthy" (unhealthy_after), but not this row.
    EXPECT_FALSE(fresh.see(1, report(2s, false)));
    EXPECT_FALSE(fresh.see(1, report(3s, true)));
    EXPECT_TRUE(fresh.see(1, report(4s, true)));
    EXPECT_EQ(fresh.oldest(), since + 3s);
}

TEST_F(FreshHealthTest, PassedChecksAreNotEnoughWithoutTheVerdict) {
    FreshHealth fresh(since, 1);
    EXPECT_FALSE(fresh.see(1, report(1s, true, Health::unhealthy)));
    EXPECT_TRUE(fresh.see(1, report(1s, true, Health::healthy)));
}

TEST_F(FreshHealthTest, TargetsAreCountedApart) {
    FreshHealth fresh(since, 1);
    EXPECT_TRUE(fresh.see(1, report(5s, true)));
    EXPECT_FALSE(fresh.see(2, report(-1s, true)));
    EXPECT_TRUE(fresh.see(2, report(3s, true)));
    EXPECT_EQ(fresh.oldest(), since + 3s);
}

TEST_F(FreshHealthTest, ATargetWithoutACheckIsNotHealthy) {
    FreshHealth fresh(since, 0);
    EXPECT_FALSE(fresh.see(1, route::TargetReport{}));
}

}  // namespace
}  // namespace switchyard::control::testing
