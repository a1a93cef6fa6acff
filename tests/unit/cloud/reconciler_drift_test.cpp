// What somebody else does to the IP.
#include "reconciler_fixture.hpp"

namespace switchyard::cloud {
namespace {

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

}  // namespace
}  // namespace switchyard::cloud
