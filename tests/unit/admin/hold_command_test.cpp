#include "admin/command_line.hpp"
#include "admin/exit_code.hpp"
#include "admin/print/hold.hpp"
#include "admin/print/status.hpp"
#include "unit/admin/examples.hpp"
#include "unit/admin/fake_daemon.hpp"

#include <condition_variable>
#include <csignal>
#include <map>
#include <mutex>
#include <pthread.h>
#include <sstream>

#include <gmock/gmock.h>

/// hold, release and maintenance against a fake daemon: what is asked, what is said, and the exit
/// code.
namespace switchyard::admin {
namespace {

namespace json = boost::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct Outcome {
    int code = -1;
    std::string out;
    std::string err;
};

Outcome run_against(FakeDaemon& daemon, std::vector<std::string> arguments,
                    const Screen& screen = Screen()) {
    arguments.insert(arguments.end(), {"--socket", daemon.socket});
    std::ostringstream out;
    std::ostringstream err;
    Outcome outcome;
    outcome.code = run(std::move(arguments), out, err, screen);
    outcome.out = out.str();
    outcome.err = err.str();
    return outcome;
}

std::string hold_line_of(std::size_t line) {
    return example_line("hold-stream", line);
}

std::string with(std::string line, const std::map<std::string, json::value>& changes) {
    json::value value = json::parse(line);
    for (const auto& [key, changed] : changes)
        value.as_object()[key] = changed;
    return json::serialize(value);
}

FakeDaemon::Script streaming(std::vector<std::string> lines, bool ends_well = true) {
    return [lines, ends_well](Conversation& with) {
        with.begin_stream();
        for (const std::string& line : lines)
            with.chunk(line + "\n");
        if (ends_well) with.end_stream();
    };
}

FakeDaemon::Script answering(unsigned status, const std::string& body) {
    return [status, body](Conversation& with) { with.answer(status, body); };
}

std::string refusal(const std::string& code) {
    return R"({"error":{"code":")" + code + R"(","message":"No.","hint":"","details":{}}})";
}

TEST(Hold, SaysWhoWaitsAndHowItEnded) {
    FakeDaemon daemon(streaming({hold_line_of(0), hold_line_of(1), hold_line_of(2)}));
    const Outcome outcome = run_against(daemon, {"hold", "scoreboard", "--max", "1m"});
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_THAT(daemon.requests().at(0), AllOf(HasSubstr("POST /v1/services/scoreboard/hold "),
                                               HasSubstr(R"({"max_ms":60000})")));
    EXPECT_EQ(outcome.out,
              "scoreboard: HELD, new requests wait\n"
              "  in flight     3 from before the hold; wait for them before you migrate\n"
              "  ends          by itself in 30 s (2026-03-01 03:12:30 UTC), to blue\n"
              "  release       switchyard release scoreboard\n"
              "  holding: 312 requests wait, oldest 12 s, 1.2 MiB; ends in 18 s\n"
              "scoreboard: released by deploy after 12 s\n"
              "  went on       312 requests, to green, longest wait 12 s\n"
              "  left          3 clients did not wait\n");
}

TEST(Hold, OnATerminalProgressIsOneLine) {
    FakeDaemon daemon(streaming({hold_line_of(0), hold_line_of(1), hold_line_of(2)}));
    Screen terminal;
    terminal.terminal = true;
    const Outcome outcome = run_against(daemon, {"hold", "scoreboard"}, terminal);
    EXPECT_THAT(outcome.out, AllOf(HasSubstr("\r  holding: 312"), HasSubstr("\r\x1b[K")));
}

TEST(Hold, DetachReturnsAtOnce) {
    FakeDaemon daemon(streaming({with(hold_line_of(0), {{"in_flight", 0}})}));
    const Outcome outcome =
        run_against(daemon, {"hold", "scoreboard", "--detach", "--idle-wait", "5s"});
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_THAT(daemon.requests().at(0), HasSubstr(R"({"idle_wait_ms":5000,"wait":false})"));
    EXPECT_THAT(outcome.out, HasSubstr("in flight     nothing"));
}

TEST(Hold, WhatIsStillInFlightAfterTheWaitIsFour) {
    FakeDaemon daemon(streaming({hold_line_of(0)}));
    EXPECT_EQ(run_against(daemon, {"hold", "scoreboard", "--detach", "--idle-wait", "5s"}).code,
              kNotDrained);
    FakeDaemon other(streaming({hold_line_of(0)}));
    EXPECT_EQ(run_against(other, {"hold", "scoreboard", "--detach"}).code, kDone);
}

TEST(Hold, AnEndThatNobodyWantedIsFour) {
    for (const std::map<std::string, json::value>& changes :
         {std::map<std::string, json::value>{{"reason", "expired"}},
          {{"reason", "maintenance"}, {"cut", 312}},
          {{"timed_out", 3}},
          {{"full", 1}}}) {
        FakeDaemon daemon(streaming({hold_line_of(0), with(hold_line_of(2), changes)}));
        EXPECT_EQ(run_against(daemon, {"hold", "scoreboard"}).code, kNotDrained);
    }
}

TEST(Hold, JsonIsTheStreamUnchanged) {
    FakeDaemon daemon(streaming({hold_line_of(0), hold_line_of(1), hold_line_of(2)}));
    EXPECT_EQ(run_against(daemon, {"hold", "scoreboard", "--json"}).out, example("hold-stream"));
}

TEST(Hold, ALostConnectionSaysUntilWhenItIsHeld) {
    FakeDaemon daemon(streaming({hold_line_of(0)}, false));
    const Outcome outcome = run_against(daemon, {"hold", "scoreboard"});
    EXPECT_EQ(outcome.code, kNotDrained);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("still held, until 2026-03-01 03:12:30 UTC"),
                                   HasSubstr("switchyard release scoreboard")));
    FakeDaemon none(streaming({}, false));
    EXPECT_EQ(run_against(none, {"hold", "scoreboard"}).code, kUnreachable);
    FakeDaemon refusing(answering(409, refusal("in_maintenance")));
    EXPECT_EQ(run_against(refusing, {"hold", "scoreboard"}).code, kRefused);
}

