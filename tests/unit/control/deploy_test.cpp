// Deploys from their begin to their end, and what happens around them.
#include "control/status.hpp"
#include "remote_script.hpp"

#include <algorithm>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::control::testing {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DeployTest : public ::testing::Test {
  protected:
    void SetUp() override { house.start(); }

    Colour live() const { return house.publisher.current->services.at(0)->live; }
    json::object status() const {
        return service_json(*house.controller, *house.publisher.current->services.at(0));
    }
    std::vector<std::string> kinds(const std::vector<json::object>& lines) {
        std::vector<std::string> found;
        for (const json::object& line : lines) {
            const std::string kind = text(line, "event");
            if (kind == "stage_begun" || kind == "health" || kind == "draining") continue;
            found.push_back(kind == "stage_ended" ? text(line, "stage") : kind);
        }
        return found;
    }

    DeployHouse house;
};

TEST_F(DeployTest, InstallsOnTheIdleSlotAndLeavesTheLiveOneAlone) {
    house.hosts.acts["install"].output = {"pulling", "restarted"};
    DeployRequest request = DeployHouse::request();
    request.env = {{"STAGE", "canary"}, {"TOKEN", "x y"}};
    const auto job = house.begin_deploy(request);
    const json::object result = house.finish(job);
    EXPECT_EQ(text(result, "outcome"), "deployed");
    EXPECT_EQ(text(result, "slot"), "green");
    EXPECT_FALSE(result.at("committed").as_bool());
    EXPECT_THAT(text(result, "hint"), HasSubstr("switchyard switch app"));
    EXPECT_EQ(live(), Colour::blue);
    EXPECT_FALSE(house.controller->change_under_way("app"));

    ASSERT_EQ(house.hosts.ran.size(), 1U);
    const ScriptedRemote::Ran& ran = house.hosts.ran[0];
    EXPECT_EQ(ran.command, "install");
    EXPECT_THAT(ran.hosts, ElementsAre("deploy@green"));
    EXPECT_EQ(ran.environment.at("SWITCHYARD_SERVICE"), "app");
    EXPECT_EQ(ran.environment.at("SWITCHYARD_SLOT"), "green");
    EXPECT_EQ(ran.environment.at("SWITCHYARD_VERSION"), "v2");
    EXPECT_EQ(ran.environment.at("SWITCHYARD_EPOCH"), "1");
    EXPECT_EQ(ran.environment.at("SWITCHYARD_PREVIOUS_VERSION"), "");
    EXPECT_EQ(ran.environment.at("STAGE"), "canary");
    EXPECT_EQ(ran.environment.at("TOKEN"), "x y");

    EXPECT_THAT(kinds(house.lines_of(job)), ElementsAre("deploy", "lock", "connect", "output",
                                                        "output", "run", "healthy", "result"));
    const state::HistoryEntry entry = house.entry_of(*job);
    EXPECT_EQ(entry.action, "deploy");
    EXPECT_EQ(entry.outcome, "deployed");
    EXPECT_EQ(entry.version, "v2");
    EXPECT_EQ(entry.user, "anna");
    EXPECT_EQ(entry.to, Colour::green);
    const json::object receipt = json::parse(entry.receipt).as_object();
    EXPECT_EQ(receipt.at("stages").as_array().size(), 4U);
    EXPECT_EQ(entry.receipt.find("x y"), std::string::npos) << "a value of --env was written down";

    const json::object release = status().at("slots").at("green").at("release").as_object();
    EXPECT_EQ(text(release, "version"), "v2");
    EXPECT_TRUE(release.at("complete").as_bool());
    EXPECT_TRUE(status().at("slots").at("blue").at("release").is_null());
    EXPECT_TRUE(status().at("deploy").is_null());
}

