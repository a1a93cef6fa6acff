// Canaries as far as the controller keeps them: with disks that fail, workers that hang, and slots
// that are not healthy.
#include "control/canary_view.hpp"
#include "control/status.hpp"
#include "house.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::control::testing {
namespace {

using ::testing::HasSubstr;

config::Service with_canary() {
    config::Service service = make_service("app");
    service.canary.emplace();
    return service;
}

class CanaryControl : public ::testing::Test {
  protected:
    [[nodiscard]] const route::ServiceState& state() const {
        return *house.publisher.current->services.at(0);
    }
    [[nodiscard]] std::uint32_t share() const { return state().canary->share; }
    [[nodiscard]] const state::ServiceRecord& record() { return house.disk->records.at("app"); }

    static CanaryRequest wish(std::uint32_t share) {
        CanaryRequest request;
        request.caller = {1000, "deploy"};
        request.service = "app";
        request.share = share;
        return request;
    }
    std::shared_ptr<ChangeTicket> ask(CanaryRequest request) {
        auto ticket = house.controller->canary(std::move(request));
        house.run_until([&] { return ticket->is_decided(); });
        return ticket;
    }
    std::shared_ptr<ChangeTicket> ask(std::uint32_t share) { return ask(wish(share)); }
    std::string refused(CanaryRequest request) {
        const auto ticket = ask(std::move(request));
        return ticket->error ? ticket->error->code : "not refused";
    }
    boost::json::value status() {
        return service_json(*house.controller, *house.controller->routing().find("app"))
            .at("canary");
    }
    void restart() {
        house.run(house.controller->stop());
        house.started = false;
        house.start();
    }

