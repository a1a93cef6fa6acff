#include "admin/command_line.hpp"
#include "admin/exit_code.hpp"
#include "unit/admin/examples.hpp"
#include "unit/admin/fake_daemon.hpp"

#include <csignal>
#include <pthread.h>
#include <sstream>

#include <gmock/gmock.h>

/// Whole commands against a fake daemon: what is asked, what is said, and the exit code.
namespace switchyard::admin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct Outcome {
    int code = -1;
    std::string out;
    std::string err;
};

Outcome run_command(std::vector<std::string> arguments, const Screen& screen = Screen()) {
    std::ostringstream out;
    std::ostringstream err;
    Outcome outcome;
    outcome.code = run(std::move(arguments), out, err, screen);
    outcome.out = out.str();
    outcome.err = err.str();
    return outcome;
}

Outcome run_against(FakeDaemon& daemon, std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--socket", daemon.socket});
    return run_command(std::move(arguments));
}

/// A daemon that streams these lines, and then the stream's end or only the connection's.
FakeDaemon::Script streaming(std::vector<std::string> lines, bool ends_well = true) {
    return [lines, ends_well](Conversation& with) {
        with.begin_stream();
        for (const std::string& line : lines)
            with.chunk(line + "\n");
        if (ends_well) with.end_stream();
    };
}

FakeDaemon::Script answering(unsigned status, const std::string& json) {
    return [status, json](Conversation& with) { with.answer(status, json); };
}

std::string switch_line(std::size_t line) {
    return example_line("switch-stream", line);
}

std::string drained_with(const std::string& from, const std::string& to) {
    std::string line = switch_line(2);
    return line.replace(line.find(from), from.size(), to);
}

TEST(Usage, MistakesEndWithTwoAndSayWhereTheHelpIs) {
    EXPECT_EQ(run_command({}).code, kUsage);
    const std::vector<std::vector<std::string>> mistakes = {
        {"swich"},
        {"switch"},
        {"switch", "shop", "red"},
        {"switch", "shop", "--drain-timeout", "30"},
        {"switch", "shop", "--if-epoch", "seven"},
        {"switch", "shop", "--if-epoch", "-1"},
        {"switch", "shop", "--if-epoch", "0x7"},
        {"switch", "shop", "--if-epoch", "99999999999999999999"},
        {"status", "--frobnicate"},
        {"history", "--limit", "0"},
        {"completion", "fish"},
        {"ip", "move"},
        {"ip", "sync", "--wait", "30"},
        {"switch", "shop", "--ip-wait", "soon"},
    };
    for (const auto& arguments : mistakes) {
        const Outcome outcome = run_command(arguments);
        EXPECT_EQ(outcome.code, kUsage) << arguments[0];
        EXPECT_THAT(outcome.err, AllOf(StartsWith("switchyard: "), HasSubstr("--help")));
        EXPECT_EQ(outcome.out, "");
    }
    EXPECT_THAT(run_command({"swich"}).err, HasSubstr("no command \"swich\""));
}

TEST(Usage, HelpIsForNewcomers) {
    const Outcome all = run_command({"--help"});
    EXPECT_EQ(all.code, kDone);
    EXPECT_THAT(all.out, AllOf(HasSubstr("Examples:"), HasSubstr("rollback"),
                               HasSubstr("Exit codes:"), Not(HasSubstr("__services"))));
    const Outcome one = run_command({"switch", "--help"});
    EXPECT_EQ(one.code, kDone);
    EXPECT_THAT(one.out, AllOf(HasSubstr("--if-epoch"), HasSubstr("Examples:"),
                               HasSubstr("--drain-timeout")));
}

TEST(Status, PrintsTextOrTheDaemonsJson) {
    const std::string status = example("status");
    FakeDaemon daemon(answering(200, status));
    EXPECT_THAT(run_against(daemon, {"status"}).out, HasSubstr("live: blue (blue-production)"));
    EXPECT_EQ(run_against(daemon, {"status", "--json"}).out, status);
    EXPECT_EQ(run_against(daemon, {"--json", "status", "a b"}).code, kDone);
    EXPECT_THAT(daemon.requests().at(0), StartsWith("GET /v1/status "));
    EXPECT_THAT(daemon.requests().at(2), StartsWith("GET /v1/services/a%20b "));
}