TEST_F(DeployTest, SwitchesOnTheWayOfEverySwitch) {
    const auto ledger = house.publisher.enter("app");
    const auto job = house.begin_deploy(DeployHouse::request(true));
    house.until_stage(job, DeployStage::drain);
    EXPECT_EQ(live(), Colour::green);
    EXPECT_FALSE(house.controller->change_under_way("app"));
    house.publisher.leave(ledger, observe::Outcome::completed);
    const json::object result = house.finish(job);
    EXPECT_EQ(text(result, "outcome"), "switched");
    EXPECT_TRUE(result.at("drained").as_bool());
    EXPECT_EQ(number(result, "epoch"), 2);
    EXPECT_EQ(text(result.at("reserved_ip").as_object(), "state"), "moving");
    EXPECT_THAT(kinds(house.lines_of(job)),
                ElementsAre("deploy", "lock", "connect", "run", "healthy", "committed", "switch",
                            "drained", "drain", "reserved_ip", "result"));
    // The switch has its own entry, with its receipt and the version that went live.
    const json::object receipt = json::parse(house.entry_of(*job).receipt).as_object();
    const state::HistoryEntry entry = house.disk->entry(number(receipt, "switch_history_id"));
    EXPECT_EQ(entry.action, "switch");
    EXPECT_EQ(entry.outcome, "drained");
    EXPECT_EQ(entry.version, "v2");
    EXPECT_EQ(number(json::parse(entry.receipt).as_object(), "completed"), 1);
}

TEST_F(DeployTest, HalfAReleaseGoesLiveOnlyByForce) {
    house.hosts.acts["install"] = {.kind = RemoteOutcome::Kind::exit_status, .message = "status 3"};
    EXPECT_EQ(text(house.deploy(DeployHouse::request(true)), "outcome"), "failed");
    const Refusal refusal = house.refused(switch_to(Colour::green));
    EXPECT_EQ(refusal.code, "unfinished_release");
    EXPECT_THAT(refusal.message, HasSubstr("v2"));
    EXPECT_EQ(live(), Colour::blue);
    ChangeRequest forced = switch_to(Colour::green);
    forced.force = true;
    house.change(forced);
    EXPECT_EQ(live(), Colour::green);
}

TEST_F(DeployTest, ACutDrainIsToldInTheResult) {
    const auto ledger = house.publisher.enter("app");
    DeployRequest request = DeployHouse::request(true);
    request.drain_timeout = 0ms;
    const json::object result = house.deploy(request);
    EXPECT_EQ(text(result, "outcome"), "switched");
    EXPECT_FALSE(result.at("drained").as_bool());
}

TEST_F(DeployTest, EverybodyElseIsRefusedWithWhoDoesWhatSinceWhen) {
    house.hosts.acts["install"].hold = true;
    const auto job = house.begin_deploy(DeployHouse::request());
    house.until_stage(job, DeployStage::run);
    const json::object change = status().at("change").as_object();
    EXPECT_EQ(text(change, "action"), "deploy");
    EXPECT_EQ(text(change, "slot"), "green");
    const json::object deploy = status().at("deploy").as_object();
    EXPECT_EQ(text(deploy, "stage"), "run");
    EXPECT_EQ(text(deploy, "version"), "v2");

    for (const Refusal& refusal :
         {house.refused_deploy(DeployHouse::request()), house.refused(switch_to(Colour::green))}) {
        EXPECT_EQ(refusal.code, "busy");
        EXPECT_THAT(refusal.message, HasSubstr("app is under way: deploy of v2 to green by anna "
                                               "(uid 1000), since 20"));
        EXPECT_THAT(refusal.message, HasSubstr("Z, in the stage run."));
        EXPECT_EQ(text(refusal.details, "slot"), "green");
        EXPECT_EQ(text(refusal.details, "version"), "v2");
        EXPECT_EQ(text(refusal.details, "stage"), "run");
        EXPECT_GE(number(refusal.details, "for_ms"), number(refusal.details, "stage_for_ms"));
        EXPECT_THAT(refusal.hint, HasSubstr("switchyard deploy app --cancel"));
        EXPECT_EQ(text(refusal.details, "action"), "deploy");
    }
    // The slot that a rollback would go to is the one that is being overwritten.
    EXPECT_EQ(house.refused(rollback()).code, "busy");
    const auto reload = house.controller->reload({0, "root"});
    house.run_until([&] { return reload->is_decided(); });
    ASSERT_TRUE(reload->error);
    EXPECT_EQ(reload->error->code, "busy");
    EXPECT_EQ(live(), Colour::blue);

    house.hosts.release();
    EXPECT_EQ(text(house.finish(job), "outcome"), "deployed");
    house.change(switch_to(Colour::green));
    EXPECT_EQ(live(), Colour::green);
}

