#include "deploy/local_run.hpp"

#include "support/deadline.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

#include <csignal>
#include <fcntl.h>
#include <mutex>
#include <thread>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::deploy {
namespace {

using Kind = Outcome::Kind;
using test::eventually;
using test::kPatience;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

struct Local {
    Outcome outcome;
    std::vector<std::string> lines;
};

Local run(const std::string& command,
          std::vector<std::pair<std::string, std::string>> variables = {},
          milliseconds timeout = kPatience, Cancellation* cancellation = nullptr,
          const OnLine& also = {}) {
    Local local;
    Cancellation own;
    Patience patience;
    patience.after_term = 200ms;
    patience.after_kill = kPatience;
    local.outcome = run_locally(
        {command, std::move(variables), timeout},
        [&](bool from_stderr, std::string line) {
            if (also) also(from_stderr, line);
            local.lines.push_back((from_stderr ? "2:" : "1:") + line);
        },
        cancellation == nullptr ? own : *cancellation, patience);
    return local;
}

TEST(LocalRun, PassesOutputAndStatusOn) {
    const Local good = run("echo out; echo err >&2; printf 'no end'");
    EXPECT_EQ(good.outcome.kind, Kind::done);
    EXPECT_EQ(good.outcome.message, "");
    EXPECT_THAT(good.lines, testing::UnorderedElementsAre("1:out", "2:err", "1:no end"));
    const Local bad = run("exit 3");
    EXPECT_EQ(bad.outcome.kind, Kind::exit_status);
    EXPECT_EQ(bad.outcome.exit_status, 3);
    EXPECT_EQ(bad.outcome.message, "local: the command ended with exit status 3");
    EXPECT_THAT(run("no-such-program").outcome.message, HasSubstr("127 (command not found)"));
}

TEST(LocalRun, TellsTheSignal) {
    const Local local = run("kill -TERM $$");
    EXPECT_EQ(local.outcome.kind, Kind::signal);
    EXPECT_EQ(local.outcome.message, "local: signal TERM ended the command");
    EXPECT_FALSE(local.outcome.may_still_run);
}

TEST(LocalRun, GetsItsVariablesAndNothingSecret) {
    ::setenv("SWITCHYARD_TEST_TOKEN", "secret", 1);
    const Local local = run("env", {{"A", "it's $(x)"}, {"HOME", "/elsewhere"}});
    ::unsetenv("SWITCHYARD_TEST_TOKEN");
    EXPECT_THAT(local.lines, testing::Contains("1:A=it's $(x)"));
    EXPECT_THAT(local.lines, testing::Contains("1:HOME=/elsewhere"));
    EXPECT_THAT(local.lines, testing::Contains(testing::StartsWith("1:PATH=")));
    EXPECT_THAT(local.lines, testing::Not(testing::Contains(HasSubstr("secret"))));
    const char* const none[] = {"CREDENTIALS_DIRECTORY=/run/c", "NOTIFY_SOCKET=/n", "LC_ALL=C",
                                "SSH_AUTH_SOCK=/s", nullptr};
    EXPECT_THAT(harmless_environment(none), ElementsAre("LC_ALL=C", testing::StartsWith("PATH=")));
    EXPECT_EQ(run("true", {{"A-B", "x"}}).outcome.exit_status, 126);
}

TEST(LocalRun, InheritsNoDescriptorAndNoMask) {
    const int open_one = ::open("/dev/null", O_RDONLY);  // Without O_CLOEXEC.
    ASSERT_GE(open_one, 0);
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before);
    // The last one is the folder itself, which ls reads.
    const Local local =
        run("ls /proc/self/fd | wc -l; grep -E 'SigBlk|SigIgn' /proc/self/status; "
            "readlink /proc/self/fd/0");
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::close(open_one);
    // 32 and 33 are the C library's own, which nobody can set.
    EXPECT_THAT(local.lines, ElementsAre("1:4", "1:SigBlk: 0000000000000000",
                                         testing::AnyOf("1:SigIgn: 0000000000000000",
                                                        "1:SigIgn: 0000000180000000"),
                                         "1:/dev/null"));
}

TEST(LocalRun, ATimeOutEndsTheWholeGroup) {
    const test::TempDir dir;
    const std::string mark = "mark-" + dir.path().filename().string();
    const Local local =
        run("trap '' TERM; (trap '' TERM; while :; do sleep 0.05; done); : " + mark, {}, 300ms);
    EXPECT_EQ(local.outcome.kind, Kind::timed_out);
    EXPECT_FALSE(local.outcome.may_still_run) << local.outcome.message;
    EXPECT_EQ(local.outcome.message, "local: the command took longer than 300ms and was ended");
    EXPECT_TRUE(eventually([&] {
        return test::run_program({"/usr/bin/pgrep", "-f", mark}).exit.code == 1;
    }));
}

TEST(LocalRun, CanBeCancelled) {
    Cancellation cancellation;
    const Local local = run("echo up; sleep 1000", {}, 1h, &cancellation,
                            [&](bool, const std::string&) { cancellation.request(); });
    EXPECT_EQ(local.outcome.kind, Kind::cancelled);
    EXPECT_FALSE(local.outcome.may_still_run);
    EXPECT_EQ(run("echo no", {}, 1h, &cancellation).outcome.kind, Kind::cancelled);
    EXPECT_THAT(run("echo no", {}, 1h, &cancellation).lines, ElementsAre());
}

TEST(LocalRun, DoesNotWaitForWhatHoldsTheOutputOpen) {
    const Local local = run("sleep 1000 & echo $!");
    EXPECT_EQ(local.outcome.kind, Kind::done);
    ASSERT_EQ(local.lines.size(), 2u);
    EXPECT_EQ(local.lines[1], std::string("2:") + kOutputLeft);
    ::kill(std::stoi(local.lines[0].substr(2)), SIGKILL);
}

TEST(LocalRun, DoesNotListenToTheBackgroundForEver) {
    Patience patience;
    patience.last_output = 300ms;
    std::string last;
    const Outcome outcome = run_locally(
        {"(while echo x; do :; done) & exit 3", {}, 1h},
        [&](bool, std::string line) { last = std::move(line); }, Cancellation(), patience);
    EXPECT_EQ(outcome.exit_status, 3);  // The rest ends when nobody reads.
    EXPECT_EQ(last, kOutputLeft);
}

TEST(LocalRun, GoesOnWhenTheOutputIsClosed) {
    const Local local = run("exec >/dev/null 2>&1; sleep 0.2; exit 5");
    EXPECT_EQ(local.outcome.exit_status, 5);
}

TEST(LocalRun, ReadsWhateverItPrints) {
    std::size_t lines = 0;
    const Outcome outcome = run_locally(
        {"head -c 4000000 /dev/zero | tr '\\0' '\\377'; exit 4", {}, kPatience},
        [&](bool, const std::string& line) {
            ++lines;
            EXPECT_LE(line.size(), 4096u);
        },
        Cancellation());
    EXPECT_EQ(outcome.exit_status, 4);
    // Each octet becomes three.
    EXPECT_EQ(lines, (4'000'000 + 1364) / 1365);
}

}  // namespace
}  // namespace switchyard::deploy
