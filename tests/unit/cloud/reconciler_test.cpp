// Each rule of the reconciler, with a manual clock.
#include "cloud/reconciler.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::cloud {
namespace {

using namespace std::chrono_literals;
using Step = Reconciler::Step;
using Drift = config::ReservedIp::Drift;

constexpr std::uint64_t kBlue = 3'164'444;
constexpr std::uint64_t kGreen = 9'000'000'000;
constexpr std::uint64_t kOther = 5;

class ReconcilerTest : public testing::Test {
  protected:
    ReconcilerTest() : reconciler_(config::ReservedIp(), 1) {}

    /// Lets time pass until something is asked; fails if nothing is within an hour.
    Reconciler::Next step() {
        for (;;) {
            const Reconciler::Next next = reconciler_.advance(now_);
            if (next.step != Step::wait) return next;
            if (next.until > now_ + 1h) {
                ADD_FAILURE() << "nothing is going to happen";
                return next;
            }
            waited_ += next.until - now_;
            now_ = next.until;
        }
    }
    /// What is asked next, and how long that took.
    void expect(Step wanted, Steady::duration least = {}, Steady::duration most = 1h) {
        waited_ = {};
        const Reconciler::Next next = step();
        EXPECT_EQ(next.step, wanted);
        EXPECT_GE(waited_, least);
        EXPECT_LE(waited_, most);
        asked_ = next.id;
    }
    void sees(std::optional<std::uint64_t> droplet, bool locked = false) {
        reconciler_.looked(IpView{droplet, true, locked, "nyc3"}, now_);
    }
    void action(ActionStatus status) { reconciler_.polled(ActionView{42, status, "word"}, now_); }
    void accepted() {
        reconciler_.assigned(ActionView{42, ActionStatus::in_progress, "in-progress"}, now_);
    }
    static Failure failure(Failure::Kind kind, bool sent = true) {
        Failure failure;
        failure.kind = kind;
        failure.message = std::string(to_string(kind));
        failure.sent = sent;
        return failure;
    }
    void want(std::uint64_t droplet) { reconciler_.want({droplet, ++epoch_}, now_); }
    /// The IP is at blue, and has been looked at.
    void settle() {
        want(kBlue);
        expect(Step::look);
        sees(kBlue);
        EXPECT_EQ(reconciler_.state(), State::following);
        (void)reconciler_.take_notes();
    }
    /// settle(), then green is wanted and asked for.
    void move() {
        settle();
        want(kGreen);
        expect(Step::look, 0s, 0s);
        sees(kBlue);
        expect(Step::assign, 0s, 0s);
        EXPECT_EQ(asked_, kGreen);
    }
    std::vector<Note::Kind> notes() {
        std::vector<Note::Kind> kinds;
        for (const Note& note : reconciler_.take_notes())
            kinds.push_back(note.kind);
        return kinds;
    }
    void rules(Drift drift) {
        config::ReservedIp rules;
        rules.drift = drift;
        reconciler_.set_rules(rules, now_);
    }

    Reconciler reconciler_;
    Steady::time_point now_{1h};
    Steady::duration waited_{};
    std::uint64_t asked_ = 0;
    std::uint64_t epoch_ = 0;
};

TEST_F(ReconcilerTest, NothingIsAskedBeforeSomethingIsWanted) {
    EXPECT_EQ(reconciler_.advance(now_).step, Step::wait);
    EXPECT_EQ(reconciler_.advance(now_).until, Steady::time_point::max());
    EXPECT_EQ(reconciler_.state(), State::idle);
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

TEST_F(ReconcilerTest, DriftIsEnforced) {
    settle();
    expect(Step::look);
    sees(kOther);
    EXPECT_THAT(notes(), testing::ElementsAre(Note::Kind::drift));
    expect(Step::assign, 0s, 0s);
    EXPECT_EQ(asked_, kBlue);
    EXPECT_EQ(reconciler_.drifts(), 1u);
}

TEST_F(ReconcilerTest, DriftIsOnlyToldWhenThePolicyIsAlert) {
    rules(Drift::alert);
    settle();
    expect(Step::look);
    sees(kOther);
    EXPECT_EQ(reconciler_.state(), State::drifted);
    for (int i = 0; i < 10; ++i) {
        expect(Step::look, 45s, 45s);
        sees(kOther);
    }
    EXPECT_THAT(notes(), testing::ElementsAre(Note::Kind::drift));
    EXPECT_EQ(reconciler_.drift(now_), 450s);
    reconciler_.sync(now_);
    expect(Step::look, 0s, 0s);
    sees(kOther);
    expect(Step::assign, 0s, 0s);
    accepted();
    expect(Step::poll);
    action(ActionStatus::completed);
    expect(Step::look);
    sees(kBlue);
    EXPECT_EQ(reconciler_.state(), State::following);
}

TEST_F(ReconcilerTest, AlertStillLetsASwitchMoveTheIp) {
    rules(Drift::alert);
    move();
    EXPECT_EQ(asked_, kGreen);
}

TEST_F(ReconcilerTest, APolicyThatBecomesEnforceActsOnADriftOfBefore) {
    rules(Drift::alert);
    settle();
    expect(Step::look);
    sees(kOther);
    rules(Drift::enforce);
    expect(Step::look, 0s, 0s);
    sees(kOther);
    expect(Step::assign, 0s, 0s);
}

TEST_F(ReconcilerTest, AFightIsGivenUpAtTheThirdForeignChange) {
    settle();
    for (int round = 0; round < 2; ++round) {
        expect(Step::look);
        sees(kOther);
        expect(Step::assign);
        accepted();
        expect(Step::poll);
        action(ActionStatus::completed);
        expect(Step::look);
        sees(kBlue);
    }
    (void)notes();
    expect(Step::look);
    sees(kOther);
    EXPECT_EQ(reconciler_.state(), State::fighting);
    EXPECT_THAT(notes(), testing::ElementsAre(Note::Kind::fight));
    for (int i = 0; i < 100; ++i) {
        expect(Step::look, 45s, 45s);
        sees(kOther);
    }
    EXPECT_EQ(reconciler_.attempts(), 2u);
    want(kGreen);  // a switch is a new beginning
    expect(Step::look, 0s, 0s);
    sees(kOther);
    expect(Step::assign);
}

TEST_F(ReconcilerTest, RareForeignChangesAreNoFight) {
    settle();
    for (int round = 0; round < 6; ++round) {
        for (int i = 0; i < 9; ++i) {
            expect(Step::look);
            sees(kBlue);
        }
        expect(Step::look);
        sees(kOther);
        expect(Step::assign);
        accepted();
        expect(Step::poll);
        action(ActionStatus::completed);
        expect(Step::look);
        sees(kBlue);
    }
    EXPECT_EQ(reconciler_.attempts(), 6u);
}

TEST_F(ReconcilerTest, AForeignChangeInTheMiddleOfAMoveIsSeen) {
    move();
    accepted();
    expect(Step::poll);
    action(ActionStatus::completed);
    expect(Step::look);
    sees(kOther);
    EXPECT_EQ(reconciler_.drifts(), 1u);
    expect(Step::assign, 0s, 0s);
    EXPECT_EQ(reconciler_.attempts(), 2u);
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