TEST_F(DeployTest, ARefusedDeployStandsInTheHistory) {
    house.health.set("green:1", route::Health::healthy);
    ChangeRequest forth = switch_to(Colour::green);
    DeployRequest request = DeployHouse::request();
    request.service = "nothing";
    EXPECT_EQ(house.refused_deploy(request).code, "unknown_service");
    const std::size_t before = house.disk->entries();
    house.publisher.hold = true;
    const auto ticket = house.controller->change(forth);
    house.run_until([&] { return house.controller->change_under_way("app").has_value(); });
    EXPECT_EQ(house.refused_deploy(DeployHouse::request()).code, "busy");
    house.publisher.release();
    house.run_until([&] { return house.disk->entries() == before + 2; });
    const auto history = house.disk->history;
    EXPECT_EQ(history.back().action, "deploy");
    EXPECT_EQ(history.back().outcome, "refused");
}

TEST_F(DeployTest, TheNextDeployHasToWaitForWhatComesAfterTheSwitch) {
    const auto ledger = house.publisher.enter("app");
    const auto job = house.begin_deploy(DeployHouse::request(true));
    house.until_stage(job, DeployStage::drain);
    const Refusal refusal = house.refused_deploy(DeployHouse::request());
    EXPECT_EQ(refusal.code, "busy");
    EXPECT_THAT(refusal.message, HasSubstr("deploy of v2 to green by anna"));
    EXPECT_EQ(text(refusal.details, "stage"), "drain");
    house.publisher.leave(ledger, observe::Outcome::completed);
    house.finish(job);
    EXPECT_EQ(text(house.deploy(DeployHouse::request()), "slot"), "blue");
}

TEST_F(DeployTest, DoesNotTouchASlotThatStillHasRequests) {
    const auto ledger = house.publisher.enter("app");
    ChangeRequest forth = switch_to(Colour::green);
    forth.wait = false;
    house.change(forth);  // blue drains
    const auto job = house.begin_deploy(DeployHouse::request());
    house.until_stage(job, DeployStage::lock);
    EXPECT_EQ(job->slot(), Colour::blue);
    EXPECT_TRUE(house.hosts.ran.empty());
    house.publisher.leave(ledger, observe::Outcome::completed);
    EXPECT_EQ(text(house.finish(job), "outcome"), "deployed");
    EXPECT_THAT(house.hosts.ran.at(0).hosts, ElementsAre("deploy@blue"));
}

TEST_F(DeployTest, ARollbackDuringTheDrainWorksAtOnceAndAfterSwitchIsNotRun) {
    const auto ledger = house.publisher.enter("app");
    const auto job = house.begin_deploy(DeployHouse::request(true));
    house.until_stage(job, DeployStage::drain);
    house.change(rollback());
    EXPECT_EQ(live(), Colour::blue);
    const json::object result = house.finish(job);
    EXPECT_EQ(text(result, "outcome"), "switched");
    EXPECT_FALSE(result.at("drained").as_bool());
    house.publisher.leave(ledger, observe::Outcome::completed);
}

TEST_F(DeployTest, VersionsShowWhereSomebodyWouldGo) {
    house.deploy(DeployHouse::request(true));  // v2 on green
    DeployRequest request = DeployHouse::request(true);
    request.version = "v3";
    house.deploy(request);  // v3 on blue
    EXPECT_EQ(house.hosts.ran.at(1).environment.at("SWITCHYARD_PREVIOUS_VERSION"), "v2");
    EXPECT_EQ(live(), Colour::blue);

    ChangeRequest plan = rollback();
    plan.plan = true;
    const auto ticket = house.begin(plan);
    ASSERT_TRUE(ticket->object());
    EXPECT_EQ(text(ticket->object()->at("to_release").as_object(), "version"), "v2");
    EXPECT_EQ(text(ticket->object()->at("from_release").as_object(), "version"), "v3");
    const auto lines = house.change(rollback());
    EXPECT_EQ(text(lines.at(0).at("to_release").as_object(), "version"), "v2");
    EXPECT_EQ(house.disk->entry(number(lines.at(0), "history_id")).version, "v2");
    EXPECT_EQ(house.disk->records.at("app").releases[0]->version, "v3");
}

