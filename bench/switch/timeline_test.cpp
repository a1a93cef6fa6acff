#include "bench/switch/timeline.hpp"

#include <gtest/gtest.h>

namespace switchyard::bench {
namespace {

constexpr Colour kBlue = Colour::blue;
constexpr Colour kGreen = Colour::green;

TEST(Timeline, WithoutASwitchOnlyTheLiveSlotMayAnswer) {
    Timeline timeline(kBlue);
    EXPECT_TRUE(timeline.allows(kBlue, 10, 20));
    EXPECT_FALSE(timeline.allows(kGreen, 10, 20));
}

TEST(Timeline, ARequestThatOverlapsTheCommandMayGoEitherWay) {
    Timeline timeline(kBlue);
    timeline.sent(kGreen, 100);
    EXPECT_TRUE(timeline.allows(kBlue, 90, 110));
    EXPECT_TRUE(timeline.allows(kGreen, 90, 111));
}

TEST(Timeline, ARequestThatBeganAfterTheAcknowledgementMustNotReachTheOldSlot) {
    Timeline timeline(kBlue);
    timeline.sent(kGreen, 100);
    timeline.acknowledged(200);
    EXPECT_TRUE(timeline.allows(kBlue, 199, 210));
    EXPECT_FALSE(timeline.allows(kBlue, 201, 211));
    EXPECT_NE(timeline.reason().find("switch 1 to green had been acknowledged"), std::string::npos)
        << timeline.reason();
    EXPECT_TRUE(timeline.allows(kGreen, 201, 212));
}

TEST(Timeline, NothingComesFromTheNewSlotBeforeTheCommandWasSent) {
    Timeline timeline(kBlue);
    timeline.sent(kGreen, 100);
    EXPECT_FALSE(timeline.allows(kGreen, 50, 99));
}

TEST(Timeline, AnAnswerByTheNewSlotEndsTheOldOneBeforeTheAcknowledgement) {
    Timeline timeline(kBlue);
    timeline.sent(kGreen, 100);
    EXPECT_TRUE(timeline.allows(kGreen, 110, 120));
    EXPECT_TRUE(timeline.allows(kBlue, 119, 130)) << "began before the first new answer was seen";
    EXPECT_FALSE(timeline.allows(kBlue, 121, 131));
    EXPECT_EQ(timeline.first_new().count(), 1U);
    EXPECT_EQ(timeline.first_new().max(), 20);
}

TEST(Timeline, AnAmbiguousAnswerProvesNothing) {
    Timeline timeline(kBlue);
    timeline.sent(kGreen, 100);
    timeline.acknowledged(110);
    timeline.sent(kBlue, 200);
    // Blue may be the slot before the first switch or after the second one.
    EXPECT_TRUE(timeline.allows(kBlue, 105, 210));
    EXPECT_TRUE(timeline.allows(kGreen, 211, 220)) << "the second switch may not have happened yet";
}

TEST(Timeline, TellsWhenASlotWasLastNotLive) {
    Timeline timeline(kBlue);
    EXPECT_LT(timeline.last_away(kBlue, 90), 0) << "never";
    EXPECT_EQ(timeline.last_away(kGreen, 90), 90) << "still";
    timeline.sent(kGreen, 100);
    timeline.acknowledged(110);
    EXPECT_EQ(timeline.last_away(kBlue, 120), 120);
    EXPECT_EQ(timeline.last_away(kGreen, 120), 110);
    timeline.sent(kBlue, 200);
    EXPECT_EQ(timeline.last_away(kBlue, 210), 210) << "green may be in force still";
    timeline.acknowledged(220);
    EXPECT_EQ(timeline.last_away(kBlue, 300), 220);
    EXPECT_EQ(timeline.last_away(kGreen, 300), 300);
}

TEST(Timeline, ARefusedSwitchLeavesTheOldSlotLive) {
    Timeline timeline(kBlue);
    timeline.sent(kGreen, 100);
    timeline.refused();
    EXPECT_EQ(timeline.live(), kBlue);
    EXPECT_TRUE(timeline.allows(kBlue, 300, 310));
    EXPECT_FALSE(timeline.allows(kGreen, 300, 311));
}

}  // namespace
}  // namespace switchyard::bench