/// A daemon that holds until somebody releases, and gets Ctrl-C meanwhile.
class InterruptedHold : public ::testing::Test {
  protected:
    FakeDaemon::Script script(int signals) {
        return [this, signals](Conversation& with) {
            if (with.request.find("/release ") != std::string::npos) {
                with.answer(200, example("release"));
                const std::lock_guard lock(mutex);
                released = true;
                changed.notify_all();
                return;
            }
            with.begin_stream();
            with.chunk(hold_line_of(0) + "\n");
            ::pthread_kill(here, SIGINT);
            std::unique_lock lock(mutex);
            changed.wait(lock, [&] { return released; });
            if (signals > 1) {
                ::pthread_kill(here, SIGINT);
                lock.unlock();
                with.wait_for_close();
                return;
            }
            with.chunk(hold_line_of(2) + "\n");
            with.end_stream();
        };
    }

    const pthread_t here = ::pthread_self();
    std::mutex mutex;
    std::condition_variable changed;
    bool released = false;
};

TEST_F(InterruptedHold, CtrlCReleasesAndTellsHowItEnded) {
    FakeDaemon daemon(script(1), FakeDaemon::Connections::side_by_side);
    const Outcome outcome = run_against(daemon, {"hold", "scoreboard"});
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_THAT(outcome.out, HasSubstr("released by deploy"));
}

TEST_F(InterruptedHold, ASecondCtrlCLeavesTheRestToTheDaemon) {
    FakeDaemon daemon(script(2), FakeDaemon::Connections::side_by_side);
    const Outcome outcome = run_against(daemon, {"hold", "scoreboard"});
    EXPECT_EQ(outcome.code, kNotDrained);
    EXPECT_THAT(outcome.err, HasSubstr("Interrupted."));
}

TEST(Release, SaysHowManyWentOn) {
    FakeDaemon daemon(answering(200, example("release")));
    const Outcome outcome = run_against(daemon, {"release", "scoreboard"});
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_THAT(outcome.out, AllOf(HasSubstr("went on       312 requests, to green"),
                                   HasSubstr("longest wait 12 s")));
    FakeDaemon late(answering(409, refusal("not_held")));
    EXPECT_EQ(run_against(late, {"release", "scoreboard"}).code, kRefused);
    FakeDaemon lossy(answering(200, with(example("release"), {{"timed_out", 2}, {"full", 1}})));
    const Outcome some = run_against(lossy, {"release", "scoreboard"});
    EXPECT_EQ(some.code, kNotDrained);
    EXPECT_THAT(some.out, HasSubstr("TURNED AWAY   1 found no room, 2 waited too long (503)"));
}

