// Failover: the pure decision, and what the controller makes of it.
#include "control/failover.hpp"

#include "control/status.hpp"
#include "house.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace switchyard::control::testing {
namespace {

using namespace std::chrono_literals;
using route::Health;
using Step = control::Failover::Step;

class FailoverDecision : public ::testing::Test {
  protected:
    Step at(std::chrono::milliseconds time, control::Failover::Sight sight) {
        return machine.advance(sight, 10s, Steady::time_point(1h) + time);
    }
    static constexpr control::Failover::Sight kUp{true, false, true, false};
    static constexpr control::Failover::Sight kDown{false, true, true, false};
    static constexpr control::Failover::Sight kUnknown{false, false, true, false};
    static constexpr control::Failover::Sight kAllDown{false, true, false, false};
    static constexpr control::Failover::Sight kIdleDown{true, false, false, false};
    static constexpr control::Failover::Sight kBarred{false, true, true, true};

    control::Failover machine;
};

TEST_F(FailoverDecision, BeginsWhenTheLiveSlotIsDownAndTheIdleOneIsUp) {
    EXPECT_EQ(at(0s, kUp), Step::none);
    EXPECT_EQ(at(1s, kUnknown), Step::none);
    EXPECT_EQ(at(2s, kAllDown), Step::none);
    EXPECT_EQ(at(3s, kBarred), Step::none);
    EXPECT_EQ(at(4s, kDown), Step::begin);
    EXPECT_EQ(at(5s, kDown), Step::none);
    EXPECT_TRUE(machine.active());
}

TEST_F(FailoverDecision, EndsOnlyAfterTheLiveSlotHasBeenUpForSomeTime) {
    ASSERT_EQ(at(0s, kDown), Step::begin);
    EXPECT_EQ(at(1s, kUp), Step::none);
    EXPECT_EQ(at(10s, kUp), Step::none);
    EXPECT_EQ(at(10'500ms, kDown), Step::none) << "down again: it counts anew";
    EXPECT_EQ(at(11s, kUp), Step::none);
    EXPECT_EQ(at(20'999ms, kUp), Step::none);
    EXPECT_EQ(at(21s, kUp), Step::end);
    EXPECT_FALSE(machine.active());
}

TEST_F(FailoverDecision, GoesBackAtOnceIfTheIdleSlotIsDownAsWell) {
    ASSERT_EQ(at(0s, kDown), Step::begin);
    EXPECT_EQ(at(1s, kAllDown), Step::none) << "nowhere to go";
    EXPECT_EQ(at(2s, kIdleDown), Step::end);
}

TEST_F(FailoverDecision, WhatSpeaksAgainstItDoesNotEndIt) {
    ASSERT_EQ(at(0s, kDown), Step::begin);
    EXPECT_EQ(at(1s, kBarred), Step::none);
    EXPECT_TRUE(machine.active());
}

class FailoverTest : public ::testing::Test {
  protected:
    FailoverTest() {
        config::Service app = make_service("app");
        app.failover.idle = true;
        app.failover.return_after = 0ms;
        house.config = std::make_shared<const config::Config>(make_config({app}));
        house.tuning.tick = 20ms;
    }
    [[nodiscard]] const route::ServiceState& state() const {
        return *house.publisher.current->services.at(0);
    }
    [[nodiscard]] bool failing_over() const { return state().failover; }
    void fail() {
        house.health.set("blue:1", Health::unhealthy, "connection refused");
        ASSERT_TRUE(house.run_until([&] {
            return failing_over() && !house.controller->failover_json("app").is_null() &&
                   house.disk->entries() > entries_;
        }));
        entries_ = house.disk->entries();
    }

    House house;
    std::size_t entries_ = 1;  ///< In the history; the first is the start.
};

TEST_F(FailoverTest, PublishesTheIdleSlotAndChangesNothingElse) {
    house.start();
    const std::uint64_t epoch = house.publisher.current->services.at(0)->epoch;
    fail();
    EXPECT_EQ(state().live, Colour::blue);
    EXPECT_EQ(state().epoch, epoch);
    EXPECT_EQ(state().serving_slot().colour, Colour::green);
    EXPECT_EQ(house.disk->records.at("app").live, Colour::blue);
    const state::HistoryEntry entry = house.disk->entry(2);
    EXPECT_EQ(entry.action, "failover");
    EXPECT_EQ(entry.outcome, "serving");
    EXPECT_EQ(entry.from, Colour::blue);
    EXPECT_EQ(entry.to, Colour::green);
    EXPECT_NE(entry.detail.find("blue:1: connection refused"), std::string::npos) << entry.detail;
    const auto shown = service_json(*house.controller, state());
    EXPECT_EQ(text(shown, "live"), "blue");
    EXPECT_EQ(text(shown.at("failover").as_object(), "serving"), "green");
}

TEST_F(FailoverTest, TheHistoryTellsItsEndWithDurationAndCounts) {
    house.start();
    fail();
    auto& cell = state().serving_slot().metrics->cell(0);
    for (int i = 0; i < 7; ++i)
        cell.by_outcome[0].add();
    cell.errors.add(2);
    house.health.set("blue:1", Health::healthy);
    ASSERT_TRUE(house.run_until([&] { return house.disk->entry(2).outcome == "returned"; }));
    EXPECT_FALSE(failing_over());
    const auto receipt = boost::json::parse(house.disk->entry(2).receipt).as_object();
    EXPECT_EQ(number(receipt, "requests"), 7);
    EXPECT_EQ(number(receipt, "errors"), 2);
    EXPECT_GE(number(receipt, "elapsed_ms"), 0);
    EXPECT_TRUE(house.controller->failover_json("app").is_null());
}

TEST_F(FailoverTest, IsOffByDefault) {
    house.config = std::make_shared<const config::Config>(make_config({make_service("app")}));
    house.start();
    house.health.set("blue:1", Health::unhealthy);
    for (int i = 0; i < 100; ++i)
        house.context.run_one_for(1ms);
    EXPECT_EQ(house.controller->entry("app").failovers, 0u);
    EXPECT_FALSE(house.controller->snapshot().services.at(0)->failover);
}

TEST_F(FailoverTest, ASwitchToTheSlotThatServesEndsIt) {
    house.start();
    fail();
    const auto lines = house.change(switch_to(Colour::green));
    ASSERT_FALSE(lines.empty());
    EXPECT_EQ(text(lines.front(), "event"), "committed");
    EXPECT_FALSE(failing_over());
    EXPECT_EQ(state().live, Colour::green);
    ASSERT_TRUE(house.run_until([&] { return house.disk->entry(2).outcome == "switched"; }));
    EXPECT_TRUE(house.controller->failover_json("app").is_null());
}

TEST_F(FailoverTest, ADeployToTheSlotThatServesIsRefused) {
    house.start();
    fail();
    DeployRequest request;
    request.caller = {1000, "deploy"};
    request.service = "app";
    const auto job = house.controller->deploy(std::move(request));
    ASSERT_TRUE(house.run_until([&] { return job->decided; }));
    ASSERT_TRUE(job->refusal);
    EXPECT_EQ(job->refusal->code, "failover_serves");
    EXPECT_NE(job->refusal->hint.find("switchyard switch app green"), std::string::npos);
}

TEST_F(FailoverTest, DoesNotBeginWhileTheServiceIsHeldOrUnderMaintenance) {
    house.start();
    const auto ticket = house.controller->maintenance({{1000, "deploy"}, "app", true, "", 0});
    ASSERT_TRUE(house.run_until([&] { return ticket->is_decided(); }));
    entries_ = house.disk->entries();
    house.health.set("blue:1", Health::unhealthy);
    for (int i = 0; i < 50; ++i)
        house.context.run_one_for(2ms);
    EXPECT_FALSE(failing_over());
    const auto off = house.controller->maintenance({{1000, "deploy"}, "app", false, "", 0});
    ASSERT_TRUE(house.run_until([&] { return failing_over(); }));
}

TEST_F(FailoverTest, DoesNotServeAReleaseThatIsNotComplete) {
    house.disk->records["app"] = {};
    house.disk->records["app"].releases[1] = state::Release{"v2", {}, false};
    house.start();
    house.health.set("blue:1", Health::unhealthy);
    for (int i = 0; i < 50; ++i)
        house.context.run_one_for(2ms);
    EXPECT_EQ(house.controller->entry("app").failovers, 0u);
    EXPECT_EQ(house.controller->entry("app").failover_barred,
              "the release on the idle slot is not complete");
}

TEST_F(FailoverTest, WhatIsInFlightOnTheIdleSlotDrainsAfterIt) {
    house.start();
    fail();
    const auto ledger = state().serving_slot().ledger;
    ledger->cell(0).enter(1);
    house.health.set("blue:1", Health::healthy);
    ASSERT_TRUE(house.run_until([&] { return !house.controller->drains().empty(); }));
    EXPECT_EQ(house.controller->drains().front()->slot, Colour::green);
    EXPECT_FALSE(failing_over());
    ledger->cell(0).leave(observe::Outcome::completed);
    ASSERT_TRUE(house.run_until([&] { return house.controller->drains().empty(); }));
}

TEST_F(FailoverTest, GoesOnThroughAReload) {
    house.start();
    fail();
    config::Config next = *house.config;
    next.services[0].retries.attempts = 5;
    house.next_load.config = next;
    const auto ticket = house.controller->reload({0, "root"});
    ASSERT_TRUE(house.run_until([&] { return ticket->is_decided(); }));
    ASSERT_FALSE(ticket->error) << ticket->error->message;
    EXPECT_EQ(state().config->retries.attempts, 5u);
    EXPECT_TRUE(failing_over());
    for (int i = 0; i < 50; ++i)
        house.context.run_one_for(1ms);
    EXPECT_EQ(house.controller->entry("app").failovers, 1u);
    EXPECT_FALSE(house.controller->failover_json("app").is_null());

    next.services[0].failover.idle = false;
    house.next_load.config = next;
    const auto off = house.controller->reload({0, "root"});
    ASSERT_TRUE(house.run_until([&] { return off->is_decided(); }));
    EXPECT_FALSE(failing_over());
    ASSERT_TRUE(house.run_until([&] { return house.disk->entry(2).outcome == "reloaded"; }));
}

TEST_F(FailoverTest, ADiskThatIsFullDoesNotStopIt) {
    house.start();
    house.disk->fail_append = true;
    house.health.set("blue:1", Health::unhealthy);
    ASSERT_TRUE(house.run_until([&] { return house.publisher.current && failing_over(); }));
    house.health.set("blue:1", Health::healthy);
    ASSERT_TRUE(house.run_until([&] { return !failing_over(); }));
}

TEST_F(FailoverTest, TheStopTellsItsEnd) {
    house.start();
    fail();
    house.run(house.controller->stop());
    house.started = false;
    EXPECT_EQ(house.disk->entry(2).outcome, "interrupted");
}

}  // namespace
}  // namespace switchyard::control::testing
