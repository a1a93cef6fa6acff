// From the start to the end: switchyardd as systemd and an operator see it.
#include "integration/harness.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::test {
namespace {

class Lifecycle : public FrontDoor {};

/// Keeps the workers of a daemon from running, and nobody else of it.
class HeldWorkers {
  public:
    explicit HeldWorkers(pid_t process) {
        const std::filesystem::path tasks = "/proc/" + std::to_string(process) + "/task";
        for (const auto& task : std::filesystem::directory_iterator(tasks)) {
            std::ifstream file(task.path() / "comm");
            std::string name;
            std::getline(file, name);
            if (!name.starts_with("worker-")) continue;
            const pid_t thread = std::stoi(task.path().filename().string());
            if (::ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) != 0) continue;
            ::ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr);
            ::waitpid(thread, nullptr, __WALL);
            threads_.push_back(thread);
        }
    }
    ~HeldWorkers() {
        for (const pid_t thread : threads_)
            ::ptrace(PTRACE_DETACH, thread, nullptr, nullptr);
    }
    HeldWorkers(const HeldWorkers&) = delete;
    HeldWorkers& operator=(const HeldWorkers&) = delete;
    [[nodiscard]] bool any() const noexcept { return !threads_.empty(); }

  private:
    std::vector<pid_t> threads_;
};

TEST_F(Lifecycle, SaysReadyAndServes) {
    start();
    const auto response = get("/");
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "blue blue-origin\n");
    EXPECT_EQ(response.field("X-Served-By"), "blue");
}

TEST_F(Lifecycle, EndsInOrderAfterSigterm) {
    start();
    auto client = connect();
    EXPECT_EQ(exchange(client, "GET", "/").status, 200);
    const auto exit = daemon().terminate();
    EXPECT_EQ(exit.code, 0) << exit.text();
    EXPECT_TRUE(client.ended());
    EXPECT_THROW(connect(), ClientError);
    EXPECT_TRUE(daemon().notify().wait_for("STOPPING=1", -1, Deadline(0ms)));
    EXPECT_FALSE(std::filesystem::exists(daemon().dir().file("admin.sock")));
}

TEST_F(Lifecycle, LetsWhatIsInFlightFinishAfterSigterm) {
    start();
    auto client = connect();
    client.send(request_text("GET", "/sleep?ms=500"));
    ASSERT_TRUE(eventually([this] {
        return origin(Colour::blue).books("/sleep").at("in_flight").to_number<int>() == 1;
    }));
    daemon().signal(SIGTERM);
    ASSERT_TRUE(daemon().notify().wait_for("STOPPING=1", -1));
    const auto response = read_response(client);
    EXPECT_EQ(response.status, 200);
    EXPECT_FALSE(response.keep_alive());
    EXPECT_EQ(daemon().wait_exit()->code, 0);
}

TEST_F(Lifecycle, ASecondSigtermEndsItAtOnce) {
    start();
    auto client = connect();
    client.send(request_text("GET", "/hang"));
    ASSERT_TRUE(eventually(
        [this] { return origin(Colour::blue).books("/hang").at("spoilt").to_number<int>() == 1; }));
    daemon().signal(SIGTERM);
    ASSERT_TRUE(daemon().notify().wait_for("STOPPING=1", -1));
    EXPECT_TRUE(daemon().running());
    daemon().signal(SIGTERM);
    EXPECT_TRUE(daemon().wait_exit(Deadline(10s)));
}

TEST_F(Lifecycle, KeepsTheLiveSlotAcrossARestart) {
    start();
    switch_to(Colour::green);
    EXPECT_EQ(colour_of(get("/")), "green");
    daemon().kill();
    restart();
    EXPECT_EQ(colour_of(get("/")), "green");
}

TEST_F(Lifecycle, ClosesIdleConnectionsWhileSomebodyElseIsServed) {
    start();
    auto idle = connect();
    ASSERT_EQ(exchange(idle, "GET", "/").status, 200);
    auto silent = connect();
    auto busy = connect();
    busy.send(request_text("GET", "/sleep?ms=3000"));
    ASSERT_TRUE(eventually([this] {
        return origin(Colour::blue).books("/sleep").at("in_flight").to_number<int>() == 1;
    }));
    daemon().signal(SIGTERM);
    EXPECT_TRUE(idle.ended());
    EXPECT_TRUE(silent.ended());
    EXPECT_TRUE(daemon().running());
    EXPECT_EQ(read_response(busy).status, 200);
    EXPECT_EQ(daemon().wait_exit()->code, 0);
}

