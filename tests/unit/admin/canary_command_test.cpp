// canary against a fake daemon: what is asked, what is said, and the exit code.
#include "admin/command_line.hpp"
#include "admin/exit_code.hpp"
#include "admin/print/canary.hpp"
#include "admin/print/status.hpp"
#include "unit/admin/examples.hpp"
#include "unit/admin/fake_daemon.hpp"

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>

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

Outcome run_against(FakeDaemon& daemon, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"canary", "scoreboard"});
    arguments.insert(arguments.end(), {"--socket", daemon.socket});
    std::ostringstream out;
    std::ostringstream err;
    Outcome outcome;
    outcome.code = run(std::move(arguments), out, err, Screen());
    outcome.out = out.str();
    outcome.err = err.str();
    return outcome;
}

std::string changed(const std::map<std::string, json::value>& changes) {
    json::value value = example_json("canary_changed");
    for (const auto& [key, with] : changes)
        value.as_object()[key] = with;
    return json::serialize(value);
}

FakeDaemon::Script answering(unsigned status, const std::string& body) {
    return [status, body](Conversation& with) { with.answer(status, body); };
}

FakeDaemon::Script streaming(std::vector<std::string> lines) {
    return [lines](Conversation& with) {
        with.begin_stream();
        for (const std::string& line : lines)
            with.chunk(line + "\n");
        with.end_stream();
    };
}

std::string refusal(const std::string& code) {
    return R"({"error":{"code":")" + code + R"(","message":"No.","hint":"","details":{}}})";
}

std::string drained(int cut) {
    return R"({"event":"drained","slot":"green","completed":3,"cut":)" + std::to_string(cut) +
           R"(,"remaining":0,"elapsed_ms":1200,"cancelled":false,"tunnels":{"policy":"close",)"
           R"("ended":0,"closed":0,"cut":0,"remaining":0}})";
}

TEST(CanaryCommand, WithoutAShareItShowsBothSidesAndTheVerdict) {
    FakeDaemon daemon(answering(200, json::serialize(example_json("canary"))));
    const Outcome outcome = run_against(daemon, {});
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_THAT(daemon.requests().at(0), HasSubstr("GET /v1/services/scoreboard/canary "));
    EXPECT_EQ(outcome.out,
              "scoreboard\n"
              "  CANARY 5% of the clients on green for 12m 9s, by anna, told by cookie\n"
              "          SLOT   RELEASE  ANSWERS  ERRORS            MEDIAN    95%\n"
              "  live    blue   v41        38410      31  0.0807%  11.5 ms  47 ms\n"
              "  canary  green  v42         2012      58    2.88%  11.9 ms  49 ms\n"
              "  verdict: MORE ERRORS on the canary than chance explains (p = 3e-08)\n"
              "  The counts are since the share last changed, 12m 9s ago.\n");
}

TEST(CanaryCommand, WithoutACanaryItSaysHowToBeginOne) {
    json::value answer = example_json("canary");
    answer.as_object()["canary"] = nullptr;
    FakeDaemon daemon(answering(200, json::serialize(answer)));
    EXPECT_THAT(run_against(daemon, {}).out,
                AllOf(HasSubstr("no canary runs, all clients go to blue"),
                      HasSubstr("switchyard canary scoreboard 5%")));
    answer.as_object()["settings"] = nullptr;
    FakeDaemon without(answering(200, json::serialize(answer)));
    EXPECT_THAT(run_against(without, {}).out, HasSubstr("no section canary"));
}

TEST(CanaryCommand, ASharesStepsAreAsked) {
    for (const auto& [text, percent] : std::map<std::string, std::string>{{"5%", "5E0"},
                                                                          {"5", "5E0"},
                                                                          {"0.25%", "2.5E-1"},
                                                                          {"100", "1E2"},
                                                                          {"12.5", "1.25E1"}}) {
        FakeDaemon daemon(answering(200, changed({})));
        EXPECT_EQ(run_against(daemon, {text}).code, kDone);
        EXPECT_THAT(daemon.requests().at(0),
                    AllOf(HasSubstr("POST /v1/services/scoreboard/canary "),
                          HasSubstr("\"percent\":" + percent)))
            << text;
    }
    for (const char* text : {"0", "0%", "101", "-1", "5.123%", "%", "5%%", "five", "1e1", ".5"}) {
        FakeDaemon daemon(answering(200, changed({})));
        EXPECT_EQ(run_against(daemon, {text}).code, kUsage) << text;
        EXPECT_TRUE(daemon.requests().empty()) << text;
    }
}