TEST(Status, WatchRepeatsItself) {
    FakeDaemon daemon(answering(200, example("status")));
    const Outcome outcome = run_against(daemon, {"status", "--watch", "--rounds", "2"});
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_EQ(daemon.requests().size(), 2U);
    const auto first = outcome.out.find("2026-03-01 03:12:09 UTC\n");
    EXPECT_EQ(first, 0U);
    EXPECT_NE(outcome.out.find("\n2026-03-01 03:12:09 UTC\n"), std::string::npos);
    EXPECT_THAT(outcome.out, Not(HasSubstr("\x1b")));
}

TEST(Status, AMissingDaemonIsThree) {
    const SocketFolder folder;
    const Outcome outcome = run_command({"status", "--socket", folder.socket});
    EXPECT_EQ(outcome.code, kUnreachable);
    EXPECT_THAT(outcome.err,
                AllOf(HasSubstr(folder.socket), HasSubstr("\n  Is switchyardd running")));
    const Outcome json = run_command({"status", "--json", "--socket", folder.socket});
    EXPECT_EQ(json.code, kUnreachable);
    EXPECT_EQ(boost::json::parse(json.out).at("error").at("code"), "unreachable");
}

TEST(Switch, SendsWhatWasAskedAndNothingElse) {
    FakeDaemon daemon(streaming({switch_line(0), switch_line(1), switch_line(2)}));
    run_against(daemon, {"switch", "shop"});
    run_against(daemon, {"switch", "shop", "green", "--if-epoch", "7", "--force", "--drain-timeout",
                         "1m30s", "--no-wait"});
    run_against(daemon, {"rollback", "shop", "--drain-timeout", "0s"});
    EXPECT_THAT(daemon.requests().at(0), AllOf(StartsWith("POST /v1/services/shop/switch HTTP/1.1"),
                                               HasSubstr("\r\n\r\n{}")));
    EXPECT_THAT(daemon.requests().at(1),
                HasSubstr(R"({"to":"green","if_epoch":7,"drain_timeout_ms":90000,)"
                          R"("force":true,"wait":false})"));
    EXPECT_THAT(daemon.requests().at(2), AllOf(StartsWith("POST /v1/services/shop/rollback "),
                                               HasSubstr(R"({"drain_timeout_ms":0})")));
}

TEST(Switch, PrintsTheReceipt) {
    FakeDaemon daemon(streaming({switch_line(0), switch_line(1), switch_line(2)}));
    const Outcome outcome = run_against(daemon, {"switch", "scoreboard"});
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_THAT(outcome.out, AllOf(StartsWith("scoreboard: green (green-production) is live"),
                                   HasSubstr("12 completed, 0 cut"),
                                   HasSubstr("switchyard rollback scoreboard")));
    EXPECT_EQ(outcome.err, "");
}

TEST(Switch, JsonPrintsTheLinesUnchanged) {
    FakeDaemon daemon(streaming({switch_line(0), switch_line(1), switch_line(2)}));
    EXPECT_EQ(run_against(daemon, {"switch", "scoreboard", "--json"}).out,
              example("switch-stream"));
}

TEST(Switch, ProgressIsErasedOnATerminal) {
    FakeDaemon daemon(streaming({switch_line(0), switch_line(1), switch_line(2)}));
    Screen screen;
    screen.terminal = true;
    const Outcome outcome =
        run_command({"switch", "scoreboard", "--socket", daemon.socket}, screen);
    EXPECT_THAT(outcome.out,
                HasSubstr("\r  draining blue: 3 in flight, 1 tunnel, 1 s of 30 s\x1b[K\r\x1b[K"));
}

TEST(Switch, NotEverythingDrainedIsFour) {
    const char* changes[][2] = {{"\"cut\":0", "\"cut\":1"},
                                {"\"remaining\":0", "\"remaining\":2"},
                                {"\"cancelled\":false", "\"cancelled\":true"}};
    for (const auto& change : changes) {
        FakeDaemon daemon(streaming({switch_line(0), drained_with(change[0], change[1])}));
        const Outcome outcome = run_against(daemon, {"switch", "scoreboard"});
        EXPECT_EQ(outcome.code, kNotDrained) << change[1];
        EXPECT_THAT(outcome.out, HasSubstr("NOT DRAINED")) << change[1];
        EXPECT_EQ(run_against(daemon, {"switch", "scoreboard", "--json"}).code, kNotDrained);
    }
}

