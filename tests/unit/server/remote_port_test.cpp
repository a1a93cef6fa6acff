#include "server/remote_port.hpp"

#include "support/sshd.hpp"

#include <csignal>
#include <optional>
#include <sys/stat.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::server {
namespace {

namespace asio = boost::asio;
using control::RemoteCommand;
using control::RemoteJob;
using control::RemoteOutcome;
using control::RemoteOutput;
using test::Sshd;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;
using Outcomes = std::vector<RemoteOutcome>;
using Kind = RemoteOutcome::Kind;

/// Three "hosts", which are one sshd under different names, and a port to them.
class Remote : public testing::Test {
  protected:
    Remote() {
        ssh.user = sshd.user();
        ssh.key_file = sshd.client_key().file;
        ssh.known_hosts = dir.write("known_hosts", sshd.known_hosts_line());
        ssh.connect_timeout = test::kPatience;
        patience.after_term = 300ms;
        patience.after_kill = test::kPatience;
        patience.to_ask = test::kPatience;
        for (const char* name : {"a", "b", "c"}) {
            config::DeployHost host;
            host.text = name;
            host.host = "127.0.0.1";
            host.port = sshd.port();
            hosts.push_back(host);
        }
        port.emplace(context.get_executor(), patience);
    }

    std::shared_ptr<RemoteJob> open() {
        return port->open(hosts, ssh, [this](const RemoteOutput& output) { took(output); });
    }

    void took(const RemoteOutput& output) {
        lines.push_back(output.host + (output.from_stderr ? " 2 " : " 1 ") + output.line);
        if (on_line) on_line(lines.back());
    }

    static RemoteCommand command(std::string text, std::chrono::milliseconds timeout = 1h) {
        return {std::move(text), {}, timeout, false};
    }

    /// Until it has completed, or the patience of tests is over.
    template <class T>
    T await(asio::awaitable<T> task) {
        std::optional<T> result;
        asio::co_spawn(context, std::move(task),
                       [&result](const std::exception_ptr& error, T value) {
                           EXPECT_FALSE(error);
                           result = std::move(value);
                       });
        turn_until([&] { return result.has_value(); });
        if (!result) throw std::runtime_error("it does not complete");
        return std::move(*result);
    }

    template <class Condition>
    void turn_until(Condition condition) {
        const test::Deadline deadline(test::kPatience * 2);
        context.restart();
        while (!condition() && !deadline.passed())
            context.run_for(5ms), context.restart();
    }

    void close() {
        bool closed = false;
        asio::co_spawn(context, port->close(60s), [&](const std::exception_ptr& error) {
            EXPECT_FALSE(error);
            closed = true;
        });
        turn_until([&] { return closed; });
        EXPECT_TRUE(closed);
        EXPECT_EQ(port->leaving(), 0u);
    }

    static std::vector<Kind> kinds(const Outcomes& outcomes) {
        std::vector<Kind> list;
        for (const auto& outcome : outcomes)
            list.push_back(outcome.kind);
        return list;
    }

