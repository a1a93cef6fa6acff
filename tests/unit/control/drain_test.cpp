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

/// With a number of tunnels, and one request.
class TunnelDrainTest : public DrainTest {
  protected:
    void open(std::uint64_t tunnels) {
        ledger->cell(0).enter(1);
        for (std::uint64_t i = 0; i < tunnels; ++i) {
            ledger->cell(1).enter(1);
            ledger->cell(1).open_tunnel();
        }
    }
    void end_request() { ledger->cell(0).leave(Outcome::completed); }
    void end_tunnel(bool closed = false, Outcome how = Outcome::completed) {
        ledger->cell(1).end_tunnel(closed, how == Outcome::cut);
        ledger->cell(1).leave(how);
    }
};

TEST_F(TunnelDrainTest, C11_CountsTunnelsApart) {
    open(5);
    Drain drain = begin();
    EXPECT_EQ(drain.in_flight_at_begin(), 1U);
    EXPECT_EQ(drain.tunnels_at_begin(), 5U);
    end_tunnel();
    end_tunnel(true);
    end_tunnel(true);
    end_tunnel(false, Outcome::cut);
    const DrainCounts counts = drain.counts();
    EXPECT_EQ(counts.completed, 0U);
    EXPECT_EQ(counts.cut, 0U);
    EXPECT_EQ(counts.remaining, 1U);
    EXPECT_EQ(counts.tunnels.ended, 1U);
    EXPECT_EQ(counts.tunnels.closed, 2U);
    EXPECT_EQ(counts.tunnels.cut, 1U);
    EXPECT_EQ(counts.tunnels.remaining, 1U);
}

TEST_F(TunnelDrainTest, C11_KeepIsDoneWithTheLastRequest) {
    open(2);
    timing.tunnels = config::TunnelDrain::keep;
    Drain drain = begin();
    EXPECT_EQ(drain.advance(now).step, Step::wait);
    end_request();
    EXPECT_EQ(drain.advance(now + 10ms).step, Step::done);
    EXPECT_EQ(drain.counts().tunnels.remaining, 2U);
    EXPECT_EQ(drain.counts().completed, 1U);
}

TEST_F(TunnelDrainTest, C11_CutWaitsForTheDeadlineAndClosesNothing) {
    open(2);
    end_request();
    timing.tunnels = config::TunnelDrain::cut;
    timing.timeout = 900ms;
    Drain drain = begin();
    for (auto at = 0ms; at < 900ms; at += 10ms)
        EXPECT_EQ(drain.advance(now + at).step, Step::wait);
    EXPECT_EQ(drain.advance(now + 900ms).step, Step::cut);
}

TEST_F(TunnelDrainTest, C11_CloseSpreadsOverThreeQuartersOfTheTimeout) {
    open(1'000'000);
    timing.timeout = 40s;
    Drain drain = begin();
    double share = 0;
    int steps = 0;
    for (auto at = 0ms; at < 40s; at += 10ms) {
        const Drain::Next next = drain.advance(now + at);
        if (next.step != Step::close) continue;
        ++steps;
        EXPECT_GE(next.share, share);
        EXPECT_LE(next.share - share, 0.02) << "not all at once";
        share = next.share;
        if (at >= 30s) {
            EXPECT_EQ(share, 1.0);
        } else {
            EXPECT_LT(share, 1.0) << at.count();
        }
    }
    EXPECT_EQ(share, 1.0);
    EXPECT_GT(steps, 90);
    EXPECT_EQ(drain.advance(now + 40s).step, Step::cut);
}

TEST_F(TunnelDrainTest, C11_FewAreClosedSoon) {
    open(4);
    timing.timeout = 10min;
    Drain drain = begin();
    double share = 0;
    for (auto at = 0ms; at <= 220ms; at += 5ms) {
        const Drain::Next next = drain.advance(now + at);
        if (next.step == Step::close) share = next.share;
    }
    EXPECT_EQ(share, 1.0);
}

TEST_F(TunnelDrainTest, C13_ClosesNothingWhileTheWayBackIsBeingWritten) {
    open(1000);
    Drain drain = begin();
    drain.hold(true);
    for (auto at = 0ms; at < 5s; at += 10ms)
        EXPECT_NE(drain.advance(now + at).step, Step::close);
    drain.hold(false);
    bool closes = false;
    for (auto at = 5s + 0ms; at < 6s; at += 10ms)
        closes = closes || drain.advance(now + at).step == Step::close;
    EXPECT_TRUE(closes);
    drain.cancel();
    EXPECT_EQ(drain.advance(now + 7s).step, Step::done);
}

}  // namespace
}  // namespace switchyard::control
