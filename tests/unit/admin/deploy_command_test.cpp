#include "admin/command_line.hpp"
#include "admin/exit_code.hpp"
#include "unit/admin/examples.hpp"
#include "unit/admin/fake_daemon.hpp"

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <pthread.h>
#include <sstream>

#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>

/// The command deploy against a fake daemon: what is asked, what is said, and the exit code.
namespace switchyard::admin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

namespace json = boost::json;

struct Outcome {
    int code = -1;
    std::string out;
    std::string err;
};

Outcome run_against(FakeDaemon& daemon, std::vector<std::string> arguments,
                    const Screen& screen = Screen()) {
    arguments.insert(arguments.begin(), "deploy");
    arguments.insert(arguments.end(), {"--socket", daemon.socket});
    std::ostringstream out;
    std::ostringstream err;
    Outcome outcome;
    outcome.code = run(std::move(arguments), out, err, screen);
    outcome.out = out.str();
    outcome.err = err.str();
    return outcome;
}

FakeDaemon::Script streaming(std::string lines) {
    return [lines](Conversation& with) {
        with.begin_stream();
        with.chunk(lines);
        with.end_stream();
    };
}

std::string stream() {
    return example("deploy-stream");
}
constexpr std::size_t kResultLine = 11;

/// The result of the example, changed.
std::string result_with(std::vector<std::pair<std::string, json::value>> fields) {
    json::object result = json::parse(example_line("deploy-stream", kResultLine)).as_object();
    for (auto& [key, value] : fields)
        result[key] = std::move(value);
    return json::serialize(result) + "\n";
}
/// The example up to the end of the command, then another result.
std::string ended_by(const std::string& result) {
    std::string lines;
    for (std::size_t i = 0; i < 6; ++i)
        lines += example_line("deploy-stream", i) + "\n";
    return lines + result;
}

TEST(Deploy, AsksForWhatWasSaidAndShowsEachStage) {
    FakeDaemon daemon(streaming(stream()));
    const Outcome outcome =
        run_against(daemon, {"scoreboard", "--version", "v42", "--switch", "--env", "A=b=c",
                             "--env", "B=", "--drain-timeout", "5s"});
    EXPECT_EQ(outcome.code, kDone) << outcome.err;
    const std::string request = daemon.requests().at(0);
    EXPECT_THAT(request, StartsWith("POST /v1/services/scoreboard/deploy "));
    EXPECT_THAT(request, HasSubstr(R"({"version":"v42","switch":true,"drain_timeout_ms":5000,)"
                                   R"("env":{"A":"b=c","B":""}})"));
    EXPECT_THAT(
        outcome.out,
        AllOf(HasSubstr("deploying v42 to green (deploy@10.10.0.3)"),
              HasSubstr("  lock          4 ms\n"), HasSubstr("  run           4 s\n"),
              HasSubstr("deploy@10.10.0.3 | Already up to date.\n"),
              HasSubstr("connection refused"), HasSubstr("green (green-production) is live"),
              HasSubstr("release       v42; before: v41"), HasSubstr("12 completed, 0 cut")));
    EXPECT_THAT(outcome.out, HasSubstr("switchyard rollback scoreboard"));
    EXPECT_THAT(outcome.out, Not(HasSubstr("\x1b")));
}

TEST(Deploy, AsksForAHold) {
    FakeDaemon daemon(streaming(stream()));
    EXPECT_EQ(run_against(daemon, {"scoreboard", "--switch", "--hold", "--max", "5s"}).code, kDone);
    EXPECT_THAT(daemon.requests().at(0),
                HasSubstr(R"({"switch":true,"hold":true,"hold_max_ms":5000})"));
    EXPECT_EQ(run_against(daemon, {"scoreboard", "--hold"}).code, kUsage);
    EXPECT_EQ(run_against(daemon, {"scoreboard", "--switch", "--max", "5s"}).code, kUsage);
    EXPECT_EQ(daemon.requests().size(), 1U);
}