    test::TempDir dir;
    Sshd sshd;
    config::Ssh ssh;
    std::vector<config::DeployHost> hosts;
    deploy::Patience patience;
    asio::io_context context;
    std::optional<RemotePort> port;
    std::vector<std::string> lines;
    std::function<void(const std::string&)> on_line;
};

TEST_F(Remote, OneOutcomeAHostInOrder) {
    const auto job = open();
    const Outcomes connected = await(job->connect());
    ASSERT_EQ(connected.size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_TRUE(connected[i].ok()) << connected[i].message;
        EXPECT_EQ(connected[i].host, hosts[i].text);
    }
    RemoteCommand asked = command("echo \"$SWITCHYARD_SLOT\"; exit 4");
    asked.environment = {{"SWITCHYARD_SLOT", "green"}};
    const Outcomes ended = await(job->run(asked));
    EXPECT_THAT(kinds(ended), ElementsAre(Kind::exit_status, Kind::exit_status, Kind::exit_status));
    EXPECT_EQ(ended[2].exit_status, 4);
    EXPECT_EQ(ended[2].host, "c");
    EXPECT_EQ(ended[2].message, "c: the command ended with exit status 4");
    EXPECT_THAT(lines, testing::UnorderedElementsAre("a 1 green", "b 1 green", "c 1 green"));
    close();
}

TEST_F(Remote, AllAtOnce) {
    // Each waits until all three are there: one after the other they never would.
    const auto job = open();
    const std::string folder = dir.file("there");
    const Outcomes ended =
        await(job->run(command("mkdir -p " + folder + "; : >" + folder + "/$$; while [ $(ls " +
                               folder + " | wc -l) -lt 3 ]; do sleep 0.02; done")));
    EXPECT_THAT(kinds(ended), ElementsAre(Kind::done, Kind::done, Kind::done));
}

TEST_F(Remote, OneByOneInOrder) {
    const auto job = open();
    RemoteCommand asked = command("echo begin; echo end");
    asked.one_by_one = true;
    const Outcomes ended = await(job->run(asked));
    EXPECT_THAT(kinds(ended), ElementsAre(Kind::done, Kind::done, Kind::done));
    EXPECT_THAT(
        lines, ElementsAre("a 1 begin", "a 1 end", "b 1 begin", "b 1 end", "c 1 begin", "c 1 end"));
}

TEST_F(Remote, OneByOneEndsAtTheFirstFailure) {
    const auto job = open();
    const std::string seen = dir.file("seen");
    RemoteCommand asked =
        command("echo x >>" + seen + "; [ $(wc -l <" + seen + ") -lt 2 ] || exit 9");
    asked.one_by_one = true;
    const Outcomes ended = await(job->run(asked));
    EXPECT_THAT(kinds(ended), ElementsAre(Kind::done, Kind::exit_status, Kind::cancelled));
    EXPECT_EQ(ended[2].message, "c: not started, because b failed");
    EXPECT_FALSE(ended[2].may_still_run);
    EXPECT_EQ(test::read_file(seen), "x\nx\n");
}

TEST_F(Remote, WhoCannotBeConnectedRunsNothing) {
    hosts[1].port = 1;
    const auto job = open();
    EXPECT_THAT(kinds(await(job->connect())),
                ElementsAre(Kind::done, Kind::unreachable, Kind::done));
    const Outcomes ended = await(job->run(command("echo here")));
    EXPECT_THAT(kinds(ended), ElementsAre(Kind::done, Kind::unreachable, Kind::done));
    EXPECT_THAT(ended[1].message, HasSubstr("b: cannot connect"));
    EXPECT_THAT(lines, testing::UnorderedElementsAre("a 1 here", "c 1 here"));
}

TEST_F(Remote, CancelEndsWhatRunsAndWhatIsAskedLater) {
    const auto job = open();
    on_line = [&](const std::string&) { job->cancel(); };
    const Outcomes ended = await(job->run(command("echo up; sleep 1000")));
    EXPECT_THAT(kinds(ended), ElementsAre(Kind::cancelled, Kind::cancelled, Kind::cancelled));
    for (const auto& outcome : ended)
        EXPECT_FALSE(outcome.may_still_run) << outcome.message;
    lines.clear();
    EXPECT_THAT(kinds(await(job->run(command("echo no")))),
                ElementsAre(Kind::cancelled, Kind::cancelled, Kind::cancelled));
    EXPECT_THAT(kinds(await(job->connect())),
                ElementsAre(Kind::cancelled, Kind::cancelled, Kind::cancelled));
    EXPECT_THAT(lines, ElementsAre());
}

TEST_F(Remote, EveryKindComesThrough) {
    hosts.resize(1);
    const auto kind_of = [&](const std::string& text, std::chrono::milliseconds timeout = 1h) {
        return await(open()->run(command(text, timeout))).front().kind;
    };
    EXPECT_EQ(kind_of("true"), Kind::done);
    EXPECT_EQ(kind_of("false"), Kind::exit_status);
    EXPECT_EQ(kind_of("kill -TERM $$"), Kind::signal);
    EXPECT_EQ(kind_of("sleep 1000", 300ms), Kind::timed_out);
    on_line = [&](const std::string&) { sshd.signal_sessions(SIGKILL); };
    const auto job = open();
    const RemoteOutcome lost = await(job->run(command("echo up; sleep 3"))).front();
    EXPECT_EQ(lost.kind, Kind::lost);
    EXPECT_TRUE(lost.may_still_run);
    on_line = {};
    dir.write("known_hosts", "");
    EXPECT_EQ(kind_of("true"), Kind::host_key);
    dir.write("known_hosts", sshd.known_hosts_line());
    ssh.key_file = dir.file("none");
    EXPECT_EQ(kind_of("true"), Kind::login);
    hosts[0].port = 1;
    EXPECT_EQ(kind_of("true"), Kind::unreachable);
}

TEST_F(Remote, DestroyingAJobEndsWhatRuns) {
    auto job = open();
    const std::string pids = dir.file("pids");
    std::optional<Outcomes> ended;
    std::size_t after = 0;
    asio::co_spawn(context, job->run(command("echo $$ >>" + pids + "; echo up; sleep 1000")),
                   [&](const std::exception_ptr&, Outcomes outcomes) { ended = outcomes; });
    turn_until([&] { return lines.size() == 3; });
    ASSERT_EQ(lines.size(), 3u);
    job.reset();
    on_line = [&](const std::string&) { ++after; };
    EXPECT_EQ(port->leaving(), 3u);
    turn_until([&] { return ended && port->leaving() == 0; });
    ASSERT_TRUE(ended);
    EXPECT_THAT(kinds(*ended), ElementsAre(Kind::cancelled, Kind::cancelled, Kind::cancelled));
    EXPECT_EQ(after, 0u) << "nobody is there to hear it";
    std::istringstream list(test::read_file(pids));
    for (pid_t pid = 0; list >> pid;)
        EXPECT_NE(::kill(pid, 0), 0) << pid << " still runs";
    EXPECT_TRUE(test::eventually([this] { return sshd.sessions().empty(); }));
}

TEST_F(Remote, ThePortMayGoInTheMiddle) {
    auto job = open();
    asio::co_spawn(context, job->run(command("echo up; sleep 1000")), asio::detached);
    turn_until([&] { return lines.size() == 3; });
    job.reset();
    port.reset();
    EXPECT_TRUE(test::eventually([this] { return sshd.sessions().empty(); }));
}

TEST_F(Remote, AFloodOfLinesIsBoundedAndCounted) {
    hosts.resize(1);
    const auto job = open();
    const Outcomes ended = await(job->run(command("seq 1 1000000")));
    EXPECT_THAT(kinds(ended), ElementsAre(Kind::done));
    EXPECT_EQ(lines.back(), "a 1 1000000") << "the last ones are kept";
    std::size_t passed = 0, left_out = 0;
    for (const std::string& line : lines) {
        if (line.starts_with("a 2 [")) {
            left_out += std::stoul(line.substr(5));
        } else {
            ++passed;
        }
    }
    EXPECT_EQ(passed + left_out, 1'000'000u);
    EXPECT_GT(left_out, 0u);
}

TEST_F(Remote, TheControlThreadNeverWaits) {
    // Neither for a host that says nothing, nor while its job is destroyed.
    hosts.resize(1);
    patience.after_kill = patience.to_ask = 300ms;
    port.emplace(context.get_executor(), patience);
    auto job = open();
    on_line = [&](const std::string&) { sshd.signal_sessions(SIGSTOP); };
    std::optional<Outcomes> ended;
    asio::co_spawn(context, job->run(command("echo up; sleep 1000")),
                   [&](const std::exception_ptr&, Outcomes outcomes) { ended = outcomes; });
    turn_until([&] { return !lines.empty(); });
    job.reset();
    EXPECT_FALSE(ended);
    EXPECT_EQ(port->leaving(), 1u);
    turn_until([&] { return ended.has_value(); });
    ASSERT_TRUE(ended);
    EXPECT_TRUE(ended->front().may_still_run);
    close();
}

TEST_F(Remote, LocalCommandsRunBesideUs) {
    auto job = port->open_local([this](const RemoteOutput& output) { took(output); });
    EXPECT_THAT(await(job->connect()), testing::IsEmpty());
    RemoteCommand asked = command("echo \"$A\"; echo err >&2; exit 3");
    asked.environment = {{"A", "it's"}};
    const Outcomes ended = await(job->run(asked));
    ASSERT_EQ(ended.size(), 1u);
    EXPECT_EQ(ended[0].host, "local");
    EXPECT_EQ(ended[0].exit_status, 3);
    EXPECT_THAT(lines, testing::UnorderedElementsAre("local 1 it's", "local 2 err"));
    on_line = [&](const std::string&) { job->cancel(); };
    EXPECT_THAT(kinds(await(job->run(command("echo up; sleep 1000")))),
                ElementsAre(Kind::cancelled));
    job.reset();
    close();
}

TEST_F(Remote, JobsThatNothingIsAskedOfAreFree) {
    open().reset();
    port->open_local([](const RemoteOutput&) {}).reset();
    EXPECT_EQ(port->leaving(), 0u);
    close();
}

}  // namespace
}  // namespace switchyard::server
