#include "route/outliers.hpp"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::route {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kSecond = 1'000'000'000;

class OutliersTest : public testing::Test {
  protected:
    void make(std::uint32_t count) {
        for (std::uint32_t id = 1; id <= count; ++id) {
            config::Target config;
            config.address = "10.0.0." + std::to_string(id) + ":80";
            targets.push_back(std::make_shared<Target>(id, "app", Colour::blue, config, 1));
        }
    }
    bool eject(std::size_t index, Ejected::Why why = Ejected::Why::errors) {
        return outliers.eject(targets, *targets[index], why, policy, now);
    }
    std::uint64_t seconds(std::size_t index) {
        const Ejected ejection = targets[index]->ejection();
        return (ejection.until_ns - ejection.since_ns) / kSecond;
    }

    std::uint64_t now = 1000 * kSecond;
    config::Ejection policy;
    std::vector<std::shared_ptr<Target>> targets;
    Outliers outliers;
};

TEST_F(OutliersTest, TheOnlyTargetIsNeverEjected) {
    make(1);
    EXPECT_FALSE(eject(0));
    EXPECT_FALSE(targets[0]->ejected(now));
}

TEST_F(OutliersTest, TheLastTargetThatIsLeftIsNeverEjected) {
    make(2);
    EXPECT_TRUE(eject(0));
    EXPECT_FALSE(eject(1));
    // An unhealthy one, or one that can't be connected to, is none that is left.
    make(1);
    policy.share = 99;
    targets[2]->set_health(Health::unhealthy);
    EXPECT_FALSE(eject(1));
    targets[2]->set_health(Health::unknown);
    targets[2]->eject(Ejected::Why::connect, 0, now, 5s);
    EXPECT_FALSE(eject(1));
    now += 6 * kSecond;
    EXPECT_TRUE(eject(1));
}

TEST_F(OutliersTest, NoMoreThanTheShareIsEjected) {
    make(10);
    policy.share = 30;
    EXPECT_TRUE(eject(0));
    EXPECT_TRUE(eject(1, Ejected::Why::slow));
    EXPECT_TRUE(eject(2));
    EXPECT_FALSE(eject(3));
    now += 31 * kSecond;
    EXPECT_TRUE(eject(3));
}

TEST_F(OutliersTest, OneMayAlwaysBeEjectedFromMany) {
    make(3);
    policy.share = 1;
    EXPECT_TRUE(eject(0));
    EXPECT_FALSE(eject(1));
}

TEST_F(OutliersTest, EachTimeInARowLastsTwiceAsLongUpToTheLongest) {
    make(2);
    policy.outlier_duration = 10s;
    policy.longest = 35s;
    for (const std::uint64_t expected : {10u, 20u, 35u, 35u}) {
        ASSERT_TRUE(eject(0));
        EXPECT_EQ(seconds(0), expected);
        EXPECT_TRUE(targets[0]->ejected(now + expected * kSecond - 1));
        EXPECT_FALSE(targets[0]->ejected(now + expected * kSecond));
        now += (expected + 1) * kSecond;
    }
    EXPECT_EQ(targets[0]->ejection().times, 4u);
    // It did well for as long as it had been away.
    now += 40 * kSecond;
    ASSERT_TRUE(eject(0));
    EXPECT_EQ(targets[0]->ejection().times, 1u);
    EXPECT_EQ(targets[0]->ejection().number, 5u);
    EXPECT_EQ(seconds(0), 10u);
}

TEST_F(OutliersTest, OneThatIsAwayIsNotEjectedAgain) {
    make(3);
    EXPECT_TRUE(eject(0));
    now += kSecond;
    EXPECT_FALSE(eject(0));
    EXPECT_EQ(targets[0]->ejection().number, 1u);
}

TEST_F(OutliersTest, ErrorsCountInARowOnly) {
    make(1);
    Target& target = *targets[0];
    EXPECT_FALSE(target.answer_failed(3));
    EXPECT_FALSE(target.answer_failed(3));
    target.answer_succeeded();
    EXPECT_FALSE(target.answer_failed(3));
    EXPECT_FALSE(target.answer_failed(3));
    EXPECT_TRUE(target.answer_failed(3));
    // Asked again after as many more, if it was refused.
    EXPECT_FALSE(target.answer_failed(3));
    EXPECT_FALSE(target.answer_failed(3));
    EXPECT_TRUE(target.answer_failed(3));
}

}  // namespace
}  // namespace switchyard::route