    House house{make_config({with_canary()})};
};

TEST_F(CanaryControl, IsDurableThenVisibleThenAnswered) {
    house.start();
    EXPECT_FALSE(state().canary->runs());
    house.publisher.hold = true;
    const auto ticket = house.controller->canary(wish(500));
    ASSERT_TRUE(house.run_until([&] { return state().canary->runs(); }));
    EXPECT_EQ(record().canary->share, 500U);
    EXPECT_EQ(record().canary->slot, Colour::green);
    EXPECT_EQ(record().epoch, 2U);
    EXPECT_EQ(record().live, Colour::blue);
    EXPECT_FALSE(ticket->is_decided());
    house.publisher.release();
    ASSERT_TRUE(house.run_until([&] { return ticket->is_decided(); }));
    const auto answer = *ticket->object();
    EXPECT_EQ(answer.at("percent"), 5.0);
    EXPECT_EQ(answer.at("slot"), "green");
    EXPECT_EQ(number(answer, "epoch"), 2);
    EXPECT_EQ(state().epoch, 2U);
    EXPECT_EQ(house.disk->entry(2).action, "canary 5%");
    EXPECT_EQ(house.disk->entry(2).outcome, "done");
    EXPECT_EQ(house.disk->entry(2).to, Colour::green);
    EXPECT_EQ(house.disk->entry(2).user, "deploy");
}

TEST_F(CanaryControl, C04_WhatTheDiskDoesNotTakeChangesNothing) {
    house.start();
    house.disk->fail_commit = true;
    EXPECT_EQ(refused(wish(500)), "state_failed");
    EXPECT_FALSE(state().canary->runs());
    EXPECT_EQ(state().epoch, 1U);
    house.disk->fail_commit = false;
    ASSERT_FALSE(ask(500)->error);
    house.disk->fail_commit = true;
    EXPECT_EQ(refused(wish(1'000)), "state_failed");
    EXPECT_EQ(refused(wish(0)), "state_failed");
    EXPECT_EQ(share(), 500U);
    EXPECT_TRUE(status().is_object());
    // The service was given back.
    house.disk->fail_commit = false;
    EXPECT_FALSE(ask(1'000)->error);
}

TEST_F(CanaryControl, C04_SurvivesARestartWithItsClients) {
    house.start();
    ASSERT_FALSE(ask(500)->error);
    ASSERT_FALSE(ask(2'500)->error);
    const std::string secret = record().canary->secret;
    EXPECT_EQ(secret.size(), 64U);
    restart();
    EXPECT_EQ(share(), 2'500U);
    EXPECT_EQ(state().canary->run, 2U);
    EXPECT_EQ(state().canary->keys.at(0).secret, secret);
    EXPECT_EQ(state().epoch, 3U);
    EXPECT_EQ(status().at("percent"), 25.0);
}

TEST_F(CanaryControl, AnotherShareKeepsTheRunAndBeginsANewComparison) {
    house.start();
    ASSERT_FALSE(ask(500)->error);
    const auto counts = state().canary->counts;
    counts->record(0, 3, true, true, std::nullopt);
    EXPECT_EQ(status().at("canary").at("errors"), 1);
    ASSERT_FALSE(ask(1'000)->error);
    EXPECT_EQ(state().canary->run, 2U);
    EXPECT_NE(state().canary->counts, counts);
    EXPECT_EQ(status().at("canary").at("errors"), 0);
    EXPECT_EQ(house.disk->entry(3).detail, "before: 5%");
    EXPECT_EQ(refused(wish(1'000)), "canary_unchanged");
    EXPECT_EQ(state().epoch, 3U);
}

TEST_F(CanaryControl, OffLeavesNothingAndDrainsTheSlot) {
    house.start();
    ASSERT_FALSE(ask(500)->error);
    const auto ledger = state().slot(Colour::green)->ledger;
    ledger->cell(0).enter(1);
    const auto ticket = ask(0);
    ASSERT_FALSE(ticket->error);
    EXPECT_FALSE(state().canary->runs());
    EXPECT_FALSE(record().canary);
    EXPECT_EQ(record().epoch, 3U);
    EXPECT_TRUE(status().is_null());
    ASSERT_TRUE(house.run_until([&] { return !house.controller->drains().empty(); }));
    EXPECT_EQ(house.controller->drains().front()->slot, Colour::green);
    ledger->cell(0).leave(observe::Outcome::completed);
    std::vector<boost::json::object> lines;
    ASSERT_TRUE(house.run_until([&] {
        for (auto& line : house.lines(*ticket))
            lines.push_back(std::move(line));
        return !lines.empty() && text(lines.back(), "event") == "drained";
    }));
    EXPECT_EQ(text(lines.front(), "event"), "canary");
    EXPECT_EQ(text(lines.front(), "action"), "off");
    EXPECT_EQ(number(lines.front(), "in_flight"), 1);
    EXPECT_EQ(number(lines.back(), "completed"), 1);
    ASSERT_TRUE(house.run_until([&] { return house.disk->entry(3).outcome == "drained"; }));
    EXPECT_EQ(house.disk->entry(3).action, "canary off");
    // A later one has other clients.
    ASSERT_FALSE(ask(500)->error);
    EXPECT_EQ(state().canary->run, 4U);
}

TEST_F(CanaryControl, PromoteIsASwitchThatEndsIt) {
    house.start();
    ChangeRequest promote = switch_to(Colour::green);
    promote.to.reset();
    promote.promote = true;
    EXPECT_EQ(house.refused(promote).code, "no_canary");
    ASSERT_FALSE(ask(500)->error);
    const auto lines = house.change(promote);
    ASSERT_GE(lines.size(), 2U);
    EXPECT_EQ(text(lines.front(), "event"), "committed");
    EXPECT_EQ(text(lines.front(), "action"), "promote");
    EXPECT_EQ(text(lines.front(), "to"), "green");
    EXPECT_EQ(text(lines.front(), "canary_ended"), "5%");
    EXPECT_EQ(text(lines.back(), "event"), "drained");
    EXPECT_EQ(state().live, Colour::green);
    EXPECT_FALSE(state().canary->runs());
    EXPECT_FALSE(record().canary);
    EXPECT_EQ(record().epoch, 3U);
    EXPECT_EQ(house.disk->entry(4).action, "promote");  // 3: the refusal before was 2
    // And it can be taken back.
    EXPECT_EQ(text(house.change(rollback()).front(), "to"), "blue");
}

TEST_F(CanaryControl, APlainSwitchEndsItInTheSameStore) {
    house.start();
    ASSERT_FALSE(ask(500)->error);
    const auto version = house.publisher.current->version;
    house.change(switch_to(Colour::green));
    EXPECT_FALSE(state().canary->runs());
    EXPECT_EQ(state().live, Colour::green);
    EXPECT_LE(house.publisher.current->version, version + 2);
    EXPECT_FALSE(record().canary);
    restart();
    EXPECT_FALSE(state().canary->runs());
}

TEST_F(CanaryControl, ARollbackMustNotGiveTheCanaryToEverybody) {
    house.start();
    house.change(switch_to(Colour::green));
    ASSERT_FALSE(ask(500)->error);
    const Refusal refusal = house.refused(rollback());
    EXPECT_EQ(refusal.code, "canary_running");
    EXPECT_THAT(refusal.hint, HasSubstr("switchyard canary app off"));
    EXPECT_EQ(share(), 500U);
    ChangeRequest anyway = rollback();
    anyway.force = true;
    house.change(anyway);
    EXPECT_EQ(state().live, Colour::blue);
    EXPECT_FALSE(state().canary->runs());
}

TEST_F(CanaryControl, ASlotThatServesIsNotDeployedTo) {
    house.start();
    ASSERT_FALSE(ask(500)->error);
    DeployRequest request;
    request.caller = {1000, "deploy"};
    request.service = "app";
    const auto job = house.controller->deploy(request);
    ASSERT_TRUE(house.run_until([&] { return job->refusal.has_value(); }));
    EXPECT_EQ(job->refusal->code, "canary_running");
    EXPECT_THAT(job->refusal->message, HasSubstr("a canary sends 5% of the clients there"));
    EXPECT_THAT(job->refusal->hint, HasSubstr("switchyard canary app off"));
    EXPECT_EQ(share(), 500U);
}

TEST_F(CanaryControl, AnUnhealthySlotGetsNoMoreClientsButMayHaveFewer) {
    house.start();
    house.health.set("green:1", route::Health::unhealthy, "connection refused");
    EXPECT_EQ(refused(wish(500)), "unhealthy_target");
    EXPECT_FALSE(state().canary->runs());
    CanaryRequest forced = wish(500);
    forced.force = true;
    const auto ticket = ask(forced);
    ASSERT_FALSE(ticket->error);
    EXPECT_TRUE(ticket->object()->at("forced").as_bool());
    EXPECT_EQ(refused(wish(600)), "unhealthy_target");
    EXPECT_FALSE(ask(100)->error);
    EXPECT_FALSE(ask(0)->error);
}

TEST_F(CanaryControl, SaysWhenItsSlotIsNotHealthyAndWhenItIs) {
    house.start();
    ASSERT_FALSE(ask(500)->error);
    EXPECT_TRUE(status().at("healthy").as_bool());
    auto events = house.controller->events().subscribe("app");
    const auto flag = [&](route::Health health) {
        const_cast<route::Target*>(house.health.target("green:1"))->set_health(health);
        house.health.set("green:1", health);
    };
    flag(route::Health::unhealthy);
    EXPECT_FALSE(status().at("healthy").as_bool());
    const observe::Scrape page = scrape(*house.controller);
    EXPECT_FALSE(page.services.at(0).canary->healthy);
    EXPECT_EQ(page.services.at(0).canary->share, 0.05);
    flag(route::Health::healthy);
    EXPECT_TRUE(status().at("healthy").as_bool());
    std::string said;
    for (int i = 0; i < 10 && said.find("\"healthy\":true") == std::string::npos; ++i) {
        house.run([&]() -> boost::asio::awaitable<void> {
            const Line line = co_await events->next();
            said += *line;
        }());
    }
    EXPECT_THAT(said, HasSubstr("\"event\":\"canary_health\""));
    EXPECT_THAT(said, HasSubstr("\"healthy\":false"));
}

TEST_F(CanaryControl, ADifferenceIsFoundAndTold) {
    house.tuning.tick = std::chrono::milliseconds(5);
    house.start();
    ASSERT_FALSE(ask(500)->error);
    EXPECT_EQ(status().at("verdict").at("state"), "too_early");
    const auto counts = state().canary->counts;
    for (std::uint32_t i = 0; i < 4'000; ++i) {
        const std::uint32_t point = i * 7'919 % observe::kCanaryPoints;
        const bool canary = point < 500;
        counts->record(i % 2, point, canary, canary, 10'000);
    }
    ASSERT_TRUE(house.run_until([&] { return status().at("verdict").at("state") == "differs"; }));
    const auto verdict = status().at("verdict");
    EXPECT_EQ(verdict.at("errors").at("canary"), "more");
    EXPECT_THAT(std::string(verdict.at("text").as_string()), HasSubstr("MORE ERRORS"));
    EXPECT_EQ(scrape(*house.controller).services.at(0).canary->errors_differ, 1);
}

TEST_F(CanaryControl, RefusesWhatCanNotBe) {
    house.start();
    CanaryRequest nobody = wish(500);
    nobody.service = "nobody";
    EXPECT_EQ(refused(nobody), "unknown_service");
    EXPECT_EQ(refused(wish(0)), "no_canary");
    CanaryRequest late = wish(500);
    late.if_epoch = 7;
    EXPECT_EQ(refused(late), "epoch_mismatch");
    late.if_epoch = 1;
    EXPECT_EQ(refused(late), "not refused");
    EXPECT_EQ(house.disk->entry(2).outcome, "refused");
    EXPECT_EQ(house.disk->entry(2).action, "canary off");
}

TEST_F(CanaryControl, C14_OneChangeAtATime) {
    house.start();
    house.publisher.hold = true;
    const auto first = house.controller->canary(wish(500));
    ASSERT_TRUE(house.run_until([&] { return state().canary->runs(); }));
    EXPECT_EQ(refused(wish(1'000)), "busy");
    EXPECT_EQ(house.refused(switch_to(Colour::green)).code, "busy");
    house.publisher.release();
    ASSERT_TRUE(house.run_until([&] { return first->is_decided(); }));
    EXPECT_FALSE(first->error);
}

TEST_F(CanaryControl, AWorkerThatDoesNotConfirmIsNamed) {
    house.start();
    house.publisher.stuck = {1};
    const auto ticket = ask(500);
    ASSERT_TRUE(ticket->error);
    EXPECT_EQ(ticket->error->code, "not_acknowledged");
    EXPECT_TRUE(ticket->error->details.at("committed").as_bool());
    EXPECT_EQ(share(), 500U);
}

TEST_F(CanaryControl, APlanChangesNothing) {
    house.start();
    CanaryRequest plan = wish(500);
    plan.plan = true;
    auto answer = *ask(plan)->object();
    EXPECT_TRUE(answer.at("allowed").as_bool());
    EXPECT_EQ(answer.at("percent"), 5.0);
    EXPECT_EQ(state().epoch, 1U);
    plan.share = 0;
    answer = *ask(plan)->object();
    EXPECT_FALSE(answer.at("allowed").as_bool());
    EXPECT_EQ(answer.at("refusals").at(0).at("code"), "no_canary");
    EXPECT_EQ(house.disk->entries(), 1U);
}

class CanaryReload : public CanaryControl {
  protected:
    std::shared_ptr<ChangeTicket> reload(config::Config config) {
        house.next_load.config = std::move(config);
        auto ticket = house.controller->reload({1000, "deploy"});
        house.run_until([&] { return ticket->is_decided(); });
        return ticket;
    }
};

TEST_F(CanaryReload, KeepsTheCanaryOrRefuses) {
    house.start();
    ASSERT_FALSE(ask(500)->error);
    config::Service changed = with_canary();
    changed.retries.attempts = 0;
    ASSERT_FALSE(reload(make_config({changed}))->error);
    EXPECT_EQ(share(), 500U);
    EXPECT_EQ(state().canary->run, 2U);
    EXPECT_EQ(state().epoch, 3U);
    EXPECT_EQ(house.controller->entry("app").canary->counts, state().canary->counts);

    const auto without = reload(make_config({make_service("app")}));
    ASSERT_TRUE(without->error);
    EXPECT_THAT(without->error->message, HasSubstr("switchyard canary app off"));
    config::Service one_slot = with_canary();
    one_slot.slots[index_of(Colour::green)].reset();
    const auto lame = reload(make_config({one_slot}));
    ASSERT_TRUE(lame->error);
    EXPECT_THAT(lame->error->message, HasSubstr("slot green is not there any more"));
    EXPECT_EQ(share(), 500U);
}

TEST_F(CanaryReload, AServiceThatGoesTakesItsCanaryWithIt) {
    house.start();
    ASSERT_FALSE(ask(500)->error);
    ASSERT_FALSE(reload(make_config({make_service("other")}))->error);
    EXPECT_FALSE(house.disk->records.at("app").canary);
    ASSERT_FALSE(reload(make_config({with_canary(), make_service("other")}))->error);
    EXPECT_FALSE(state().canary->runs());
}

TEST_F(CanaryReload, AStartWithoutItsSlotServesByTheLiveOneAndWritesThat) {
    house.start();
    ASSERT_FALSE(ask(500)->error);
    house.run(house.controller->stop());
    house.started = false;
    house.config = std::make_shared<const config::Config>(make_config({make_service("app")}));
    house.start();
    EXPECT_FALSE(state().canary);
    EXPECT_FALSE(house.disk->records.at("app").canary);
    EXPECT_EQ(house.disk->entry(3).action, "canary off");
}

TEST_F(CanaryControl, WithoutTheSectionThereIsNone) {
    House plain;
    plain.start();
    const auto ticket = plain.controller->canary(wish(500));
    ASSERT_TRUE(plain.run_until([&] { return ticket->is_decided(); }));
    ASSERT_TRUE(ticket->error);
    EXPECT_EQ(ticket->error->code, "no_canary_section");
}

}  // namespace
}  // namespace switchyard::control::testing
