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
    EXPECT_NE(timeline.reason().find("change 1 to green had been acknowledged"), std::string::npos)
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

/// A timeline with a canary of 20% on green that was acknowledged at 110.
Timeline with_canary() {
    Timeline timeline(kBlue);
    timeline.sent_share(20, 100);
    timeline.acknowledged(110);
    return timeline;
}

TEST(Timeline, BothSlotsMayAnswerWhileACanaryRuns) {
    Timeline timeline = with_canary();
    EXPECT_FALSE(timeline.allows(kGreen, 50, 99)) << "not before";
    EXPECT_TRUE(timeline.allows(kBlue, 120, 130));
    EXPECT_TRUE(timeline.allows(kGreen, 120, 131));
    EXPECT_EQ(timeline.live(), kBlue);
    timeline.sent_share(0, 200);
    timeline.acknowledged(210);
    EXPECT_TRUE(timeline.allows(kGreen, 209, 220));
    EXPECT_FALSE(timeline.allows(kGreen, 211, 221)) << "it is off";
    EXPECT_FALSE(timeline.misplaced());
    EXPECT_TRUE(timeline.allows(kBlue, 211, 222));
}

TEST(Timeline, ASwitchEndsTheCanary) {
    Timeline timeline = with_canary();
    timeline.sent(kGreen, 200);
    timeline.acknowledged(210);
    EXPECT_EQ(timeline.share(), 0U);
    EXPECT_TRUE(timeline.allows(kGreen, 211, 220));
    EXPECT_FALSE(timeline.allows(kBlue, 211, 221));
    EXPECT_EQ(timeline.first_new().count(), 0U) << "the slot was no news";
}

TEST(Timeline, AShareOfAllLeavesNobodyOnLive) {
    Timeline timeline = with_canary();
    timeline.sent_share(100, 200);
    timeline.acknowledged(210);
    EXPECT_FALSE(timeline.allows(kBlue, 211, 220));
    EXPECT_TRUE(timeline.allows(kGreen, 211, 221));
}

TEST(Timeline, AClientOfTheCanaryStaysThereWhenTheShareGrows) {
    Timeline timeline = with_canary();
    Stand stand;
    ASSERT_TRUE(timeline.allows(kGreen, 120, 130, stand));
    EXPECT_FALSE(timeline.learn(stand)) << "nothing was known before";
    EXPECT_EQ(stand.canary, 1U);
    EXPECT_EQ(stand.canary_at, 20U);
    timeline.sent_share(50, 200);
    timeline.acknowledged(210);
    EXPECT_FALSE(timeline.allows(kBlue, 211, 220, stand));
    EXPECT_TRUE(timeline.misplaced());
    EXPECT_TRUE(timeline.allows(kBlue, 211, 221)) << "somebody else may be there";
    ASSERT_TRUE(timeline.allows(kGreen, 211, 222, stand));
    EXPECT_TRUE(timeline.learn(stand));
    EXPECT_EQ(stand.canary_at, 20U);
    // With a smaller share it may go back: but only then.
    timeline.sent_share(10, 300);
    timeline.acknowledged(310);
    EXPECT_TRUE(timeline.allows(kBlue, 311, 320, stand));
    timeline.learn(stand);
    EXPECT_EQ(stand.live_at, 10U);
    EXPECT_FALSE(timeline.allows(kGreen, 311, 321, stand)) << "to and fro at the same share";
    EXPECT_TRUE(timeline.misplaced());
}

TEST(Timeline, AnAnswerThatOverlapsAChangeOfTheShareTellsNoMoreThanItCan) {
    Timeline timeline = with_canary();
    timeline.sent_share(50, 200);
    Stand stand;
    ASSERT_TRUE(timeline.allows(kGreen, 190, 210, stand));
    timeline.learn(stand);
    EXPECT_EQ(stand.canary_at, 50U);
    ASSERT_TRUE(timeline.allows(kBlue, 190, 211, Stand()));
    Stand other;
    timeline.learn(other);
    EXPECT_EQ(other.live_at, 20U);
    // Before the canary everybody was on live.
    Timeline young(kBlue);
    young.sent_share(20, 100);
    ASSERT_TRUE(young.allows(kBlue, 90, 110));
    Stand nobody;
    EXPECT_FALSE(young.learn(nobody));
    EXPECT_EQ(nobody.canary, 0U);
}

TEST(Timeline, AnotherCanaryDrawsAnew) {
    Timeline timeline = with_canary();
    Stand stand;
    ASSERT_TRUE(timeline.allows(kGreen, 120, 130));
    timeline.learn(stand);
    timeline.sent_share(0, 200);
    timeline.acknowledged(210);
    timeline.sent_share(60, 300);
    timeline.acknowledged(310);
    EXPECT_TRUE(timeline.allows(kBlue, 311, 320, stand));
    EXPECT_FALSE(timeline.learn(stand));
    EXPECT_EQ(stand.canary, 2U);
    EXPECT_EQ(stand.live_at, 60U);
    EXPECT_EQ(stand.canary_at, 100U);
}

TEST(Timeline, TheSlotsOfACanaryAreBothAtHome) {
    Timeline timeline = with_canary();
    EXPECT_EQ(timeline.last_away(kGreen, 500), 110);
    EXPECT_LT(timeline.last_away(kBlue, 500), 0);
    timeline.sent_share(0, 600);
    timeline.acknowledged(610);
    EXPECT_EQ(timeline.last_away(kGreen, 700), 700);
}

}  // namespace
}  // namespace switchyard::bench