TEST(Switch, ARefusalIsOneAndGoesToStandardError) {
    FakeDaemon daemon(answering(409, example("error")));
    const Outcome outcome = run_against(daemon, {"switch", "scoreboard"});
    EXPECT_EQ(outcome.code, kRefused);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("no healthy target"), HasSubstr("--force")));
    const Outcome json = run_against(daemon, {"switch", "scoreboard", "--json"});
    EXPECT_EQ(json.code, kRefused);
    EXPECT_EQ(json.out, example("error"));
}

TEST(Switch, WhatIsLiveAlreadyIsDone) {
    FakeDaemon daemon(answering(
        409,
        R"({"error":{"code":"already_live","message":"green is live.","hint":"","details":{}}})"));
    const Outcome outcome = run_against(daemon, {"switch", "shop", "green"});
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_THAT(outcome.err, HasSubstr("green is live."));
}

TEST(Switch, ACommitThatAWorkerDidNotConfirmIsNoRefusal) {
    FakeDaemon daemon(answering(500, R"({"error":{"code":"not_acknowledged","message":"Stuck.",
                                         "hint":"","details":{"committed":true}}})"));
    EXPECT_EQ(run_against(daemon, {"switch", "shop"}).code, kNotDrained);
}

TEST(Switch, PlanIsOneWhenItWouldBeRefused) {
    FakeDaemon refusing(answering(200, example("plan")));
    const Outcome outcome = run_against(refusing, {"switch", "scoreboard", "--plan"});
    EXPECT_EQ(outcome.code, kRefused);
    EXPECT_THAT(outcome.out, HasSubstr("would be refused"));
    EXPECT_THAT(refusing.requests().at(0), HasSubstr(R"({"plan":true})"));

    std::string plan = example("plan");
    plan.replace(plan.find("\"allowed\": false"), 16, "\"allowed\": true");
    FakeDaemon allowing(answering(200, plan));
    EXPECT_EQ(run_against(allowing, {"switch", "scoreboard", "--plan"}).code, kDone);
}

TEST(Switch, NoWaitEndsAfterTheCommit) {
    FakeDaemon daemon(streaming({switch_line(0)}));
    const Outcome outcome = run_against(daemon, {"switch", "scoreboard", "--no-wait"});
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_THAT(outcome.out,
                HasSubstr("draining      12 in flight and 2 tunnels on blue, at most 30 s"));
}

TEST(Switch, ADaemonThatDiesAfterTheCommitIsFourAndSaysWhatIsLive) {
    for (const bool ends_well : {false, true}) {
        FakeDaemon daemon(streaming({switch_line(0), switch_line(1)}, ends_well));
        const Outcome outcome = run_against(daemon, {"switch", "scoreboard"});
        EXPECT_EQ(outcome.code, kNotDrained);
        EXPECT_THAT(outcome.err, AllOf(HasSubstr("green of scoreboard is live (epoch 8)"),
                                       HasSubstr("how the drain ends is unknown"),
                                       HasSubstr("switchyard status scoreboard")));
    }
}

TEST(Switch, ADaemonThatDiesBeforeTheCommitIsThreeAndTheOutcomeUnknown) {
    FakeDaemon daemon([](Conversation&) {});
    const Outcome outcome = run_against(daemon, {"switch", "scoreboard"});
    EXPECT_EQ(outcome.code, kUnreachable);
    EXPECT_THAT(outcome.err,
                AllOf(HasSubstr("outcome is unknown"), HasSubstr("switchyard status scoreboard")));
}

TEST(Switch, AMissingDaemonLeavesNoDoubt) {
    const SocketFolder folder;
    const Outcome outcome = run_command({"switch", "shop", "--socket", folder.socket});
    EXPECT_EQ(outcome.code, kUnreachable);
    EXPECT_THAT(outcome.err, Not(HasSubstr("unknown")));
}

