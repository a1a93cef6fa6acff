// Commands that come to their own end.
#include "ssh_support.hpp"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::deploy::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class SshRun : public SshTest {
  protected:
    // However slow the machine is, the output of what has ended is waited for.
    SshRun() { patience.open_output = patience.last_output = kPatience; }
};

TEST_F(SshRun, PassesBothStreamsOn) {
    const Outcome outcome = run("echo out; echo err >&2; printf 'no end'");
    EXPECT_EQ(outcome.kind, Kind::done) << outcome.message;
    EXPECT_EQ(outcome.message, "");
    EXPECT_FALSE(outcome.may_still_run);
    EXPECT_THAT(lines, testing::UnorderedElementsAre("1:out", "2:err", "1:no end"));
}

TEST_F(SshRun, TellsTheExitStatus) {
    const Outcome outcome = run("exit 3");
    EXPECT_EQ(outcome.kind, Kind::exit_status);
    EXPECT_EQ(outcome.exit_status, 3);
    EXPECT_EQ(outcome.message, "it: the command ended with exit status 3");
    EXPECT_FALSE(outcome.may_still_run);
    EXPECT_THAT(run("no-such-program").message, HasSubstr("127 (command not found)"));
    EXPECT_THAT(run("sh -c 'kill -KILL $$'; exit $?").message,
                HasSubstr("137 (as a shell says when signal 9 ended something)"));
}

TEST_F(SshRun, TellsTheSignal) {
    for (const char* name : {"TERM", "KILL", "SEGV"}) {
        const Outcome outcome = run(std::string("kill -") + name + " $$");
        EXPECT_EQ(outcome.kind, Kind::signal) << outcome.message;
        EXPECT_EQ(outcome.message, std::string("it: signal ") + name + " ended the command");
        EXPECT_FALSE(outcome.may_still_run);
    }
}

TEST_F(SshRun, ManyCommandsOnOneConnection) {
    const auto on = session();
    ASSERT_EQ(on->connect().kind, Kind::done);
    const auto served = sshd.sessions();
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(run(*on, "exit " + std::to_string(i)).exit_status, i);
    }
    EXPECT_EQ(sshd.sessions(), served);
}

TEST_F(SshRun, VariablesArriveWhateverTheyHold) {
    Command command{"printf '%s|' \"$A\" \"$B\" \"$C\" \"$D\" \"$SWITCHYARD_VERSION\"",
                    {{"A", "it's; rm -rf \"$HOME\" `x` $(y)"},
                     {"B", "\\ \\' !! %s"},
                     {"C", ""},
                     {"D", "\xc3\xbc * ?"},
                     {"SWITCHYARD_VERSION", "v1'2"}},
                    kPatience};
    EXPECT_EQ(run(*session(), command).kind, Kind::done);
    EXPECT_THAT(lines, ElementsAre("1:it's; rm -rf \"$HOME\" `x` $(y)|\\ \\' !! %s||\xc3\xbc * ?|"
                                   "v1'2|"));
    command.environment = {{"A;touch x", "y"}};
    const Outcome outcome = run(*session(), command);
    EXPECT_EQ(outcome.kind, Kind::exit_status);
    EXPECT_EQ(outcome.exit_status, 126);
    EXPECT_THAT(outcome.message, HasSubstr("was not started"));
}

TEST_F(SshRun, CommandsMayHaveSeveralLinesAndQuotes) {
    EXPECT_EQ(run("a='x y'\nfor i in 1 2; do\n  echo \"$i $a\"\ndone\n").kind, Kind::done);
    EXPECT_THAT(lines, ElementsAre("1:1 x y", "1:2 x y"));
}

TEST_F(SshRun, BigOutputOnBothStreamsNeitherStallsNorGrows) {
    std::size_t octets[2] = {};
    on_line = [&](const std::string& line) {
        octets[line[0] - '1'] += line.size() - 2;
        EXPECT_LE(line.size(), 4096u + 2);
        lines.clear();
    };
    const Outcome outcome =
        run("head -c 6000000 /dev/zero | tr '\\0' x & "
            "head -c 6000000 /dev/zero | tr '\\0' y >&2; wait; exit 4",
            kPatience * 4);
    EXPECT_EQ(outcome.exit_status, 4) << outcome.message;
    EXPECT_EQ(octets[0], 6'000'000u);
    EXPECT_EQ(octets[1], 6'000'000u);
}

