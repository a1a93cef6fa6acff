// A deploy that fails, or is cancelled, in each of its stages.
#include "remote_script.hpp"

#include <algorithm>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::control::testing {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Kind = RemoteOutcome::Kind;

config::Config with_everything() {
    config::Service service = DeployHouse::deployable("app");
    config::Deploy& deploy = *service.deploy;
    deploy.before_switch = config::Hook{config::Hook::Where::remote, "before", 1min};
    deploy.after_switch = config::Hook{config::Hook::Where::local, "after", 1min};
    return make_config({service});
}

class DeployStages : public ::testing::Test {
  protected:
    DeployStages() : house(with_everything()) {}
    void SetUp() override { house.start(); }

    Colour live() const { return house.publisher.current->services.at(0)->live; }
    /// Whatever happened: the live slot is as it was, and the service is free for the next one.
    void expect_untouched(const DeployJob& job, const std::string& outcome,
                          const std::string& stage) {
        EXPECT_EQ(text(job.result, "outcome"), outcome);
        EXPECT_EQ(text(job.result, "stage"), stage);
        EXPECT_FALSE(job.result.at("committed").as_bool());
        EXPECT_NE(text(job.result, "hint"), "");
        EXPECT_EQ(live(), Colour::blue);
        EXPECT_FALSE(house.controller->change_under_way("app"));
        const state::HistoryEntry entry = house.entry_of(job);
        EXPECT_EQ(entry.outcome, outcome);
        EXPECT_EQ(entry.detail, text(job.result, "message"));
        EXPECT_EQ(house.ip.told.size(), 1U);  // only the start
    }
    void cancel(const std::shared_ptr<DeployJob>& job) {
        const auto refusal = house.controller->cancel_deploy("app", {7, "ben"});
        EXPECT_FALSE(refusal) << refusal->message;
        house.finish(job);
        EXPECT_THAT(text(job->result, "message"), HasSubstr("Cancelled by ben."));
    }
    bool was_run(const std::string& command) const {
        return std::any_of(house.hosts.ran.begin(), house.hosts.ran.end(),
                           [&](const auto& ran) { return ran.command == command; });
    }
    std::shared_ptr<DeployJob> run(bool switch_after = true) {
        const auto job = house.begin_deploy(DeployHouse::request(switch_after));
        house.finish(job);
        return job;
    }

    DeployHouse house;
};

TEST_F(DeployStages, ConnectFails) {
    house.hosts.acts["connect"] = {.kind = Kind::host_key,
                                   .message = "the host key is SHA256:x, not the pinned one"};
    const auto job = run();
    expect_untouched(*job, "failed", "connect");
    EXPECT_THAT(text(job->result, "message"),
                AllOf(HasSubstr("deploy@green"), HasSubstr("SHA256:x")));
    EXPECT_FALSE(was_run("install"));
    EXPECT_FALSE(house.disk->records.at("app").releases[1]);
}

TEST_F(DeployStages, TheCommandFails) {
    house.hosts.acts["install"] = {.kind = Kind::exit_status,
                                   .message = "ended with exit status 3",
                                   .output = {"fetching", "no space left"}};
    const auto job = run();
    expect_untouched(*job, "failed", "run");
    EXPECT_THAT(text(job->result, "message"), HasSubstr("exit status 3"));
    const json::array& tail = job->result.at("output_tail").as_array();
    ASSERT_EQ(tail.size(), 2U);
    EXPECT_EQ(text(tail[1].as_object(), "line"), "no space left");
    EXPECT_FALSE(house.disk->records.at("app").releases[1]->complete);
    EXPECT_EQ(json::parse(house.entry_of(*job).receipt).at("output_tail").as_array().size(), 2U);
    // To deploy again is safe.
    house.hosts.acts.clear();
    EXPECT_EQ(text(house.deploy(DeployHouse::request()), "outcome"), "deployed");
    EXPECT_TRUE(house.disk->records.at("app").releases[1]->complete);
}

TEST_F(DeployStages, AFailureOfOneHostIsNotHiddenByThoseThatWereCancelledForIt) {
    house.hosts.acts["install"] = {.kind = Kind::cancelled, .message = "another host failed"};
    const auto job = run();
    expect_untouched(*job, "failed", "run");
    EXPECT_THAT(text(job->result, "message"), HasSubstr("another host failed"));
}