TEST(Switch, CtrlCWhileItDrainsIsFourAndSaysThatTheSwitchStands) {
    const pthread_t here = ::pthread_self();
    FakeDaemon daemon([here](Conversation& with) {
        with.begin_stream();
        with.chunk(switch_line(0) + "\n");
        with.chunk(switch_line(1) + "\n");
        ::pthread_kill(here, SIGINT);
        with.wait_for_close();
    });
    const Outcome outcome = run_against(daemon, {"switch", "scoreboard"});
    EXPECT_EQ(outcome.code, kNotDrained);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("Interrupted. green of scoreboard is live (epoch 8)"),
                                   HasSubstr("switchyard rollback scoreboard")));
}

TEST(Switch, CtrlCBeforeTheCommitIsThreeAndTheOutcomeUnknown) {
    const pthread_t here = ::pthread_self();
    FakeDaemon daemon([here](Conversation& with) {
        ::pthread_kill(here, SIGTERM);
        with.wait_for_close();
    });
    const Outcome outcome = run_against(daemon, {"switch", "scoreboard"});
    EXPECT_EQ(outcome.code, kUnreachable);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("Interrupted."), HasSubstr("outcome is unknown")));
}

TEST(Switch, ALostConnectionAfterTheEndDoesNotMatter) {
    FakeDaemon daemon(streaming({switch_line(0), switch_line(2)}, false));
    EXPECT_EQ(run_against(daemon, {"switch", "scoreboard"}).code, kDone);
}

TEST(Daemon, ReloadSaysWhatChangedOrWhatIsWrong) {
    FakeDaemon daemon(answering(200, example("reload")));
    const Outcome outcome = run_against(daemon, {"reload"});
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_THAT(outcome.out, AllOf(HasSubstr("switchyard.yaml: in force."),
                                   HasSubstr("added to blue"), HasSubstr("\n  note: ")));
    EXPECT_THAT(daemon.requests().at(0), StartsWith("POST /v1/reload "));

    FakeDaemon refusing(answering(422, R"({"error":{"code":"invalid_config","message":"No.",
        "hint":"","details":{"problems":[{"file":"f","line":1,"column":2,"message":"m"}]}}})"));
    const Outcome refused = run_against(refusing, {"reload"});
    EXPECT_EQ(refused.code, kRefused);
    EXPECT_THAT(refused.err, HasSubstr("f:1:2: m"));
}

TEST(Daemon, VersionPrintsBoth) {
    FakeDaemon daemon(answering(200, R"({"version":"9.9.9","api":1})"));
    EXPECT_THAT(
        run_against(daemon, {"version"}).out,
        AllOf(HasSubstr("switchyard   " SWITCHYARD_VERSION), HasSubstr("switchyardd  9.9.9")));
}

TEST(History, AsksForWhatIsWanted) {
    FakeDaemon daemon(answering(200, example("history")));
    EXPECT_THAT(run_against(daemon, {"history"}).out, HasSubstr("drained"));
    run_against(daemon, {"history", "shop", "--limit", "5"});
    EXPECT_THAT(daemon.requests().at(0), StartsWith("GET /v1/history?limit=20 "));
    EXPECT_THAT(daemon.requests().at(1), StartsWith("GET /v1/history?limit=5&service=shop "));
}

TEST(Events, PrintsUntilTheDaemonEnds) {
    FakeDaemon daemon(
        streaming({example_line("events-stream", 1), example_line("events-stream", 10)}));
    const Outcome outcome = run_against(daemon, {"events"});
    EXPECT_EQ(outcome.code, kUnreachable);
    EXPECT_THAT(outcome.out, AllOf(HasSubstr("committed"), Not(HasSubstr("heartbeat"))));
    const Outcome json = run_against(daemon, {"events", "shop", "--json"});
    EXPECT_THAT(json.out, StartsWith(example_line("events-stream", 1) + "\n"));
    EXPECT_THAT(json.out, HasSubstr("heartbeat"));
    EXPECT_THAT(daemon.requests().at(1), StartsWith("GET /v1/events?service=shop "));
}

}  // namespace
}  // namespace switchyard::admin
