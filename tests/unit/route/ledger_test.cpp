#include "route/ledger.hpp"

#include "route/target.hpp"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

namespace switchyard::route {
namespace {

using observe::Outcome;

TEST(Ledger, CountsUntilEachRequestEnded) {
    Ledger ledger("app", Colour::green, 7, 2);
    EXPECT_EQ(ledger.service(), "app");
    EXPECT_EQ(ledger.colour(), Colour::green);
    EXPECT_EQ(ledger.epoch(), 7U);
    EXPECT_EQ(ledger.totals().in_flight(), 0U);

    ledger.cell(0).enter(100);
    ledger.cell(0).enter(200);
    ledger.cell(1).enter(150);
    EXPECT_EQ(ledger.totals().in_flight(), 3U);
    ledger.cell(0).leave(Outcome::completed);
    ledger.cell(1).leave(Outcome::cut);
    EXPECT_EQ(ledger.totals().in_flight(), 1U);
    ledger.cell(0).leave(Outcome::client_abort);

    const Ledger::Totals totals = ledger.totals();
    EXPECT_EQ(totals.entered, 3U);
    EXPECT_EQ(totals.ended(), 3U);
    EXPECT_EQ(totals.in_flight(), 0U);
    EXPECT_EQ(totals.left[static_cast<std::size_t>(Outcome::completed)], 1U);
    EXPECT_EQ(totals.left[static_cast<std::size_t>(Outcome::cut)], 1U);
    EXPECT_EQ(totals.left[static_cast<std::size_t>(Outcome::client_abort)], 1U);
}

TEST(Ledger, ARetryGivesItsLeaseBackWithoutAnOutcome) {
    Ledger ledger("app", Colour::blue, 1, 1);
    ledger.cell(0).enter(1);
    ledger.cell(0).move();
    const Ledger::Totals totals = ledger.totals();
    EXPECT_EQ(totals.moved, 1U);
    EXPECT_EQ(totals.in_flight(), 0U);
    for (const auto count : totals.left)
        EXPECT_EQ(count, 0U);
}

TEST(Ledger, KnowsTheFirstAndTheLastOfAllWorkers) {
    Ledger ledger("app", Colour::blue, 1, 3);
    EXPECT_EQ(ledger.totals().first_entered_ns, 0U);
    ledger.cell(1).enter(500);
    ledger.cell(0).enter(700);
    ledger.cell(1).enter(900);
    const Ledger::Totals totals = ledger.totals();
    EXPECT_EQ(totals.first_entered_ns, 500U);
    EXPECT_EQ(totals.last_entered_ns, 900U);
}

TEST(Ledger, IsNeverReadAsEmptierThanItIs) {
    // One request is always in flight; a reader must never see none.
    Ledger ledger("app", Colour::blue, 1, 1);
    std::atomic<bool> stop{false};
    ledger.cell(0).enter(1);
    std::thread worker([&] {
        while (!stop.load(std::memory_order_relaxed)) {
            ledger.cell(0).enter(1);
            ledger.cell(0).leave(Outcome::completed);
        }
    });
    std::uint64_t least = UINT64_MAX;
    for (int i = 0; i < 200'000; ++i)
        least = std::min(least, ledger.totals().in_flight());
    stop = true;
    worker.join();
    EXPECT_GE(least, 1U);
}

config::Target at(const std::string& address) {
    config::Target made;
    made.address = address;
    return made;
}

TEST(Target, IsEjectedAfterFailuresInARow) {
    using namespace std::chrono_literals;
    Target target(1, "app", Colour::blue, at("10.0.0.1:80"), 1);
    target.connect_failed(1000, 3, 5s);
    target.connect_failed(1000, 3, 5s);
    EXPECT_FALSE(target.ejected(1001));
    target.connect_succeeded();
    target.connect_failed(1000, 3, 5s);
    target.connect_failed(1000, 3, 5s);
    EXPECT_FALSE(target.ejected(1001));
    target.connect_failed(1000, 3, 5s);
    EXPECT_TRUE(target.ejected(1001));
    EXPECT_TRUE(target.ejected(1000 + 4'999'999'999));
    EXPECT_FALSE(target.ejected(1000 + 5'000'000'001));
}

TEST(Target, IsNeverEjectedWhenThatIsOff) {
    using namespace std::chrono_literals;
    Target target(1, "app", Colour::blue, at("10.0.0.1:80"), 1);
    for (int i = 0; i < 100; ++i)
        target.connect_failed(1000, 0, 5s);
    EXPECT_FALSE(target.ejected(1001));
}

}  // namespace
}  // namespace switchyard::route