TEST(Deploy, OnATerminalTheRunningStageIsTheLastLine) {
    FakeDaemon daemon(streaming(stream()));
    Screen screen;
    screen.terminal = true;
    const Outcome outcome = run_against(daemon, {"scoreboard"}, screen);
    EXPECT_THAT(outcome.out, HasSubstr("\r  run           "));
    EXPECT_THAT(outcome.out, HasSubstr(", at most 10m"));
    EXPECT_THAT(outcome.out, HasSubstr("\x1b[K"));
}

TEST(Deploy, JsonIsTheStreamUnchanged) {
    FakeDaemon daemon(streaming(stream()));
    EXPECT_EQ(run_against(daemon, {"scoreboard", "--json"}).out, stream());
}

TEST(Deploy, DeployedSaysHowToMakeItLive) {
    FakeDaemon daemon(streaming(ended_by(result_with({{"outcome", "deployed"},
                                                      {"committed", false},
                                                      {"drained", nullptr},
                                                      {"version", nullptr}}))));
    const Outcome outcome = run_against(daemon, {"scoreboard"});
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_THAT(outcome.out,
                AllOf(HasSubstr("unversioned is on green and healthy"),
                      HasSubstr("blue is still live"), HasSubstr("switchyard switch scoreboard")));
}

TEST(Deploy, AFailureShowsStageOutputAndHowToGoOn) {
    const json::value tail =
        json::parse(R"([{"host":"deploy@10.10.0.3","stderr":true,"line":"no \u001b[31mspace"}])");
    FakeDaemon daemon(
        streaming(ended_by(result_with({{"outcome", "failed"},
                                        {"stage", "run"},
                                        {"message", "deploy@10.10.0.3: exit status 3"},
                                        {"hint", "Deploying again is safe."},
                                        {"committed", false},
                                        {"drained", nullptr},
                                        {"may_still_run", true},
                                        {"output_tail", tail}}))));
    const Outcome outcome = run_against(daemon, {"scoreboard"});
    EXPECT_EQ(outcome.code, kRefused);
    EXPECT_THAT(outcome.err,
                AllOf(HasSubstr("failed in the stage run"), HasSubstr("exit status 3"),
                      HasSubstr("deploy@10.10.0.3 | no ?[31mspace"),
                      HasSubstr("The live slot, blue, was not touched."),
                      HasSubstr("may still run"), HasSubstr("Deploying again is safe.")));
}

TEST(Deploy, ExitCodesTellWhatBecameOfIt) {
    const auto code_of = [](const std::string& lines) {
        FakeDaemon daemon(streaming(lines));
        return run_against(daemon, {"scoreboard"}).code;
    };
    EXPECT_EQ(code_of(ended_by(result_with({{"drained", false}}))), kNotDrained);
    for (const char* outcome : {"cancelled", "interrupted", "failed"}) {
        EXPECT_EQ(code_of(ended_by(result_with(
                      {{"outcome", outcome}, {"committed", false}, {"drained", nullptr}}))),
                  kRefused);
    }
    EXPECT_EQ(code_of(ended_by("")), kUnreachable);
    EXPECT_EQ(code_of(example_line("deploy-stream", 9) + "\n"), kNotDrained);
    FakeDaemon busy([](Conversation& with) {
        with.answer(409, R"({"error":{"code":"busy","message":"A deploy by anna.","hint":"",)"
                         R"("details":{"for_ms":2000,"stage":"run","stage_for_ms":1000}}})");
    });
    const Outcome refused = run_against(busy, {"scoreboard"});
    EXPECT_EQ(refused.code, kRefused);
    EXPECT_THAT(refused.err,
                AllOf(HasSubstr("A deploy by anna."), HasSubstr("in the stage run for")));
}

TEST(Deploy, ALostConnectionSaysThatTheDeployGoesOn) {
    FakeDaemon daemon([](Conversation& with) {
        with.begin_stream();
        with.chunk(example_line("deploy-stream", 0) + "\n");
    });
    const Outcome outcome = run_against(daemon, {"scoreboard"});
    EXPECT_EQ(outcome.code, kUnreachable);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("goes on without this command"),
                                   HasSubstr("switchyard deploy scoreboard --attach")));
}