TEST_F(DeployStages, ItDoesNotBecomeHealthyAndTheCheckIsTold) {
    house.health.set("green:1", route::Health::unhealthy, "connection refused");
    const auto job = house.begin_deploy(DeployHouse::request(true));
    house.until_stage(job, DeployStage::healthy);
    job->machine.deadline = Steady::now();  // Instead of waiting for healthy_within.
    job->wake.notify();
    house.finish(job);
    expect_untouched(*job, "failed", "healthy");
    EXPECT_THAT(text(job->result, "message"),
                AllOf(HasSubstr("green:1"), HasSubstr("connection refused")));
    EXPECT_FALSE(was_run("before"));
}

TEST_F(DeployStages, AnOldVerdictDoesNotCount) {
    house.health.fresh = false;
    house.health.set("green:1", route::Health::healthy);
    const auto job = house.begin_deploy(DeployHouse::request());
    house.until_stage(job, DeployStage::healthy);
    for (int i = 0; i < 50; ++i)
        house.context.run_one_for(1ms);
    EXPECT_FALSE(job->over());
    EXPECT_EQ(job->machine.stage(), DeployStage::healthy);
    house.health.set("green:1", route::Health::healthy);
    for (int i = 0; i < 50; ++i)
        house.context.run_one_for(1ms);
    EXPECT_FALSE(job->over()) << "one check is not healthy_after";
    house.health.set("green:1", route::Health::healthy);
    EXPECT_EQ(text(house.finish(job), "outcome"), "deployed");
}

TEST_F(DeployStages, BeforeSwitchFails) {
    house.hosts.acts["before"] = {.kind = Kind::exit_status, .message = "exit status 1"};
    const auto job = run();
    expect_untouched(*job, "failed", "before_switch");
    EXPECT_TRUE(house.disk->records.at("app").releases[1]->complete);
    EXPECT_THAT(text(job->result, "hint"), HasSubstr("switchyard switch app"));
}

TEST_F(DeployStages, TheSwitchIsRefused) {
    house.hosts.acts["before"].hold = true;
    const auto job = house.begin_deploy(DeployHouse::request(true));
    house.until_stage(job, DeployStage::before_switch);
    house.health.set("green:1", route::Health::unhealthy, "it crashed");
    house.hosts.release();
    house.finish(job);
    expect_untouched(*job, "failed", "switch");
    EXPECT_THAT(text(job->result, "message"), HasSubstr("healthy"));
    EXPECT_FALSE(was_run("after"));
}

TEST_F(DeployStages, TheStateCannotBeWrittenAtTheSwitch) {
    house.disk->fail_commit = true;
    const auto job = run();
    expect_untouched(*job, "failed", "switch");
}

TEST_F(DeployStages, AWorkerThatDoesNotConfirmIsNoFailureOfTheDeploy) {
    house.publisher.stuck = {1};
    const auto job = run();
    EXPECT_EQ(text(job->result, "outcome"), "switched");
    EXPECT_FALSE(job->result.at("drained").as_bool());
    EXPECT_EQ(live(), Colour::green);
    house.publisher.stuck.clear();
}

TEST_F(DeployStages, AfterSwitchFailsAndIsReported) {
    house.hosts.acts["after"] = {.kind = Kind::exit_status, .message = "exit status 9"};
    const auto job = run();
    EXPECT_EQ(text(job->result, "outcome"), "switched");
    EXPECT_THAT(text(job->result, "message"),
                AllOf(HasSubstr("after_switch failed"), HasSubstr("exit status 9")));
    EXPECT_EQ(live(), Colour::green);
    const ScriptedRemote::Ran& after = house.hosts.ran.back();
    EXPECT_EQ(after.environment.at("SWITCHYARD_EPOCH"), "2");
    EXPECT_THAT(after.hosts, ::testing::ElementsAre("local"));
    const ScriptedRemote::Ran& before = house.hosts.ran.at(1);
    EXPECT_EQ(before.environment.at("SWITCHYARD_EPOCH"), "1");
    EXPECT_THAT(before.hosts, ::testing::ElementsAre("deploy@green"));
}

