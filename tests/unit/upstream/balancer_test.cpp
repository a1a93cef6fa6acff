#include "upstream/balancer.hpp"

#include "unit/upstream/support.hpp"

#include <map>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::upstream {
namespace {

using route::Health;
using test::make_target;

constexpr std::uint64_t kNow = 1'000'000'000;

class Balancer : public testing::Test {
  protected:
    explicit Balancer(std::uint32_t count = 4) {
        for (std::uint32_t id = 1; id <= count; ++id)
            slot.targets.push_back(make_target(id));
    }

    /// How often each target is picked in many tries.
    std::map<std::uint32_t, int> picks(const std::vector<std::uint32_t>& tried = {}) {
        std::map<std::uint32_t, int> counts;
        for (int i = 0; i < 2000; ++i)
            ++counts[pick_target(slot, 0, kNow, tried, random)->id()];
        return counts;
    }
    void eject(std::size_t index) {
        slot.targets[index]->connect_failed(kNow, 1, std::chrono::seconds(5));
    }

    route::SlotState slot;
    Random random{42};
};

TEST_F(Balancer, SpreadsOverEqualTargets) {
    const auto counts = picks();
    ASSERT_EQ(counts.size(), 4U);
    for (const auto& [id, count] : counts)
        EXPECT_NEAR(count, 500, 120) << id;
}

TEST_F(Balancer, PrefersTheOneWithLessInFlight) {
    slot.targets[0]->cell(0).in_flight.set(100);
    const auto counts = picks();
    // Only when it is drawn twice.
    EXPECT_LT(counts.at(1), 300);
    slot.targets.resize(2);
    slot.targets[1]->cell(0).in_flight.set(0);
    EXPECT_GT(picks().at(2), 1200);
}

TEST_F(Balancer, NeverPicksAnUnhealthyOneWhileAnotherIsLeft) {
    for (std::size_t healthy = 0; healthy < 4; ++healthy) {
        for (auto& target : slot.targets)
            target->set_health(Health::unhealthy);
        slot.targets[healthy]->set_health(Health::healthy);
        const auto counts = picks();
        ASSERT_EQ(counts.size(), 1U);
        EXPECT_EQ(counts.begin()->first, healthy + 1);
    }
}

TEST_F(Balancer, TakesTargetsThatWereNotCheckedYet) {
    slot.targets[0]->set_health(Health::unhealthy);
    EXPECT_EQ(picks().size(), 3U);
}

TEST_F(Balancer, NeverPicksAnEjectedOneWhileAnotherIsLeft) {
    eject(0);
    eject(2);
    const auto counts = picks();
    EXPECT_EQ(counts.count(1), 0U);
    EXPECT_EQ(counts.count(3), 0U);
    EXPECT_EQ(counts.size(), 2U);
}

TEST_F(Balancer, DoesNotTryTheSameTwiceWhileAnotherIsLeft) {
    const auto counts = picks({1, 2, 4});
    ASSERT_EQ(counts.size(), 1U);
    EXPECT_EQ(counts.begin()->first, 3U);
}

TEST_F(Balancer, SetsHealthAsideWhenNoneIsHealthy) {
    for (auto& target : slot.targets)
        target->set_health(Health::unhealthy);
    EXPECT_EQ(picks().size(), 4U);
    // But not what was tried.
    EXPECT_EQ(picks({1, 2}).size(), 2U);
}

TEST_F(Balancer, PrefersAnUnhealthyOneToOneThatWasTried) {
    slot.targets.resize(2);
    slot.targets[1]->set_health(Health::unhealthy);
    const auto counts = picks({1});
    ASSERT_EQ(counts.size(), 1U);
    EXPECT_EQ(counts.begin()->first, 2U);
}

TEST_F(Balancer, PicksSomethingWhenAllWereTried) {
    EXPECT_EQ(picks({1, 2, 3, 4}).size(), 4U);
    for (auto& target : slot.targets)
        target->set_health(Health::unhealthy);
    eject(1);
    EXPECT_EQ(picks({1, 2, 3, 4}).size(), 4U);
}

TEST_F(Balancer, KnowsWhetherAnythingUsableIsLeft) {
    slot.targets.resize(2);
    const auto left = [&](const std::vector<std::uint32_t>& tried) {
        return has_usable_target(slot, kNow, tried);
    };
    EXPECT_TRUE(left({}));
    EXPECT_TRUE(left({1}));
    EXPECT_FALSE(left({1, 2}));
    slot.targets[1]->set_health(Health::unhealthy);
    EXPECT_FALSE(left({1}));
    EXPECT_TRUE(left({2}));
    eject(0);
    EXPECT_FALSE(left({}));
}

TEST_F(Balancer, TheOnlyTargetIsPickedWhateverItsState) {
    slot.targets.resize(1);
    slot.targets[0]->set_health(Health::unhealthy);
    eject(0);
    EXPECT_EQ(picks({1}).at(1), 2000);
}

}  // namespace
}  // namespace switchyard::upstream
