// Each rule of a move: one request for one need, confirmed, retried.
#include "reconciler_fixture.hpp"

namespace switchyard::cloud {
namespace {

TEST_F(ReconcilerTest, NothingIsAskedBeforeSomethingIsWanted) {
    EXPECT_EQ(reconciler_.advance(now_).step, Step::wait);
    EXPECT_EQ(reconciler_.advance(now_).until, Steady::time_point::max());
    EXPECT_EQ(reconciler_.state(), State::idle);
}

TEST_F(ReconcilerTest, ItIsKnownSinceWhenNothingWasSeen) {
    EXPECT_FALSE(reconciler_.unseen_since());
    const auto begun = now_;
    want(kBlue);
    expect(Step::look);
    EXPECT_EQ(reconciler_.unseen_since(), begun);
    now_ += 10s;
    reconciler_.looked(failure(Failure::Kind::network), now_);
    want(kGreen);
    EXPECT_EQ(reconciler_.unseen_since(), begun);
    expect(Step::look);
    sees(kBlue);
    EXPECT_FALSE(reconciler_.unseen_since());
}

TEST_F(ReconcilerTest, AnIpThatIsThereIsLeftAloneAndLookedAtNowAndThen) {
    settle();
    EXPECT_EQ(reconciler_.attempts(), 0u);
    expect(Step::look, 45s, 45s);
    sees(kBlue);
    expect(Step::look, 45s, 45s);
}

TEST_F(ReconcilerTest, AMoveIsOneRequestPolledAndConfirmedByTheIp) {
    move();
    accepted();
    EXPECT_EQ(reconciler_.state(), State::moving);
    expect(Step::poll, 2s, 3s);
    EXPECT_EQ(asked_, 42u);
    action(ActionStatus::in_progress);
    expect(Step::poll, 2'100ms, 3'900ms);
    action(ActionStatus::completed);
    expect(Step::look, 0s, 0s);
    EXPECT_FALSE(reconciler_.settled());
    sees(kGreen);
    EXPECT_TRUE(reconciler_.settled());
    EXPECT_EQ(reconciler_.state(), State::following);
    EXPECT_EQ(reconciler_.followed_epoch(), 2u);
    EXPECT_EQ(reconciler_.attempts(), 1u);
    EXPECT_EQ(reconciler_.drift(now_), 0s);
    EXPECT_THAT(notes(), testing::ElementsAre(Note::Kind::moving, Note::Kind::followed));
}

TEST_F(ReconcilerTest, CompletedBeforeTheIpChangedIsLookedAtAgainAndNotRepeated) {
    move();
    accepted();
    expect(Step::poll);
    action(ActionStatus::completed);
    for (int i = 0; i < 5; ++i) {
        expect(Step::look);
        sees(kBlue);
    }
    expect(Step::look);
    sees(kGreen);
    EXPECT_EQ(reconciler_.attempts(), 1u);
    EXPECT_EQ(reconciler_.state(), State::following);
}

TEST_F(ReconcilerTest, AMoveWithoutAnyEffectIsAskedForAgainInTheEnd) {
    move();
    accepted();
    expect(Step::poll);
    action(ActionStatus::completed);
    const auto begin = now_;
    int looks = 0;
    while (step().step == Step::look) {
        sees(kBlue);
        ASSERT_LT(++looks, 50);
    }
    EXPECT_GE(now_ - begin, 30s);
    EXPECT_EQ(reconciler_.attempts(), 2u);
}

TEST_F(ReconcilerTest, ALockedIpIsWaitedFor) {
    settle();
    want(kGreen);
    for (int i = 0; i < 20; ++i) {
        expect(Step::look, 0s, 4s);
        sees(kBlue, true);
    }
    EXPECT_EQ(reconciler_.attempts(), 0u);
    expect(Step::look);
    sees(kBlue);
    expect(Step::assign);
}

TEST_F(ReconcilerTest, AnUnknownWordOrALostActionMakesItLookAtTheIp) {
    move();
    accepted();
    expect(Step::poll);
    action(ActionStatus::unknown);
    expect(Step::look, 0s, 0s);
    sees(kGreen);
    EXPECT_EQ(reconciler_.state(), State::following);

    want(kBlue);
    expect(Step::look);
    sees(kGreen);
    expect(Step::assign);
    accepted();
    expect(Step::poll);
    reconciler_.polled(failure(Failure::Kind::not_found), now_);
    expect(Step::look, 0s, 0s);
    sees(kBlue);
    EXPECT_EQ(reconciler_.state(), State::following);
    EXPECT_EQ(reconciler_.attempts(), 2u);
}

TEST_F(ReconcilerTest, ALostAnswerIsNoReasonToAskTwice) {
    for (const auto kind :
         {Failure::Kind::network, Failure::Kind::server, Failure::Kind::malformed}) {
        reconciler_ = Reconciler(config::ReservedIp(), 1);
        move();
        reconciler_.assigned(failure(kind), now_);
        EXPECT_EQ(reconciler_.state(), State::retrying);
        expect(Step::look, 100ms, 1s);
        sees(kBlue, true);  // it took effect after all
        expect(Step::look);
        sees(kGreen);
        EXPECT_EQ(reconciler_.attempts(), 1u);
        EXPECT_EQ(reconciler_.state(), State::following);
        EXPECT_FALSE(reconciler_.failing());
    }
}

TEST_F(ReconcilerTest, FailedAssignmentsBackOffAlthoughLooksSucceed) {
    move();
    Steady::duration longest{};
    for (int i = 0; i < 200; ++i) {
        reconciler_.assigned(failure(Failure::Kind::server), now_);
        waited_ = {};
        ASSERT_EQ(step().step, Step::look);
        longest = std::max(longest, waited_);
        sees(kBlue);
        ASSERT_EQ(step().step, Step::assign);
    }
    EXPECT_GT(longest, 30s);
    EXPECT_LE(longest, 60s);
    EXPECT_THAT(notes(), testing::Not(testing::Contains(Note::Kind::recovered)));
}

TEST_F(ReconcilerTest, PendingEventsAreWaitedForFromTwoToThirtySeconds) {
    move();
    for (const auto delay : {2s, 4s, 8s, 16s, 30s, 30s}) {
        reconciler_.assigned(failure(Failure::Kind::pending), now_);
        EXPECT_EQ(reconciler_.state(), State::moving);
        expect(Step::look, delay, delay);
        sees(kBlue);
        expect(Step::assign, 0s, 0s);
    }
}

TEST_F(ReconcilerTest, ARateLimitIsObeyedEvenByNewWishesAndSync) {
    settle();
    want(kGreen);
    expect(Step::look);
    Failure limited = failure(Failure::Kind::rate_limited);
    limited.retry_after = 7s;
    reconciler_.looked(limited, now_);
    reconciler_.sync(now_);
    want(kBlue);
    expect(Step::look, 7s, 7s);
    reconciler_.looked(failure(Failure::Kind::rate_limited), now_);
    expect(Step::look, 60s, 60s);
    limited.retry_after = 24h;
    reconciler_.looked(limited, now_);
    expect(Step::look, 15min, 15min);
    limited.retry_after = 0s;
    reconciler_.looked(limited, now_);
    expect(Step::look, 1s, 1s);
}

TEST_F(ReconcilerTest, WhatIsRefusedIsToldAndTriedEveryFiveMinutes) {
    want(kBlue);
    for (const auto kind : {Failure::Kind::unauthorized, Failure::Kind::forbidden,
                            Failure::Kind::not_found, Failure::Kind::token}) {
        expect(Step::look);
        reconciler_.looked(failure(kind), now_);
        EXPECT_EQ(reconciler_.state(), State::refused);
        EXPECT_THAT(notes(), testing::ElementsAre(Note::Kind::failed));
        expect(Step::look, 5min, 5min);
        reconciler_.looked(failure(kind), now_);
        EXPECT_THAT(notes(), testing::IsEmpty());
        reconciler_.sync(now_);
    }
    expect(Step::look, 0s, 0s);
    sees(kBlue);
    EXPECT_THAT(notes(), testing::ElementsAre(Note::Kind::recovered, Note::Kind::followed));
}

TEST_F(ReconcilerTest, ARefusedMoveIsNotRepeatedAtOnce) {
    move();
    reconciler_.assigned(failure(Failure::Kind::forbidden), now_);
    EXPECT_EQ(reconciler_.state(), State::refused);
    expect(Step::look, 5min, 5min);
}

TEST_F(ReconcilerTest, AnErroredActionIsTriedAgain) {
    move();
    accepted();
    expect(Step::poll);
    action(ActionStatus::errored);
    EXPECT_EQ(reconciler_.state(), State::retrying);
    expect(Step::look, 100ms, 1s);
    sees(kBlue);
    expect(Step::assign, 0s, 0s);
    EXPECT_EQ(reconciler_.attempts(), 2u);
}

TEST_F(ReconcilerTest, AnActionThatNeverEndsIsToldAndWaitedFor) {
    move();
    accepted();
    Step last = Step::poll;
    const auto begin = now_;
    while (now_ - begin < 30min) {
        last = step().step;
        if (last == Step::poll) action(ActionStatus::in_progress);
        if (last == Step::look) sees(kBlue, true);
        ASSERT_NE(last, Step::assign);
    }
    EXPECT_EQ(last, Step::look);
    EXPECT_THAT(notes(), testing::ElementsAre(Note::Kind::moving, Note::Kind::slow));
    expect(Step::look);
    sees(kGreen);
    EXPECT_EQ(reconciler_.attempts(), 1u);
}

TEST_F(ReconcilerTest, ANewerWishLetsThePendingActionEndFirst) {
    move();
    accepted();
    expect(Step::poll);
    action(ActionStatus::in_progress);
    want(kBlue);
    expect(Step::poll);
    action(ActionStatus::completed);
    expect(Step::look);
    sees(kBlue);  // not there yet: it is still going to change
    EXPECT_FALSE(reconciler_.settled());
    expect(Step::look);
    sees(kGreen);
    expect(Step::assign, 0s, 0s);
    EXPECT_EQ(asked_, kBlue);
    accepted();
    expect(Step::poll);
    action(ActionStatus::completed);
    expect(Step::look);
    sees(kBlue);
    EXPECT_EQ(reconciler_.followed_epoch(), 3u);
    EXPECT_EQ(reconciler_.drifts(), 0u);
}

TEST_F(ReconcilerTest, ANewEpochOfTheSameSlotNeedsNoMove) {
    settle();
    want(kBlue);
    EXPECT_EQ(reconciler_.followed_epoch(), 2u);
    EXPECT_TRUE(reconciler_.settled());
    expect(Step::look, 45s, 45s);
}

TEST_F(ReconcilerTest, AnUnassignedIpIsAssigned) {
    want(kBlue);
    expect(Step::look);
    sees(std::nullopt);
    expect(Step::assign, 0s, 0s);
}

TEST_F(ReconcilerTest, AHolderThatIsNotShownIsNoReasonToMove) {
    want(kBlue);
    for (int i = 0; i < 5; ++i) {
        expect(Step::look, 0s, 5min);
        reconciler_.looked(IpView{std::nullopt, false, false, "nyc3"}, now_);
        EXPECT_EQ(reconciler_.state(), State::hidden);
    }
    EXPECT_EQ(reconciler_.attempts(), 0u);
    EXPECT_THAT(notes(), testing::ElementsAre(Note::Kind::hidden));
    expect(Step::look, 5min, 5min);
    sees(kBlue);
    EXPECT_EQ(reconciler_.state(), State::following);
}

TEST_F(ReconcilerTest, AnIpThatLooksUnassignedAfterItsMoveDoesNotFlap) {
    want(kBlue);
    expect(Step::look);
    sees(std::nullopt);
    expect(Step::assign);
    accepted();
    expect(Step::poll);
    action(ActionStatus::completed);
    const auto begin = now_;
    while (now_ - begin < 30min) {
        ASSERT_EQ(step().step, Step::look);
        sees(std::nullopt);
    }
    EXPECT_EQ(reconciler_.state(), State::hidden);
    EXPECT_EQ(reconciler_.attempts(), 1u);
}

TEST_F(ReconcilerTest, ALookThatFailsLeavesWhatIsKnown) {
    settle();
    expect(Step::look);
    reconciler_.looked(failure(Failure::Kind::network), now_);
    EXPECT_EQ(reconciler_.state(), State::following);
    EXPECT_TRUE(reconciler_.settled());
    EXPECT_TRUE(reconciler_.failing());
    expect(Step::look, 100ms, 1s);
}

TEST_F(ReconcilerTest, SyncLooksAtOnceAlsoWhileAnActionIsPolled) {
    move();
    accepted();
    reconciler_.sync(now_);
    expect(Step::look, 0s, 0s);
    sees(kBlue, true);
    expect(Step::look);
    sees(kGreen);
    EXPECT_EQ(reconciler_.attempts(), 1u);
    settle();
    want(kGreen);
    expect(Step::look);
    sees(kBlue);
    expect(Step::assign);
    reconciler_.sync(now_);  // while the request is under way
    accepted();
    expect(Step::look, 0s, 0s);
}

}  // namespace
}  // namespace switchyard::cloud
