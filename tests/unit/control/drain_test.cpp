#include "control/drain.hpp"

#include <gtest/gtest.h>

namespace switchyard::control {
namespace {

using namespace std::chrono_literals;
using observe::Outcome;
using Step = Drain::Step;

/// One ledger, and a clock that the test moves.
class DrainTest : public ::testing::Test {
  protected:
    Drain begin() { return Drain({ledger}, timing, now); }

    std::shared_ptr<route::Ledger> ledger =
        std::make_shared<route::Ledger>("app", Colour::blue, 1, 2);
    DrainTiming timing;
    Steady::time_point now = Steady::time_point(1h);
};

TEST_F(DrainTest, IsDoneAtOnceWhenNothingIsInFlight) {
    ledger->cell(0).enter(1);
    ledger->cell(0).leave(Outcome::completed);
    Drain drain = begin();
    EXPECT_EQ(drain.advance(now).step, Step::done);
    EXPECT_EQ(drain.counts().completed, 0U);
}

TEST_F(DrainTest, CountsWhatEndsAfterItsBegin) {
    for (int i = 0; i < 3; ++i)
        ledger->cell(0).enter(1);
    ledger->cell(1).enter(1);
    ledger->cell(0).leave(Outcome::completed);  // before
    Drain drain = begin();
    EXPECT_EQ(drain.in_flight_at_begin(), 3U);
    EXPECT_EQ(drain.advance(now).step, Step::wait);
    ledger->cell(0).leave(Outcome::client_abort);
    ledger->cell(1).move();  // ends on the new slot
    EXPECT_EQ(drain.counts().completed, 1U);
    EXPECT_EQ(drain.counts().remaining, 1U);
    ledger->cell(0).leave(Outcome::completed);
    EXPECT_EQ(drain.advance(now).step, Step::done);
    EXPECT_EQ(drain.counts().completed, 2U);
    EXPECT_EQ(drain.counts().remaining, 0U);
}

TEST_F(DrainTest, CutsOnceAtTheDeadlineAndCountsApart) {
    for (int i = 0; i < 3; ++i)
        ledger->cell(0).enter(1);
    timing.timeout = 500ms;
    Drain drain = begin();
    EXPECT_EQ(drain.advance(now + 499ms).step, Step::wait);
    EXPECT_EQ(drain.advance(now + 500ms).step, Step::cut);
    EXPECT_EQ(drain.advance(now + 501ms).step, Step::wait);
    ledger->cell(0).leave(Outcome::cut);
    ledger->cell(0).leave(Outcome::cut);
    ledger->cell(0).leave(Outcome::completed);
    EXPECT_EQ(drain.advance(now + 502ms).step, Step::done);
    EXPECT_EQ(drain.counts().cut, 2U);
    EXPECT_EQ(drain.counts().completed, 1U);
    EXPECT_EQ(drain.counts().remaining, 0U);
}

TEST_F(DrainTest, TimeoutOfZeroCutsAtOnce) {
    ledger->cell(0).enter(1);
    timing.timeout = 0ms;
    Drain drain = begin();
    EXPECT_EQ(drain.advance(now).step, Step::cut);
}

TEST_F(DrainTest, GivesUpAfterTheGraceAndSaysWhatRemains) {
    ledger->cell(0).enter(1);
    timing.timeout = 0ms;
    Drain drain = begin();
    EXPECT_EQ(drain.advance(now).step, Step::cut);
    EXPECT_NE(drain.advance(now + 4999ms).step, Step::done);
    EXPECT_EQ(drain.advance(now + 5000ms).step, Step::done);
    EXPECT_EQ(drain.counts().remaining, 1U);
}

TEST_F(DrainTest, C13_CutsNothingWhileTheWayBackIsBeingWritten) {
    ledger->cell(0).enter(1);
    timing.timeout = 100ms;
    Drain drain = begin();
    drain.hold(true);
    EXPECT_EQ(drain.advance(now + 200ms).step, Step::wait);
    drain.hold(false);  // it failed
    EXPECT_EQ(drain.advance(now + 201ms).step, Step::cut);
}

TEST_F(DrainTest, C13_EndsWithoutCutWhenCancelled) {
    ledger->cell(0).enter(1);
    ledger->cell(0).enter(1);
    Drain drain = begin();
    ledger->cell(0).leave(Outcome::completed);
    drain.cancel();
    EXPECT_EQ(drain.advance(now + 1h).step, Step::done);
    EXPECT_EQ(drain.counts().completed, 1U);
    EXPECT_EQ(drain.counts().cut, 0U);
    EXPECT_EQ(drain.counts().remaining, 1U);
}

TEST_F(DrainTest, TellsProgressOnceASecond) {
    ledger->cell(0).enter(1);
    Drain drain = begin();
    int told = 0;
    for (int i = 0; i < 100; ++i) {
        if (drain.advance(now + i * 50ms).step == Step::progress) ++told;
    }
    EXPECT_EQ(told, 4);  // at 1, 2, 3 and 4 s
}

TEST_F(DrainTest, LooksOftenAtFirstAndLessOftenLater) {
    ledger->cell(0).enter(1);
    Drain drain = begin();
    Steady::duration last{};
    EXPECT_EQ(drain.advance(now).pause, 10ms);
    for (int i = 0; i < 10; ++i)
        last = drain.advance(now).pause;
    EXPECT_EQ(last, 50ms);
}

}  // namespace
}  // namespace switchyard::control