TEST_F(DeployStages, AfterSwitchIsNotRunForASwitchThatWasTakenBack) {
    const auto ledger = house.publisher.enter("app");
    const auto job = house.begin_deploy(DeployHouse::request(true));
    house.until_stage(job, DeployStage::drain);
    house.change(rollback());
    house.finish(job);
    EXPECT_FALSE(was_run("after"));
    EXPECT_THAT(text(job->result, "message"), HasSubstr("after_switch was not run"));
    house.publisher.leave(ledger, observe::Outcome::completed);
}

TEST_F(DeployStages, AfterACrashTheHistoryTellsWhetherAfterSwitchMayHaveRun) {
    const auto after_crash_now = [this](const DeployJob& job) {
        DeployHouse next(with_everything());
        next.disk->records = house.disk->records;
        next.disk->history = house.disk->history;
        next.start();
        return next.disk->entry(job.history_id).detail;
    };
    const auto ledger = house.publisher.enter("app");
    house.hosts.acts["after"] = {.hold = true};
    const auto job = house.begin_deploy(DeployHouse::request(true));
    house.until_stage(job, DeployStage::drain);
    EXPECT_THAT(after_crash_now(*job), AllOf(HasSubstr("The switch to green is committed."),
                                             HasSubstr("The hook after_switch was not run.")));
    house.publisher.leave(ledger, observe::Outcome::completed);
    house.until_stage(job, DeployStage::after_switch);
    EXPECT_THAT(after_crash_now(*job),
                HasSubstr("may have run, in part or to its end, and may still run"));
    house.hosts.release();
    house.finish(job);
}

TEST(AfterCrash, TellsWhatBecameOfTheHook) {
    using Outcome = Deployment::Stage::Outcome;
    DeployTrace trace;
    trace.stage = DeployStage::reserved_ip;
    trace.committed = true;
    trace.hook = true;
    trace.hook_outcome = Outcome::done;
    EXPECT_THAT(after_crash(trace).detail, HasSubstr("after_switch had run, and succeeded."));
    EXPECT_FALSE(after_crash(trace).may_still_run);
    trace.hook_outcome = Outcome::failed;
    trace.hook_message = "local: exit status 9";
    EXPECT_THAT(after_crash(trace).detail, HasSubstr("had failed: local: exit status 9"));
    trace.hook_outcome = Outcome::skipped;
    trace.hook_message = "after_switch was not run: the daemon was stopped.";
    EXPECT_THAT(after_crash(trace).detail, HasSubstr(trace.hook_message));
    trace = {.stage = DeployStage::drain, .committed = true, .hook = false};
    EXPECT_THAT(after_crash(trace).detail, ::testing::Not(HasSubstr("after_switch")));
    trace.hook.reset();  // as an earlier version wrote it
    EXPECT_THAT(after_crash(trace).detail, HasSubstr("A hook after_switch was not run."));
    trace = {.stage = DeployStage::before_switch, .hook = true};
    EXPECT_THAT(after_crash(trace).detail,
                AllOf(HasSubstr("live slot was not touched"),
                      HasSubstr("before_switch may have run, in part or to its end")));
    EXPECT_TRUE(after_crash(trace).may_still_run);
}

TEST_F(DeployStages, CancelledWhileItWaitsForTheSlot) {
    const auto ledger = house.publisher.enter("app");
    ChangeRequest forth = switch_to(Colour::green);
    forth.wait = false;
    house.change(forth);
    const auto job = house.begin_deploy(DeployHouse::request());
    house.until_stage(job, DeployStage::lock);
    cancel(job);
    EXPECT_EQ(text(job->result, "outcome"), "cancelled");
    // And the way back is free at once.
    house.change(rollback());
    EXPECT_EQ(live(), Colour::blue);
    EXPECT_TRUE(house.hosts.ran.empty());
    house.publisher.leave(ledger, observe::Outcome::completed);
}

TEST_F(DeployStages, CancelledWhileItConnects) {
    house.hosts.acts["connect"].hold = true;
    const auto job = house.begin_deploy(DeployHouse::request(true));
    house.until_stage(job, DeployStage::connect);
    cancel(job);
    expect_untouched(*job, "cancelled", "connect");
    EXPECT_FALSE(was_run("install"));
}