TEST(MaintenanceCommand, TurnsOnAndOff) {
    FakeDaemon daemon(answering(200, example("maintenance")));
    const Outcome on = run_against(daemon, {"maintenance", "scoreboard", "on", "--message",
                                            "Back at 14:00.", "--retry-after", "90s"});
    EXPECT_EQ(on.code, kDone);
    EXPECT_THAT(daemon.requests().at(0),
                HasSubstr(R"({"on":true,"message":"Back at 14:00.","retry_after_s":90})"));
    EXPECT_THAT(on.out,
                AllOf(HasSubstr("scoreboard: MAINTENANCE"), HasSubstr("3 requests in flight"),
                      HasSubstr("switchyard maintenance scoreboard off")));
    FakeDaemon other(answering(200, with(example("maintenance"), {{"on", false}})));
    const Outcome off = run_against(other, {"maintenance", "scoreboard", "off"});
    EXPECT_EQ(off.code, kDone);
    EXPECT_EQ(off.out, "scoreboard: maintenance is off, blue serves\n");
    FakeDaemon already(answering(409, refusal("not_in_maintenance")));
    EXPECT_EQ(run_against(already, {"maintenance", "scoreboard", "off"}).code, kDone);
}

TEST(MaintenanceCommand, MistakesAreUsageErrors) {
    FakeDaemon daemon(answering(200, "{}"));
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"maintenance", "shop"},
          {"maintenance", "shop", "maybe"},
          {"maintenance", "shop", "off", "--message", "x"},
          {"hold", "shop", "--max", "soon"},
          {"switch", "shop", "--max", "3s"}}) {
        EXPECT_EQ(run_against(daemon, arguments).code, kUsage) << arguments.back();
    }
    EXPECT_TRUE(daemon.requests().empty());
}

TEST(SwitchWithHold, ItsReceiptTellsOfIt) {
    FakeDaemon daemon(streaming({example_line("switch-stream", 0),
                                 with(hold_line_of(2), {{"reason", "switched"}}),
                                 example_line("switch-stream", 2)}));
    const Outcome outcome =
        run_against(daemon, {"switch", "scoreboard", "--hold", "--max", "5s", "--ip-wait", "1s"});
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_THAT(daemon.requests().at(0), HasSubstr(R"("hold":true,"hold_max_ms":5000)"));
    EXPECT_THAT(outcome.out, HasSubstr("held          315 requests for 12 s, 312 went on to green, "
                                       "longest wait 12 s"));
}

TEST(SwitchDuringAHold, SaysThatSomebodyHasToRelease) {
    FakeDaemon daemon(streaming(
        {with(example_line("switch-stream", 0), {{"held", 7}}), example_line("switch-stream", 2)}));
    EXPECT_THAT(run_against(daemon, {"switch", "scoreboard"}).out,
                HasSubstr("HELD          7 requests waiting for: switchyard release scoreboard"));
}

TEST(PrintStatus, AHoldAndMaintenanceAreLoud) {
    json::value status = example_json("status");
    json::object& service = status.at("services").at(0).as_object();
    service["hold"] = json::parse(R"({"since":"2026-03-01T03:12:00.000Z",
        "deadline":"2026-03-01T03:12:30.000Z","held":312,"bytes":1278976,"oldest_ms":8000,
        "timed_out":0,"full":4,"cut":0,"uid":1000,"user":"deploy"})");
    service["maintenance"] = json::parse(R"({"since":"2026-03-01T03:02:09.000Z",
        "message":"Back at \u001b14:00.","retry_after_s":null,"uid":0,"user":"root"})");
    const std::string text = print_status(status, Screen());
    EXPECT_THAT(text,
                AllOf(HasSubstr("  HELD for 9.1 s by deploy: 312 requests wait, oldest 8 s, "),
                      HasSubstr("  MAINTENANCE for 10m"), HasSubstr("by root: Back at ?14"),
                      Not(HasSubstr("\x1b"))));
    // With many services each is a line, and this one comes first.
    json::array& services = status.at("services").as_array();
    while (services.size() < 30) {
        json::value calm = example_json("status").at("services").at(0);
        calm.as_object()["drains"] = json::array();
        calm.at("slots").at("green").as_object()["healthy"] = true;
        calm.as_object()["name"] = "calm" + std::to_string(services.size());
        services.insert(services.begin(), calm);
    }
    const std::string many = print_status(status, Screen());
    EXPECT_THAT(many, HasSubstr(", HELD, MAINTENANCE"));
}

}  // namespace
}  // namespace switchyard::admin
