#include "bench/switch/last_switch.hpp"

#include <gtest/gtest.h>

namespace switchyard::bench {
namespace {

constexpr std::int64_t kAfter = LastSwitch::kAfterwards;

TEST(LastSwitch, BeforeTheFirstNothingIsMet) {
    const LastSwitch none;
    EXPECT_FALSE(none.met(0, 1'000'000'000));
}

TEST(LastSwitch, MeetsWhatWasUnderWayFromTheCommandToAWhileAfterIt) {
    LastSwitch last;
    last.sent(1'000);
    EXPECT_TRUE(last.met(900, 1'000));
    EXPECT_TRUE(last.met(1'000'000, 2'000'000)) << "not acknowledged yet";
    last.acknowledged(2'000);
    EXPECT_TRUE(last.met(0, 5'000'000'000));
    EXPECT_TRUE(last.met(2'000 + kAfter, 3'000 + kAfter));
    EXPECT_FALSE(last.met(2'001 + kAfter, 3'000 + kAfter));
    EXPECT_FALSE(last.met(900, 999));
}

}  // namespace
}  // namespace switchyard::bench