TEST_F(DeployTest, WhoComesLateIsToldFromTheBeginAndNobodyHasToListen) {
    house.hosts.acts["install"].hold = true;
    house.hosts.acts["install"].output = {"a line"};
    const auto job = house.begin_deploy(DeployHouse::request());
    { const auto lost = job->feed.follow(); }  // A client that went away.
    house.until_stage(job, DeployStage::run);
    auto late = job->feed.follow();
    house.hosts.release();
    EXPECT_EQ(text(house.finish(job), "outcome"), "deployed");
    EXPECT_EQ(house.controller->deploy_of("app"), job);
    const auto lines = house.lines_of(job);
    EXPECT_EQ(text(lines.front(), "event"), "deploy");
    EXPECT_EQ(text(lines.back(), "event"), "result");
}

TEST_F(DeployTest, AStoppedDaemonEndsItAndSaysSo) {
    house.hosts.acts["install"] = {.hold = true, .may_still_run = true};
    const auto job = house.begin_deploy(DeployHouse::request());
    house.until_stage(job, DeployStage::run);
    house.run(house.controller->stop());
    house.started = false;
    EXPECT_TRUE(job->over());
    EXPECT_EQ(house.hosts.cancels, 1);
    const state::HistoryEntry entry = house.entry_of(*job);
    EXPECT_EQ(entry.outcome, "interrupted");
    EXPECT_THAT(entry.detail, HasSubstr("The daemon was stopped"));
    EXPECT_TRUE(json::parse(entry.receipt).at("may_still_run").as_bool());
    EXPECT_EQ(text(job->result, "stage"), "run");
    EXPECT_FALSE(house.disk->records.at("app").releases[1]->complete);
}

TEST_F(DeployTest, AStopDuringTheDrainLeavesASwitchedDeploy) {
    const auto ledger = house.publisher.enter("app");
    const auto job = house.begin_deploy(DeployHouse::request(true));
    house.until_stage(job, DeployStage::drain);
    house.run(house.controller->stop());
    house.started = false;
    EXPECT_EQ(house.entry_of(*job).outcome, "switched");
    house.publisher.leave(ledger, observe::Outcome::completed);
}

TEST_F(DeployTest, AfterACrashTheNextStartTellsWhatIsKnown) {
    house.hosts.acts["install"].hold = true;
    const auto job = house.begin_deploy(DeployHouse::request());
    house.until_stage(job, DeployStage::run);
    EXPECT_EQ(house.entry_of(*job).outcome, "running");

    DeployHouse next;  // The old one is still there, but a disk knows only what was written.
    next.disk->records = house.disk->records;
    next.disk->history = house.disk->history;
    next.start();
    const state::HistoryEntry entry = next.disk->entry(job->history_id);
    EXPECT_EQ(entry.outcome, "interrupted");
    EXPECT_THAT(entry.detail, HasSubstr("in the stage run"));
    EXPECT_THAT(entry.detail, HasSubstr("may still run on the hosts of green"));
    EXPECT_THAT(entry.detail, HasSubstr("live slot was not touched"));
    EXPECT_TRUE(json::parse(entry.receipt).at("may_still_run").as_bool());
    EXPECT_EQ(text(next.deploy(DeployHouse::request()), "outcome"), "deployed");
}

