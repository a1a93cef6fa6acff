// One thread of the daemon hangs: what the others, and whoever asks, see of it.
#include "integration/contract.hpp"
#include "support/stopped_thread.hpp"

#include <algorithm>
#include <optional>

namespace switchyard::test {
namespace {

class Stuck : public SwitchContract {
  protected:
    /// The entry of the latest change in the history.
    [[nodiscard]] boost::json::value latest() const {
        const auto history = admin().get("/v1/history?service=app&limit=1").json();
        return history.at("entries").at(0);
    }
    /// Connections to both workers, each of which had an answer.
    [[nodiscard]] std::vector<Client> connections(std::size_t count) const {
        std::vector<Client> clients;
        for (std::size_t i = 0; i < count; ++i) {
            clients.push_back(connect());
            EXPECT_EQ(colour_of(exchange(clients.back(), "GET", "/")), "blue");
        }
        // A client has its answer a moment before its request has left the books; a worker that is
        // stopped in that moment keeps it there.
        EXPECT_TRUE(eventually([this] {
            const auto slots = admin().service("app").at("slots");
            return number(slots.at("blue"), "in_flight") == 0;
        }));
        return clients;
    }
};

TEST_F(Stuck, C01_AWorkerThatHangsIsNamedAndTheSwitchStands) {
    start(with_rare_checks(config()));
    // The kernel spreads connections: that one of the workers gets none happens once in eight
    // million times.
    auto clients = connections(24);
    std::optional<StoppedThread> hanging(std::in_place, daemon().pid(), "worker-1");
    const auto run = daemon().cli({"switch", "app", "green"});
    EXPECT_EQ(run.exit.code, 4) << run.out << run.err;
    EXPECT_NE(run.err.find("worker 1 did not confirm"), std::string::npos) << run.out << run.err;
    EXPECT_EQ(run.err.find("worker 0"), std::string::npos) << run.err;
    EXPECT_EQ(live(), "green");
    EXPECT_EQ(epoch(), 2);
    EXPECT_NE(daemon().log().find("worker_stuck worker=1"), std::string::npos);
    ASSERT_TRUE(eventually([this] { return latest().at("outcome").as_string() == "drained"; }));
    EXPECT_EQ(latest().at("to").as_string(), "green");
    EXPECT_NE(std::string(latest().at("detail").as_string()).find("worker 1 did not confirm"),
              std::string::npos)
        << boost::json::serialize(latest());

    // The worker that does not hang answers, and from the new slot.
    for (auto& client : clients)
        client.send(request_text("GET", "/after"));
    ASSERT_TRUE(eventually([this] { return started(Colour::green, "/after") > 0; }));

    // The program that asks gets told which one it is.
    const auto back = admin().post("/v1/services/app/rollback");
    EXPECT_EQ(back.status, 500);
    EXPECT_EQ(back.error_code(), "not_acknowledged");
    const auto& error = back.json().at("error").at("details");
    EXPECT_TRUE(error.at("committed").as_bool());
    EXPECT_EQ(boost::json::serialize(error.at("workers")), "[1]");
    EXPECT_EQ(number(error, "epoch"), 3);
    EXPECT_EQ(live(), "blue");

    // What waited for the worker is decided by what is in force when it goes on (C1).
    std::vector<Client*> waiting;
    for (auto& client : clients) {
        if (client.quiet_for(1ms)) {
            waiting.push_back(&client);
        } else {
            EXPECT_EQ(colour_of(read_response(client)), "green");
        }
    }
    ASSERT_FALSE(waiting.empty()) << "nobody met the worker that hangs";
    hanging.reset();
    for (auto* client : waiting)
        EXPECT_EQ(colour_of(read_response(*client)), "blue");

    const auto again = daemon().cli({"switch", "app", "green"});
    EXPECT_EQ(again.exit.code, 0) << again.out << again.err;
    for (auto& client : clients)
        EXPECT_EQ(colour_of(exchange(client, "GET", "/")), "green");
}

/// Takes requests while the thread that writes the access log hangs, as it does when a disk does
/// not answer.
class HungDisk : public FrontDoor {
  protected:
    void start_logging() {
        start(config({}, "access_log: {path: \"${DIR}/access.log\", buffer: 4KiB}\n"));
    }
    [[nodiscard]] std::int64_t dropped() const {
        return number(admin().get("/v1/status").json(), "log_lines_dropped");
    }
    /// More than the buffers hold: every one is answered, and every line has its place.
    std::int64_t overflow() {
        auto client = connect();
        const Fields fields{{"User-Agent", std::string(1000, 'u')}};
        for (int i = 0; i < 40; ++i)
            EXPECT_EQ(exchange(client, "GET", "/", fields).status, 200);
        EXPECT_GT(dropped(), 0);
        return 40;
    }
    [[nodiscard]] std::int64_t lines() {
        const auto text = read_file(daemon().dir().file("access.log"));
        return std::count(text.begin(), text.end(), '\n');
    }
};

TEST_F(HungDisk, OfTheAccessLogCostsLinesButNoRequests) {
    start_logging();
    std::optional<StoppedThread> hanging(std::in_place, daemon().pid(), "access-log");
    const auto requests = overflow();
    hanging.reset();
    EXPECT_TRUE(eventually([&] { return lines() + dropped() == requests; }))
        << lines() << " lines and " << dropped() << " dropped of " << requests;
    const auto lost = dropped();
    ASSERT_EQ(get("/later").status, 200);
    EXPECT_TRUE(eventually([&] { return lines() + lost == requests + 1; }));
}

TEST_F(HungDisk, OfTheAccessLogDoesNotKeepTheDaemonFromEnding) {
    start_logging();
    const StoppedThread hanging(daemon().pid(), "access-log");
    overflow();
    EXPECT_EQ(daemon().terminate().code, 0);
    EXPECT_NE(daemon().log().find("access_log_stuck"), std::string::npos);
}

TEST_F(HungDisk, OfAnAccessLogThatIsReplacedDoesNotKeepTheReloadFromEnding) {
    start_logging();
    const StoppedThread hanging(daemon().pid(), "access-log");
    overflow();
    daemon().write_config(config({}, "access_log: {path: \"${DIR}/other.log\"}\n"));
    EXPECT_EQ(daemon().cli({"reload"}).exit.code, 0);
    ASSERT_EQ(get("/other").status, 200);
    const auto other = daemon().dir().file("other.log");
    EXPECT_TRUE(eventually([&] {
        return std::filesystem::exists(other) &&
               read_file(other).find("\"/other\"") != std::string::npos;
    }));
    EXPECT_EQ(daemon().terminate().code, 0);
}

}  // namespace
}  // namespace switchyard::test