TEST_F(SshRun, BinaryOutputBecomesText) {
    EXPECT_EQ(run("printf 'a\\0b\\377\\033[31mred\\r\\n\\001'").kind, Kind::done);
    EXPECT_THAT(lines, ElementsAre("1:a\xef\xbf\xbd"
                                   "b\xef\xbf\xbd"
                                   "red",
                                   "1:\xef\xbf\xbd"));
}

TEST_F(SshRun, WhoeverAsksForInputGetsItsEnd) {
    EXPECT_EQ(run("cat; read -r line || echo end").kind, Kind::done);
    EXPECT_THAT(lines, ElementsAre("1:end"));
}

TEST_F(SshRun, ClosingTheOutputIsNotTheEnd) {
    EXPECT_EQ(run("exec >/dev/null 2>&1; sleep 0.2; exit 5").exit_status, 5);
}

TEST_F(SshRun, WhatHoldsTheOutputOpenIsNotWaitedFor) {
    patience.open_output = 500ms;
    const Outcome outcome = run("sleep 1000 & echo $!; exit 6");
    EXPECT_EQ(outcome.exit_status, 6) << outcome.message;
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[1], std::string("2:") + kOutputLeft);
    ::kill(std::stoi(lines[0].substr(2)), SIGKILL);
}

TEST_F(SshRun, TheBackgroundIsNotListenedToForEver) {
    patience.last_output = 1s;
    // It is never quiet for long, and ends when nobody reads any more.
    const Outcome outcome = run("(while echo x; do sleep 0.05; done) & exit 7", 1h);
    EXPECT_EQ(outcome.kind, Kind::exit_status) << outcome.message;
    EXPECT_EQ(outcome.exit_status, 7) << outcome.message;
    EXPECT_FALSE(outcome.may_still_run);
    ASSERT_GE(lines.size(), 2u);
    EXPECT_EQ(lines[0], "1:x");
    EXPECT_EQ(lines.back(), std::string("2:") + kOutputLeft);
    // The same session goes on with the next command.
    const auto on = session();
    EXPECT_EQ(run(*on, "(while echo y; do sleep 0.05; done) & exit 8", 1h).exit_status, 8);
    EXPECT_EQ(run(*on, "exit 9").exit_status, 9);
}

TEST_F(SshRun, AnIdleConnectionIsKeptAliveAndNoticedWhenItIsGone) {
    ssh.keep_alive = 500ms;
    const auto on = session();
    ASSERT_EQ(on->connect().kind, Kind::done);
    const auto served = sshd.sessions();
    // More keep-alives than may stay without an answer.
    Bell never;
    for (const auto until = Clock::now() + 3s; Clock::now() < until;)
        on->idle(never.fd());
    EXPECT_EQ(run(*on, "exit 7").exit_status, 7);
    EXPECT_EQ(sshd.sessions(), served) << "the same connection";
    sshd.signal_sessions(SIGKILL);
    ASSERT_TRUE(eventually([this] { return sshd.sessions().empty(); }));
    // The next command is worth a new connection.
    Bell told;
    told.ring();
    for (int i = 0; i < 3; ++i)
        on->idle(told.fd());
    const Outcome outcome = run(*on, "exit 8");
    EXPECT_EQ(outcome.exit_status, 8) << outcome.message;
}

TEST_F(SshRun, AForcedCommandInBetweenIsCopedWith) {
    const SshKey key = SshKey::make(dir.file("forced"));
    sshd.authorize(key, "command=\"echo before; sh -c \\\"$SSH_ORIGINAL_COMMAND\\\"\"");
    ssh.key_file = key.file;
    EXPECT_EQ(run("echo up; exit 3").exit_status, 3);
    EXPECT_THAT(lines, ElementsAre("1:before", "1:up"));
    // The shell in between leads the group that sshd made, and the command one of its own.
    const Outcome outcome = run("sleep 1000", 500ms);
    EXPECT_EQ(outcome.kind, Kind::timed_out);
    EXPECT_FALSE(outcome.may_still_run) << outcome.message;
}

}  // namespace
}  // namespace switchyard::deploy::test
