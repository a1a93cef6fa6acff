#include "deploy/command_line.hpp"

#include "deploy/running_command.hpp"
#include "support/process.hpp"

#include <csignal>
#include <sstream>

#include <gtest/gtest.h>

namespace switchyard::deploy {
namespace {

using test::eventually;
using test::run_program;

const std::string kEvil[] = {"",
                             " ",
                             "plain",
                             "it's",
                             "''''",
                             "'; touch /tmp/evil; '",
                             "$(echo no) `echo no` $HOME ${PATH}",
                             "a\\b\\",
                             "\"x\"",
                             "line 1\nline 2\n",
                             "-n",
                             "*?[a]~!#&|<>;(){}",
                             "\xc3\xbc \xff",
                             "\t\r\x01\x7f"};

TEST(CommandLine, QuotesWhateverItIs) {
    for (const std::string& text : kEvil) {
        const auto run = run_program({"/bin/sh", "-c", "printf %s " + shell_quote(text)});
        EXPECT_EQ(run.out, text);
        EXPECT_EQ(run.err, "");
    }
    EXPECT_EQ(shell_quote("a'b"), "'a'\\''b'");
}

TEST(CommandLine, PassesVariablesAndTellsThePid) {
    for (const std::string& text : kEvil) {
        const Command command{"printf '%s|%s' \"$A\" \"$SWITCHYARD_SLOT\"; exit 7",
                              {{"A", text}, {"SWITCHYARD_SLOT", text}},
                              {}};
        const auto line = remote_command_line(command, "mark");
        ASSERT_TRUE(line);
        const auto run = run_program({"/bin/sh", "-c", *line});
        EXPECT_EQ(run.exit.code, 7);
        EXPECT_EQ(run.err, "");
        ASSERT_TRUE(run.out.starts_with("mark:")) << run.out;
        EXPECT_EQ(run.out.substr(run.out.find('\n') + 1), text + "|" + text);
    }
}

TEST(CommandLine, ThePidLeadsAGroupOfItsOwn) {
    // The shell of a forced command may stand between: then it is setsid that makes the group.
    for (const char* before : {"", "true; "}) {
        const Command command{"ps -o pgid= -p $$; echo $$", {}, {}};
        const auto line = remote_command_line(command, "mark");
        ASSERT_TRUE(line);
        const auto run = run_program({"/bin/sh", "-c", before + *line});
        std::string out = run.out;
        for (char& c : out) {
            if (c == '\n' || c == ':') c = ' ';
        }
        std::istringstream words(out);
        std::string marker;
        long told = 0, group = 0, own = 0;
        words >> marker >> told >> group >> own;
        EXPECT_EQ(marker, "mark") << run.out << run.err;
        EXPECT_GT(told, 1);
        EXPECT_EQ(group, told) << run.out;
        EXPECT_EQ(own, told) << run.out;
    }
}

TEST(CommandLine, RefusesWhatCannotBePassedOn) {
    for (const char* name : {"", "1A", "A-B", "A B", "A=B", "SWITCHYARD_A-B", "A;touch x"}) {
        EXPECT_FALSE(remote_command_line({"x", {{name, "y"}}, {}}, "m")) << name;
    }
    EXPECT_TRUE(remote_command_line({"x", {{"SWITCHYARD_", ""}}, {}}, "m"));
    EXPECT_FALSE(remote_command_line({"x", {{"A", std::string("a\0b", 3)}}, {}}, "m"));
    EXPECT_FALSE(remote_command_line({std::string("a\0b", 3), {}, {}}, "m"));
    EXPECT_FALSE(remote_command_line({std::string(kMaxCommandLine, 'x'), {}, {}}, "m"));
}

TEST(CommandLine, EndsAGroupThatHeedsNothing) {
    const Command command{
        "trap '' TERM; sh -c 'trap \"\" TERM; echo up; while :; do sleep 0.05; "
        "done'",
        {},
        {}};
    const auto line = remote_command_line(command, "mark");
    ASSERT_TRUE(line);
    test::ProcessOptions options;
    options.arguments = {"/bin/sh", "-c", *line};
    options.pipe_output = true;
    test::Process process(options);
    const auto told = process.read_line();
    ASSERT_TRUE(told);
    ASSERT_EQ(process.read_line(), "up");
    const long pid = std::stol(told->substr(5));
    EXPECT_EQ(pid, process.pid());
    Patience patience;
    patience.after_term = milliseconds(100);
    const auto ended = run_program({"/bin/sh", "-c", ending_command_line(pid, patience)});
    EXPECT_EQ(ended.exit.code, 0) << ended.err;
    const auto exit = process.wait();
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->signal, SIGKILL);
    EXPECT_EQ(run_program({"/bin/sh", "-c", ending_command_line(pid, patience)}).exit.code, 0)
        << "gone already";
}

TEST(RunningCommand, FindsThePidAmongOtherOutput) {
    std::vector<std::string> lines;
    const OnLine on_line = [&](bool from_stderr, std::string line) {
        lines.push_back((from_stderr ? "2:" : "1:") + line);
    };
    RunningCommand running("mark", on_line);
    running.take(false, "hello from .bashrc\nno end of line");
    running.take(true, "mark:77\n");
    running.take(false, "mark:12");
    EXPECT_FALSE(running.pid());
    running.take(false, "34\nmark:99\nlast");
    running.finish();
    EXPECT_EQ(running.pid(), 1234);
    EXPECT_EQ(lines, (std::vector<std::string>{"1:hello from .bashrc", "2:mark:77",
                                               "1:no end of line", "1:mark:99", "1:last"}));
}

TEST(RunningCommand, BelievesNoPidThatMeansSomethingElse) {
    const OnLine on_line = [](bool, const std::string&) {};
    for (const char* text : {"mark:", "mark", "mark:0\n", "mark:1\n", "mark:-5\n", "mark:x\n",
                             "mark:99999999999999999999\n"}) {
        RunningCommand running("mark", on_line);
        running.take(false, text);
        running.finish();
        EXPECT_FALSE(running.pid()) << text;
    }
    EXPECT_NE(new_marker(), new_marker());
}

}  // namespace
}  // namespace switchyard::deploy