TEST_F(DeployStages, CancelledBeforeTheConnectingHasBegun) {
    house.hosts.acts["connect"].hold = true;
    const auto job = house.begin_deploy(DeployHouse::request(true));
    house.run_until([&] {
        return job->machine.stage() == DeployStage::connect &&
               job->machine.phase == Deployment::Phase::working;
    });
    cancel(job);
    expect_untouched(*job, "cancelled", "connect");
}

TEST_F(DeployStages, CancelledWhileTheCommandRuns) {
    house.hosts.acts["install"] = {.hold = true, .may_still_run = true};
    const auto job = house.begin_deploy(DeployHouse::request(true));
    house.until_stage(job, DeployStage::run);
    cancel(job);
    expect_untouched(*job, "cancelled", "run");
    EXPECT_TRUE(job->result.at("may_still_run").as_bool());
    EXPECT_FALSE(house.disk->records.at("app").releases[1]->complete);
    EXPECT_THAT(text(job->result, "hint"), HasSubstr("half of a release"));
}

TEST_F(DeployStages, ACommandThatDoesNotEndIsNotWaitedForForEver) {
    house.hosts.acts["install"] = {.hold = true, .ignores_cancel = true};
    const auto job = house.begin_deploy(DeployHouse::request(true));
    house.until_stage(job, DeployStage::run);
    EXPECT_FALSE(house.controller->cancel_deploy("app", {7, "ben"}));
    house.run_until([&] { return job->machine.phase == Deployment::Phase::ending; });
    job->machine.deadline = Steady::now();  // Instead of waiting for the grace.
    job->wake.notify();
    house.finish(job);
    expect_untouched(*job, "cancelled", "run");
    EXPECT_TRUE(job->result.at("may_still_run").as_bool());
}

TEST_F(DeployStages, CancelledWhileItIsNotHealthy) {
    house.health.set("green:1", route::Health::unhealthy, "starting");
    const auto job = house.begin_deploy(DeployHouse::request(true));
    house.until_stage(job, DeployStage::healthy);
    cancel(job);
    expect_untouched(*job, "cancelled", "healthy");
}

TEST_F(DeployStages, CancelledInBeforeSwitch) {
    house.hosts.acts["before"].hold = true;
    const auto job = house.begin_deploy(DeployHouse::request(true));
    house.until_stage(job, DeployStage::before_switch);
    cancel(job);
    expect_untouched(*job, "cancelled", "before_switch");
}

TEST_F(DeployStages, ACancellationWhileTheSwitchIsWrittenIsTooLateIfItIsCommitted) {
    house.publisher.hold = true;
    const auto job = house.begin_deploy(DeployHouse::request(true));
    house.until_stage(job, DeployStage::switching);
    house.run_until([&] { return house.journal->has("publish"); });
    EXPECT_FALSE(house.controller->cancel_deploy("app", {7, "ben"}));
    house.publisher.release();
    house.finish(job);
    EXPECT_EQ(text(job->result, "outcome"), "switched");
    EXPECT_TRUE(job->result.at("cancelled_too_late").as_bool());
    EXPECT_TRUE(was_run("after"));
    bool told = false;
    for (const json::object& line : house.lines_of(job))
        told = told || text(line, "event") == "cancel_too_late";
    EXPECT_TRUE(told);
}

TEST_F(DeployStages, AfterTheCommitACancellationIsRefused) {
    const auto ledger = house.publisher.enter("app");
    const auto job = house.begin_deploy(DeployHouse::request(true));
    house.until_stage(job, DeployStage::drain);
    const auto refusal = house.controller->cancel_deploy("app", {7, "ben"});
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->code, "already_committed");
    EXPECT_THAT(refusal->hint, HasSubstr("switchyard rollback app"));
    house.publisher.leave(ledger, observe::Outcome::completed);
    house.finish(job);
    EXPECT_EQ(house.controller->cancel_deploy("app", {7, "ben"})->code, "no_deploy");
}

}  // namespace
}  // namespace switchyard::control::testing