TEST(Deploy, AttachFollowsAndCancelEnds) {
    FakeDaemon daemon(streaming(stream()));
    EXPECT_EQ(run_against(daemon, {"scoreboard", "--attach"}).code, kDone);
    EXPECT_THAT(daemon.requests().at(0), StartsWith("GET /v1/services/scoreboard/deploy "));

    json::object answer{{"service", "scoreboard"}, {"cancelling", true}, {"ended", true}};
    answer["result"] = json::parse(result_with(
        {{"outcome", "cancelled"}, {"committed", false}, {"message", "Cancelled by anna."}}));
    FakeDaemon ended([&](Conversation& with) { with.answer(200, json::serialize(answer)); });
    const Outcome outcome = run_against(ended, {"scoreboard", "--cancel"});
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_THAT(outcome.out, HasSubstr("was cancelled"));
    EXPECT_THAT(ended.requests().at(0), StartsWith("POST /v1/services/scoreboard/deploy/cancel "));

    FakeDaemon going([](Conversation& with) { with.answer(200, example("deploy-cancel")); });
    EXPECT_EQ(run_against(going, {"scoreboard", "--cancel"}).code, kUnreachable);
}

TEST(Deploy, MistakesAreUsageErrors) {
    FakeDaemon daemon(streaming(""));
    for (const std::vector<std::string>& arguments :
         std::vector<std::vector<std::string>>{{},
                                               {"a", "--env", "novalue"},
                                               {"a", "--env", "=x"},
                                               {"a", "--drain-timeout", "30"},
                                               {"a", "--attach", "--cancel"},
                                               {"a", "--attach", "--version", "v"},
                                               {"a", "--cancel", "--switch"}}) {
        EXPECT_EQ(run_against(daemon, arguments).code, kUsage);
    }
    EXPECT_TRUE(daemon.requests().empty());
}

/// A daemon in the middle of a deploy. The command's thread is sent a signal when it waits.
class InterruptedDeploy : public ::testing::Test {
  protected:
    FakeDaemon::Script script(int signals, std::string cancel_answer, unsigned status) {
        return [=, this](Conversation& with) {
            if (with.request.find("/cancel ") != std::string::npos) {
                with.answer(status, cancel_answer);
                {
                    const std::lock_guard lock(mutex);
                    ++cancels;
                }
                changed.notify_all();
                return;
            }
            with.begin_stream();
            with.chunk(example_line("deploy-stream", 0) + "\n");
            ::pthread_kill(here, SIGINT);
            std::unique_lock lock(mutex);
            changed.wait(lock, [&] { return cancels > 0; });
            if (signals > 1) {
                ::pthread_kill(here, SIGINT);
                lock.unlock();
                with.wait_for_close();
                return;
            }
            with.chunk(result_with({{"outcome", "cancelled"}, {"committed", false}}));
            with.end_stream();
        };
    }

    const pthread_t here = ::pthread_self();
    std::mutex mutex;
    std::condition_variable changed;
    int cancels = 0;
};

TEST_F(InterruptedDeploy, CtrlCCancelsAndFollowsToTheEnd) {
    FakeDaemon daemon(script(1, example("deploy-cancel"), 200),
                      FakeDaemon::Connections::side_by_side);
    const Outcome outcome = run_against(daemon, {"scoreboard"});
    EXPECT_EQ(outcome.code, kRefused);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("Ctrl-C once more"), HasSubstr("was cancelled")));
    EXPECT_THAT(daemon.requests().at(1), HasSubstr(R"({"wait":false})"));
}

TEST_F(InterruptedDeploy, ASecondCtrlCDetaches) {
    FakeDaemon daemon(script(2, example("deploy-cancel"), 200),
                      FakeDaemon::Connections::side_by_side);
    const Outcome outcome = run_against(daemon, {"scoreboard"});
    EXPECT_EQ(outcome.code, kUnreachable);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("Detached."), HasSubstr("--attach")));
}

}  // namespace
}  // namespace switchyard::admin