/// More requests than one round of events takes are there already when the end is asked for: each
/// of them came first, and is answered.
TEST_F(Lifecycle, AnswersWhatHadArrivedOnIdleConnectionsBeforeSigterm) {
    start();
    std::vector<Client> clients;
    for (int i = 0; i < 400; ++i) {
        clients.push_back(connect());
        ASSERT_EQ(exchange(clients.back(), "GET", "/").status, 200);
    }
    {
        const HeldWorkers held(daemon().pid());
        ASSERT_TRUE(held.any());
        daemon().signal(SIGTERM);
        ASSERT_TRUE(daemon().notify().wait_for("STOPPING=1", -1));
        for (auto& client : clients)
            client.send(request_text("GET", "/"));
    }
    std::size_t answered = 0;
    for (auto& client : clients) {
        try {
            answered += read_response(client).status == 200 ? 1 : 0;
        } catch (const ClientError&) {
        }
    }
    EXPECT_EQ(answered, clients.size());
    EXPECT_EQ(daemon().wait_exit()->code, 0);
}

TEST_F(Lifecycle, AnswersWhoHasJustConnectedAfterSigterm) {
    start();
    auto busy = connect();
    busy.send(request_text("GET", "/sleep?ms=1000"));
    auto fresh = connect();
    ASSERT_TRUE(eventually([this] {
        return origin(Colour::blue).books("/sleep").at("in_flight").to_number<int>() == 1;
    }));
    daemon().signal(SIGTERM);
    ASSERT_TRUE(eventually(
        [this] { return daemon().log().find("event=listeners_closed") != std::string::npos; }));
    const auto response = exchange(fresh, "GET", "/");
    EXPECT_EQ(response.status, 200);
    EXPECT_FALSE(response.keep_alive());
    EXPECT_EQ(read_response(busy).status, 200);
    EXPECT_EQ(daemon().wait_exit()->code, 0);
}

/// One reading of a file, at the pace of the test: a named pipe in its place. Whoever opens it to
/// read waits for the test, and the test for them.
class PacedFile {
  public:
    explicit PacedFile(std::string path) : path_(std::move(path)) {
        std::filesystem::remove(path_);
        if (::mkfifo(path_.c_str(), 0600) != 0) throw std::runtime_error("no pipe at " + path_);
    }
    ~PacedFile() {
        end();
        std::filesystem::remove(path_);
    }
    PacedFile(const PacedFile&) = delete;
    PacedFile& operator=(const PacedFile&) = delete;