TEST(CanaryCommand, SaysWhatIsNow) {
    FakeDaemon daemon(answering(200, changed({})));
    EXPECT_EQ(run_against(daemon, {"5%", "--if-epoch", "7"}).out,
              "scoreboard: 5% of the clients go to green\n"
              "  release       v42\n"
              "  epoch         8\n"
              "  watch         switchyard canary scoreboard\n"
              "  further       a greater share, or for all: switchyard canary scoreboard promote\n"
              "  way back      switchyard canary scoreboard off\n");
    EXPECT_THAT(daemon.requests().at(0), HasSubstr(R"("if_epoch":7)"));
    FakeDaemon lame(answering(
        200,
        changed(
            {{"action", "share"}, {"former_percent", 1.0}, {"forced", true}, {"healthy", false}})));
    EXPECT_THAT(run_against(lame, {"5%", "--force"}).out,
                AllOf(HasSubstr("(before: 1%)"), HasSubstr("forced"), HasSubstr("NOT HEALTHY")));
}

TEST(CanaryCommand, OffTellsHowTheDrainEnded) {
    const std::string off = changed({{"event", "canary"},
                                     {"action", "off"},
                                     {"percent", 0.0},
                                     {"former_percent", 5.0},
                                     {"in_flight", 3}});
    FakeDaemon daemon(streaming({off, drained(0)}));
    const Outcome outcome = run_against(daemon, {"off"});
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_THAT(daemon.requests().at(0), HasSubstr("\"percent\":0E0"));
    EXPECT_EQ(outcome.out,
              "scoreboard: the canary is off, all clients go to blue (before: 5% to green)\n"
              "  release       v42\n"
              "  epoch         8\n"
              "  in flight     3 on green\n"
              "  drained       3 completed, 0 cut, in 1.2 s\n");
    FakeDaemon cut(streaming({off, drained(2)}));
    EXPECT_EQ(run_against(cut, {"off"}).code, kNotDrained);
    FakeDaemon lost(streaming({off}));
    const Outcome unknown = run_against(lost, {"off"});
    EXPECT_EQ(unknown.code, kNotDrained);
    EXPECT_THAT(unknown.err, HasSubstr("is off and stays so"));
    FakeDaemon detached(streaming({off}));
    EXPECT_EQ(run_against(detached, {"off", "--no-wait"}).code, kDone);
}

TEST(CanaryCommand, OffInAFailoverSaysWhyTheSlotIsNotDrained) {
    const std::string off = changed({{"event", "canary"}, {"action", "off"}, {"percent", 0.0}});
    const std::string serves =
        R"({"event":"drained","slot":"green","completed":0,"cut":0,"remaining":2,"elapsed_ms":1,)"
        R"("cancelled":true,"tunnels":{"policy":"close","ended":0,"closed":0,"cut":0,)"
        R"("remaining":1}})";
    FakeDaemon daemon(streaming({off, serves}));
    const Outcome outcome = run_against(daemon, {"off"});
    EXPECT_EQ(outcome.code, kNotDrained);
    EXPECT_THAT(outcome.out, HasSubstr("  NOT DRAINED   green serves all requests (failover, or a "
                                       "later change); 3 went on there\n"));
}

TEST(CanaryCommand, WhatIsSoAlreadyIsDone) {
    for (const auto& [code, exit] : std::map<std::string, int>{{"canary_unchanged", kDone},
                                                               {"no_canary", kDone},
                                                               {"unhealthy_target", kRefused},
                                                               {"busy", kRefused}}) {
        FakeDaemon daemon(answering(409, refusal(code)));
        EXPECT_EQ(run_against(daemon, {"5%"}).code, exit) << code;
    }
    // But nobody can make a canary live that does not run.
    FakeDaemon daemon(answering(409, refusal("no_canary")));
    EXPECT_EQ(run_against(daemon, {"promote"}).code, kRefused);
    EXPECT_THAT(daemon.requests().at(0), HasSubstr("POST /v1/services/scoreboard/canary/promote "));
}

TEST(CanaryCommand, OptionsThatWouldDoNothingAreErrors) {
    FakeDaemon daemon(answering(200, changed({})));
    for (const auto& arguments :
         std::vector<std::vector<std::string>>{{"5%", "--ip-wait", "5s"},
                                               {"5%", "--no-wait"},
                                               {"off", "--force"},
                                               {"--plan"},
                                               {"5%", "--drain-timeout", "5s"},
                                               {"--if-epoch", "7"}}) {
        EXPECT_EQ(run_against(daemon, arguments).code, kUsage) << arguments.front();
    }
    EXPECT_TRUE(daemon.requests().empty());
}

TEST(CanaryCommand, TheStatusShowsIt) {
    json::value service = example_json("status").at("services").at(0);
    EXPECT_THAT(print_service(service, Screen()), Not(HasSubstr("CANARY")));
    service.as_object()["canary"] = example_json("canary").at("canary");
    EXPECT_THAT(print_service(service, Screen()),
                AllOf(HasSubstr("CANARY 5% of the clients on green"), HasSubstr("MORE ERRORS")));
    EXPECT_TRUE(canary_needs_look(service));
    EXPECT_EQ(canary_share(service), "5%");
    service.at("canary").as_object()["healthy"] = false;
    EXPECT_THAT(print_service(service, Screen()), HasSubstr("NOT HEALTHY"));
}

}  // namespace
}  // namespace switchyard::admin
