// The deployment through random events, delays, failures, cancellations and crashes at every step.
//
//     SWITCHYARD_SIMULATION_SEED=N    begin with this seed (a failure prints it) instead of the
//     usual SWITCHYARD_SIMULATION_STEPS=N   instead of three million
#include "deployment_world.hpp"

#include <cstdlib>
#include <set>

#include <gtest/gtest.h>

namespace switchyard::control::testing {
namespace {

constexpr std::uint64_t kStepsOfALife = 2'000;
constexpr std::uint64_t kSteps = 3'000'000;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// Runs one life; the failure's description, or nothing.
std::string live(std::uint64_t seed, std::map<std::string, std::uint64_t>& seen) {
    DeploymentWorld world(seed);
    std::uint64_t step = 0;
    while (step < kStepsOfALife && world.step())
        ++step;
    for (const auto& [what, count] : world.seen())
        seen[what] += count;
    if (world.violation().empty()) return {};
    DeploymentWorld again(seed, true);
    while (again.step()) {
    }
    std::string text = world.violation() + "\nseed " + std::to_string(seed) + ", step " +
                       std::to_string(step) +
                       "; again: SWITCHYARD_SIMULATION_SEED=" + std::to_string(seed) + "\n";
    const auto& trace = again.trace();
    for (std::size_t i = trace.size() > 60 ? trace.size() - 60 : 0; i < trace.size(); ++i)
        text += trace[i] + "\n";
    return text;
}

TEST(DeploymentSimulation, KeepsItsPromisesWhateverHappens) {
    const std::uint64_t first = from_environment("SWITCHYARD_SIMULATION_SEED", 1);
    const std::uint64_t steps = from_environment("SWITCHYARD_SIMULATION_STEPS", kSteps);
    std::map<std::string, std::uint64_t> seen;
    for (std::uint64_t life = 0; life * kStepsOfALife < steps; ++life) {
        const std::string failure = live(first + life, seen);
        ASSERT_EQ(failure, "");
    }
    if (steps < kSteps) return;
    // Otherwise the world is too tame: every stage has to be seen ending in each way that it can,
    // and the daemon crashing in it.
    for (std::size_t i = 0; i < kDeployStages; ++i) {
        const std::string stage(to_string(static_cast<DeployStage>(i)));
        EXPECT_GT(seen["crash in " + stage], 5U) << stage;
        if (static_cast<DeployStage>(i) >= DeployStage::drain) continue;
        EXPECT_GT(seen["ended failed in " + stage], 5U) << stage;
        EXPECT_GT(seen["ended cancelled in " + stage], 5U) << stage;
        EXPECT_GT(seen["ended interrupted in " + stage], 0U) << stage;
    }
    EXPECT_GT(seen["ended switched in drain"], 20U);
    EXPECT_GT(seen["ended switched in after_switch"], 20U);
    EXPECT_GT(seen["ended switched in reserved_ip"], 20U);
    EXPECT_GT(seen["ended deployed in healthy"], 20U);
    EXPECT_GT(seen["ended deployed in warm_up"], 20U);
}

TEST(DeploymentSimulation, TheSameSeedIsTheSameLife) {
    for (const std::uint64_t seed : {3U, 7U}) {
        DeploymentWorld one(seed, true);
        DeploymentWorld two(seed, true);
        for (int i = 0; i < 500; ++i) {
            ASSERT_TRUE(one.step());
            ASSERT_TRUE(two.step());
        }
        EXPECT_EQ(one.trace(), two.trace());
    }
}

}  // namespace
}  // namespace switchyard::control::testing