    /// Waits until somebody reads the file; false if nobody does.
    [[nodiscard]] bool begin() {
        return eventually([this] {
            writer_ = ::open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
            return writer_ >= 0;
        });
    }
    void write(std::string_view text) const {
        ASSERT_EQ(::write(writer_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    void end() {
        if (writer_ >= 0) ::close(std::exchange(writer_, -1));
    }

  private:
    std::string path_;
    int writer_ = -1;
};

TEST_F(Lifecycle, ReadsTheFileAgainForASighupDuringAReload) {
    start();
    const auto text = read_file(daemon().config_path());
    PacedFile early(daemon().config_path());
    daemon().signal(SIGHUP);
    ASSERT_TRUE(early.begin());
    early.write(text + "via: early\n");
    // The file is replaced while it is being read, and whoever does it says so.
    PacedFile late(daemon().config_path());
    daemon().signal(SIGHUP);
    // A signal is taken before what comes after it: the daemon knows when it has answered twice.
    for (int i = 0; i < 2; ++i)
        ASSERT_EQ(admin().get("/v1/status").status, 200);
    early.end();
    ASSERT_TRUE(late.begin()) << "it was not read again";
    late.write(text + "via: late\n");
    late.end();
    EXPECT_TRUE(eventually([&] { return get("/").field("Via") == "1.1 late"; }));
}

TEST_F(Lifecycle, CutsWhatTakesLongerThanTheShutdownMay) {
    start(config({}, "timeouts: {shutdown: 200ms}\n"));
    auto poll = connect();
    poll.send(request_text("GET", "/sleep?ms=60000"));
    auto half = connect();
    half.send(request_text("GET", "/hang?n=1000&at=500"));
    auto head = read_head(half);
    ASSERT_TRUE(eventually([this] {
        return origin(Colour::blue).books("/sleep").at("in_flight").to_number<int>() == 1;
    }));
    daemon().signal(SIGTERM);
    const auto response = read_response(poll);
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(response.field("X-Switchyard-Error"), "drained");
    EXPECT_TRUE(response.field("Retry-After"));
    EXPECT_FALSE(response.keep_alive());
    EXPECT_THROW(read_body(half, head, "GET", [](std::string_view) {}), ClientError);
    EXPECT_EQ(daemon().wait_exit()->code, 0);
}

TEST_F(Lifecycle, ATrickleOfAHeadDoesNotKeepItAlive) {
    start(config({}, "timeouts: {shutdown: 300ms}\n"));
    auto client = connect();
    client.send("GET / HTTP/1.1\r\nHo");
    auto served = connect();
    ASSERT_EQ(exchange(served, "GET", "/").status, 200);
    const auto exit = daemon().terminate(Deadline(10s));
    EXPECT_EQ(exit.code, 0);
    EXPECT_TRUE(client.ended());
}

TEST_F(Lifecycle, TellsTheServiceManagerWhatItDoes) {
    // Every half of this time; systemd would kill it after the whole.
    ::setenv("WATCHDOG_USEC", "200000", 1);
    start();
    ::unsetenv("WATCHDOG_USEC");
    auto& notify = daemon().notify();
    EXPECT_TRUE(notify.wait_for("WATCHDOG=1", -1));
    EXPECT_TRUE(notify.wait_for("WATCHDOG=1", -1));
    daemon().signal(SIGHUP);
    EXPECT_TRUE(notify.wait_for("RELOADING=1", -1));
    EXPECT_TRUE(notify.wait_for("READY=1", -1));
    daemon().signal(SIGTERM);
    EXPECT_TRUE(notify.wait_for("STOPPING=1", -1));
    EXPECT_EQ(daemon().wait_exit()->code, 0);
    const auto& lines = notify.lines();
    EXPECT_TRUE(std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
        return line.starts_with("STATUS=") && line.size() > 7;
    }));
    EXPECT_TRUE(std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
        return line.starts_with("MONOTONIC_USEC=");
    })) << "systemd wants the time of a reload";
}

TEST_F(Lifecycle, OpensTheAccessLogAgainAfterSigusr1) {
    start(config({}, "access_log: {path: \"${DIR}/access.log\"}\n"));
    const auto log = daemon().dir().file("access.log");
    ASSERT_EQ(get("/before").status, 200);
    ASSERT_TRUE(eventually([&] { return read_file(log).find("/before") != std::string::npos; }));
    std::filesystem::rename(log, log + ".1");
    daemon().signal(SIGUSR1);
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(log); }));
    ASSERT_EQ(get("/after").status, 200);
    EXPECT_TRUE(eventually([&] { return read_file(log).find("/after") != std::string::npos; }));
    EXPECT_EQ(read_file(log).find("/before"), std::string::npos);
    EXPECT_EQ(read_file(log + ".1").find("/after"), std::string::npos);
}

TEST_F(Lifecycle, ChecksWithoutStarting) {
    const Daemon good(config());
    EXPECT_EQ(good.check().exit.code, 0);
    EXPECT_FALSE(std::filesystem::exists(good.dir().file("state.db")));
    EXPECT_FALSE(std::filesystem::exists(good.dir().file("admin.sock")));
    const Daemon bad(config("    no_such_key: 1\n"));
    const auto run = bad.check();
    EXPECT_EQ(run.exit.code, 1);
    EXPECT_NE((run.out + run.err).find("no_such_key"), std::string::npos);
}

}  // namespace
}  // namespace switchyard::test