TEST_F(DeployTest, TheMetricsCountThem) {
    const auto gauge = [&] { return scrape(*house.controller).services.at(0).deploys.value(); };
    const auto ended = [&](std::string_view outcome) {
        const auto& all = observe::kDeployOutcomes;
        const auto found = std::find(all.begin(), all.end(), outcome);
        return gauge().ended.at(static_cast<std::size_t>(found - all.begin()));
    };
    EXPECT_FALSE(gauge().active);
    EXPECT_TRUE(gauge().last_stages.empty());
    house.hosts.acts["install"].hold = true;
    const auto job = house.begin_deploy(DeployHouse::request());
    house.until_stage(job, DeployStage::run);
    EXPECT_TRUE(gauge().active);
    EXPECT_EQ(house.refused_deploy(DeployHouse::request()).code, "busy");
    EXPECT_EQ(ended("refused"), 1U);
    house.hosts.release();
    house.finish(job);
    EXPECT_FALSE(gauge().active);
    EXPECT_EQ(ended("deployed"), 1U);
    EXPECT_GT(gauge().last_seconds, 0);
    std::vector<std::string> stages;
    for (const auto& [stage, seconds] : gauge().last_stages)
        stages.push_back(stage);
    EXPECT_THAT(stages, ElementsAre("lock", "connect", "run", "healthy"));
    house.hosts.acts["install"] = {.kind = RemoteOutcome::Kind::exit_status, .message = "no"};
    house.deploy(DeployHouse::request());
    EXPECT_EQ(ended("failed"), 1U);
    EXPECT_EQ(ended("deployed"), 1U);
}

TEST_F(DeployTest, AnUnwrittenBeginBeginsNothing) {
    house.disk->fail_append = true;
    const Refusal refusal = house.refused_deploy(DeployHouse::request());
    EXPECT_EQ(refusal.code, "state_failed");
    EXPECT_TRUE(house.hosts.ran.empty());
    EXPECT_FALSE(house.controller->change_under_way("app"));
    EXPECT_EQ(house.controller->deploy_of("app"), nullptr);
}

TEST_F(DeployTest, NothingRunsThatTheHistoryWouldNotKnowOf) {
    house.disk->fail_progress = true;
    const json::object result = house.deploy(DeployHouse::request());
    EXPECT_EQ(text(result, "outcome"), "failed");
    EXPECT_THAT(text(result, "message"), HasSubstr("could not be written"));
    EXPECT_FALSE(result.at("history_written").as_bool());
    EXPECT_THAT(text(result, "hint"), HasSubstr("the disk that holds the state file"));
    EXPECT_TRUE(house.hosts.ran.empty());
    EXPECT_FALSE(house.controller->change_under_way("app"));
}

TEST(DeployServices, OfDifferentServicesRunSideBySide) {
    DeployHouse house(
        make_config({DeployHouse::deployable("app"), DeployHouse::deployable("shop")}));
    house.start();
    house.hosts.acts["install"].hold = true;
    const auto app = house.begin_deploy(DeployHouse::request());
    DeployRequest other = DeployHouse::request();
    other.service = "shop";
    const auto shop = house.begin_deploy(other);
    house.run_until([&] { return house.hosts.waiting == 2; });
    house.hosts.release();
    EXPECT_EQ(text(house.finish(app), "outcome"), "deployed");
    EXPECT_EQ(text(house.finish(shop), "outcome"), "deployed");
}

TEST(DeployServices, WhatIsNotConfiguredForItIsRefused) {
    config::Service plain = make_service("plain");
    config::Service homeless = DeployHouse::deployable("homeless");
    homeless.slots[1]->deploy_to.clear();
    config::Service single = DeployHouse::deployable("single");
    single.slots[1].reset();
    DeployHouse house(make_config({plain, homeless, single}));
    house.start();
    DeployRequest request = DeployHouse::request();
    for (const auto& [service, code] :
         {std::pair("plain", "not_deployable"), std::pair("homeless", "not_deployable"),
          std::pair("single", "no_such_slot")}) {
        request.service = service;
        EXPECT_EQ(house.refused_deploy(request).code, code) << service;
    }
    EXPECT_TRUE(house.hosts.ran.empty());
}

}  // namespace
}  // namespace switchyard::control::testing
