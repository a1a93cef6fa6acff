#include "control/slow_targets.hpp"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::control {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kSecond = 1'000'000'000;

config::Ejection policy_of(std::uint32_t factor, std::chrono::milliseconds slow_by) {
    config::Ejection policy;
    policy.slow_factor = factor;
    policy.slow_by = slow_by;
    policy.interval = 10s;
    return policy;
}

Pace pace(std::uint64_t answers, std::uint64_t mean_ms) {
    return {answers, answers * mean_ms * 1000};
}

TEST(FindSlow, IsMeasuredByTheMedianOfTheOthers) {
    const config::Ejection policy = policy_of(3, 50ms);
    EXPECT_EQ(find_slow(std::vector{pace(100, 40), pace(100, 130), pace(100, 42)}, policy), 1u);
    EXPECT_FALSE(find_slow(std::vector{pace(100, 40), pace(100, 120), pace(100, 42)}, policy));
    // One that is fast makes no other one slow.
    EXPECT_FALSE(find_slow(std::vector{pace(100, 1), pace(100, 100), pace(100, 110)}, policy));
}

TEST(FindSlow, NeedsAMarginInTime) {
    EXPECT_FALSE(find_slow(std::vector{pace(100, 1), pace(100, 40)}, policy_of(3, 50ms)));
    EXPECT_EQ(find_slow(std::vector{pace(100, 1), pace(100, 51)}, policy_of(3, 50ms)), 1u);
}

TEST(FindSlow, JudgesNobodyByAFewAnswers) {
    const config::Ejection policy = policy_of(2, 10ms);
    EXPECT_FALSE(find_slow(std::vector{pace(100, 1), pace(kLeastAnswers - 1, 900)}, policy));
    EXPECT_FALSE(find_slow(std::vector{pace(kLeastAnswers - 1, 1), pace(100, 900)}, policy));
    EXPECT_EQ(find_slow(std::vector{pace(kLeastAnswers, 1), pace(kLeastAnswers, 900)}, policy), 1u);
    EXPECT_FALSE(find_slow(std::vector{pace(100, 900)}, policy));
    EXPECT_FALSE(find_slow(std::vector<Pace>{}, policy));
}

class SlowTargetsTest : public ::testing::Test {
  protected:
    SlowTargetsTest() {
        for (std::uint32_t id = 1; id <= 3; ++id) {
            config::Target config;
            config.address = "10.0.0." + std::to_string(id) + ":80";
            targets.push_back(std::make_shared<route::Target>(id, "app", Colour::blue, config, 2));
        }
    }
    /// An interval in which the targets answer in these times; what is found at its end.
    std::shared_ptr<route::Target> interval(std::vector<std::uint64_t> means_ms) {
        for (std::size_t i = 0; i < means_ms.size(); ++i) {
            for (std::size_t worker = 0; worker < 2; ++worker) {
                targets[i]->cell(worker).answers.add(50);
                targets[i]->cell(worker).answer_us.add(50 * means_ms[i] * 1000);
            }
        }
        now += 10 * kSecond;
        return slow.look(targets, policy, now);
    }

    std::uint64_t now = 1000 * kSecond;
    config::Ejection policy = policy_of(3, 50ms);
    std::vector<std::shared_ptr<route::Target>> targets;
    SlowTargets slow;
};

TEST_F(SlowTargetsTest, TwoIntervalsInARowMakeAnOutlier) {
    EXPECT_EQ(interval({10, 500, 12}), nullptr) << "what was before the first look";
    EXPECT_EQ(interval({10, 500, 12}), nullptr);
    EXPECT_EQ(interval({10, 10, 12}), nullptr);
    EXPECT_EQ(interval({10, 500, 12}), nullptr);
    EXPECT_EQ(interval({10, 500, 12}), targets[1]);
}

TEST_F(SlowTargetsTest, AnotherOneEachTimeIsNoOutlier) {
    (void)interval({10, 10, 10});
    EXPECT_EQ(interval({10, 500, 12}), nullptr);
    EXPECT_EQ(interval({500, 10, 12}), nullptr);
    EXPECT_EQ(interval({10, 500, 12}), nullptr);
}

TEST_F(SlowTargetsTest, NothingIsSaidInTheMiddleOfAnInterval) {
    (void)interval({10, 10, 10});
    (void)interval({10, 500, 12});
    (void)interval({10, 500, 12});
    now += kSecond;
    EXPECT_EQ(slow.look(targets, policy, now), nullptr);
}

TEST_F(SlowTargetsTest, IsOffByDefault) {
    policy = config::Ejection();
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(interval({10, 5000, 12}), nullptr);
}

}  // namespace
}  // namespace switchyard::control
