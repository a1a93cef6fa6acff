// Commands that are ended, and connections that are.
#include "ssh_support.hpp"

#include <csignal>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::deploy::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class SshCancel : public SshTest {
  protected:
    /// Whether a process runs whose arguments hold the text.
    static bool runs(const std::string& text) {
        for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
            const std::string arguments =
                switchyard::test::read_file(entry.path().string() + "/cmdline");
            if (arguments.find(text) != std::string::npos) return true;
        }
        return false;
    }

    /// A word that stands in the arguments of a command of this test only.
    [[nodiscard]] std::string mark() const { return "mark-" + dir.path().filename().string(); }

    /// Prints a line and then runs for very long, in two processes.
    [[nodiscard]] std::string endless() const {
        return "echo up; sh -c 'sleep 1000; echo " + mark() + "'; echo never";
    }

    void cancel_when_up() {
        on_line = [this](const std::string& line) {
            if (line == "1:up") cancellation->request();
        };
    }
};

TEST_F(SshCancel, EndsTheWholeGroup) {
    cancel_when_up();
    const Outcome outcome = run(endless(), 1h);
    EXPECT_EQ(outcome.kind, Kind::cancelled);
    EXPECT_FALSE(outcome.may_still_run) << outcome.message;
    EXPECT_EQ(outcome.message, "it: cancelled, the command was ended");
    EXPECT_THAT(lines, ElementsAre("1:up"));
    EXPECT_FALSE(runs(mark()));
}

TEST_F(SshCancel, EndsWhatHeedsNoTerm) {
    cancel_when_up();
    const Outcome outcome =
        run("trap '' TERM; echo up; while :; do sleep 0.05; : " + mark() + "; done", 1h);
    EXPECT_EQ(outcome.kind, Kind::cancelled);
    EXPECT_FALSE(outcome.may_still_run) << outcome.message;
    EXPECT_FALSE(runs(mark()));
}

TEST_F(SshCancel, TheLastWordsAreHeard) {
    cancel_when_up();
    const Outcome outcome =
        run("trap 'echo bye; exit 1' TERM; echo up; while :; do sleep 0.05; "
            "done",
            1h);
    EXPECT_EQ(outcome.kind, Kind::cancelled);
    EXPECT_FALSE(outcome.may_still_run);
    EXPECT_THAT(lines, testing::Contains("1:bye"));
}

TEST_F(SshCancel, ATimeOutEndsItToo) {
    const Outcome outcome = run(endless(), 1s);
    EXPECT_EQ(outcome.kind, Kind::timed_out);
    EXPECT_EQ(outcome.message, "it: the command took longer than 1s and was ended");
    EXPECT_FALSE(outcome.may_still_run);
    EXPECT_FALSE(runs(mark()));
}

TEST_F(SshCancel, ATimeOutIsNotPutOffByOutput) {
    const Outcome outcome = run("while :; do echo x; done", 500ms);
    EXPECT_EQ(outcome.kind, Kind::timed_out);
    EXPECT_FALSE(outcome.may_still_run) << outcome.message;
}

TEST_F(SshCancel, WhatLeftTheGroupIsNotClaimedToHaveEnded) {
    // Honest about the group; a daemon that made a session of its own is the command's business.
    cancel_when_up();
    const Outcome outcome = run("setsid sh -c 'sleep 1000; : " + mark() +
                                    "' >/dev/null 2>&1 & "
                                    "echo up; sleep 1000",
                                1h);
    EXPECT_EQ(outcome.kind, Kind::cancelled);
    EXPECT_FALSE(outcome.may_still_run);
    EXPECT_TRUE(runs(mark()));
    const auto killed = switchyard::test::run_program({"/usr/bin/pkill", "-KILL", "-f", mark()});
    EXPECT_EQ(killed.exit.code, 0);
}

TEST_F(SshCancel, ALostConnectionIsToldFromAnEnd) {
    on_line = [this](const std::string& line) {
        if (line == "1:up") sshd.signal_sessions(SIGKILL);
    };
    const Outcome outcome = run(endless(), 1h);
    EXPECT_EQ(outcome.kind, Kind::lost) << outcome.message;
    EXPECT_TRUE(outcome.may_still_run);
    EXPECT_THAT(outcome.message, HasSubstr("The command may still run there (process group "));
    const auto killed = switchyard::test::run_program({"/usr/bin/pkill", "-KILL", "-f", mark()});
    EXPECT_EQ(killed.exit.code, 0) << "it did";
}

TEST_F(SshCancel, AHostWithoutASignOfLifeIsLost) {
    ssh.keep_alive = 1s;
    on_line = [this](const std::string& line) {
        if (line == "1:up") sshd.signal_sessions(SIGSTOP);
    };
    const Outcome outcome = run("echo up; sleep 1000", 1h);
    EXPECT_EQ(outcome.kind, Kind::lost);
    EXPECT_TRUE(outcome.may_still_run);
    EXPECT_THAT(outcome.message, HasSubstr("no sign of life for 3s"));
}

TEST_F(SshCancel, ASilentCommandIsNotTakenForLost) {
    // Longer than three keep-alives without an answer would be borne.
    ssh.keep_alive = 500ms;
    EXPECT_EQ(run("sleep 3; exit 9").exit_status, 9);
}

TEST_F(SshCancel, AHostThatHangsLetsUsGo) {
    patience.to_ask = 200ms;
    patience.after_kill = 200ms;
    on_line = [this](const std::string& line) {
        if (line != "1:up") return;
        sshd.signal_sessions(SIGSTOP);
        cancellation->request();
    };
    const Outcome outcome = run("echo up; sleep 1000", 1h);
    EXPECT_EQ(outcome.kind, Kind::cancelled);
    EXPECT_TRUE(outcome.may_still_run);
    EXPECT_THAT(outcome.message, HasSubstr("it may still run (process group "));
}

TEST_F(SshCancel, FromAnotherThreadAtAnyMoment) {
    for (int i = 0; i < 12; ++i) {
        cancellation = std::make_shared<Cancellation>();
        std::thread canceller([this, i] {
            std::this_thread::sleep_for(std::chrono::milliseconds(i * 15));
            cancellation->request();
        });
        const Outcome outcome = run(endless(), 1h);
        canceller.join();
        EXPECT_EQ(outcome.kind, Kind::cancelled) << outcome.message;
        EXPECT_FALSE(outcome.may_still_run) << outcome.message;
        EXPECT_FALSE(runs(mark()));
    }
}

class SshOneChannel : public SshTest {
  protected:
    SshOneChannel() : SshTest("MaxSessions 1") {}
};

TEST_F(SshOneChannel, WithoutASecondChannelNothingIsClaimed) {
    const Outcome outcome = run("echo up; sleep 1000", 500ms);
    EXPECT_EQ(outcome.kind, Kind::timed_out);
    EXPECT_TRUE(outcome.may_still_run);
    EXPECT_THAT(outcome.message, HasSubstr("it may still run"));
}

class SshNoChannel : public SshTest {
  protected:
    SshNoChannel() : SshTest("MaxSessions 0") {}
};

TEST_F(SshNoChannel, AHostThatRunsNothingIsTold) {
    const Outcome outcome = run("echo up");
    EXPECT_EQ(outcome.kind, Kind::lost);
    EXPECT_FALSE(outcome.may_still_run);
    EXPECT_THAT(outcome.message, HasSubstr("opens no channel"));
}

}  // namespace
}  // namespace switchyard::deploy::test
