// The admin API and the metrics over real sockets.
#include "control/control.hpp"
#include "house.hpp"

#include <cstdlib>
#include <filesystem>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::control::testing {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
namespace json = boost::json;
using asio::local::stream_protocol;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

struct Answer {
    unsigned status = 0;
    std::string head;
    std::string body;  ///< Chunks put together.
    [[nodiscard]] json::object object() const { return json::parse(body).as_object(); }
};

std::string unchunk(std::string_view data) {
    std::string body;
    while (true) {
        const std::size_t end = data.find("\r\n");
        if (end == std::string_view::npos) return body + "<broken>";
        const std::size_t size =
            std::strtoul(std::string(data.substr(0, end)).c_str(), nullptr, 16);
        if (size == 0) return body;
        body += data.substr(end + 2, size);
        data.remove_prefix(end + 2 + size + 2);
    }
}

Answer parse_answer(const std::string& text) {
    Answer answer;
    const std::size_t end = text.find("\r\n\r\n");
    if (end == std::string::npos) return answer;
    answer.head = text.substr(0, end);
    answer.status = static_cast<unsigned>(std::atoi(text.c_str() + 9));
    answer.body = text.substr(end + 4);
    if (answer.head.find("chunked") != std::string::npos) answer.body = unchunk(answer.body);
    return answer;
}

template <class Socket>
asio::awaitable<void> talk(Socket& socket, std::string send, std::string& received, bool& closed) {
    co_await asio::async_write(socket, asio::buffer(send), asio::use_awaitable);
    char buffer[4096];
    while (true) {
        const auto [failed, size] = co_await socket.async_read_some(
            asio::buffer(buffer), asio::as_tuple(asio::use_awaitable));
        received.append(buffer, size);
        if (failed) break;
    }
    closed = true;
}

/// The whole control plane in a temporary folder.
class AdminServer : public ::testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/switchyard-admin-XXXXXX";
        folder = ::mkdtemp(name);
        auto config = make_config({make_service("app")});
        config.admin.socket = (folder / "admin.sock").string();
        config.admin.metrics = "127.0.0.1:0";
        house = std::make_unique<House>(config);
        plane = std::make_unique<ControlPlane>(
            house->context, house->config, make_store(house->disk, house->journal),
            Ports{house->publisher, house->health, house->reload, house->facts, nullptr},
            house->tuning);
        const auto snapshot = plane->prepare();
        ASSERT_TRUE(snapshot);
        house->publisher.current = *snapshot;
        const auto listening = plane->listen();
        ASSERT_TRUE(listening) << listening.error().message;
        ASSERT_TRUE(plane->record());
        plane->start();
        plane->open();
    }
    void TearDown() override {
        if (!stopped) house->run(plane->stop());
        plane.reset();
        house.reset();
        fs::remove_all(folder);
    }

    stream_protocol::socket connect() {
        stream_protocol::socket socket(house->context);
        socket.connect(stream_protocol::endpoint(house->config->admin.socket));
        return socket;
    }
    /// Sends `text` on a connection of its own and reads until the server closes it.
    std::string exchange(std::string text) {
        auto socket = connect();
        return exchange(socket, std::move(text));
    }
    template <class Socket>
    std::string exchange(Socket& socket, std::string text) {
        std::string received;
        bool closed = false;
        asio::co_spawn(house->context, talk(socket, std::move(text), received, closed),
                       [](const std::exception_ptr&) {});
        house->run_until([&] { return closed; });
        return received;
    }
    Answer call(const std::string& method, const std::string& target,
                const std::string& body = {}) {
        return parse_answer(exchange(method + " " + target + " HTTP/1.1\r\nHost: x\r\n" +
                                     "Connection: close\r\nContent-Length: " +
                                     std::to_string(body.size()) + "\r\n\r\n" + body));
    }
    std::string code(const Answer& answer) {
        return text(answer.object().at("error").as_object(), "code");
    }
    std::vector<json::object> lines(const Answer& answer) {
        std::vector<json::object> found;
        std::size_t begin = 0;
        while (begin < answer.body.size()) {
            const std::size_t end = answer.body.find('\n', begin);
            found.push_back(json::parse(answer.body.substr(begin, end - begin)).as_object());
            begin = end + 1;
        }
        return found;
    }

    fs::path folder;
    std::unique_ptr<House> house;
    std::unique_ptr<ControlPlane> plane;
    bool stopped = false;
};

TEST_F(AdminServer, TellsItsStatus) {
    house->health.set("green:1", route::Health::unhealthy, "connection refused");
    house->facts.cells[1].connections.add(5);
    house->facts.cells[0].unrouted_by_outcome[3].add(2);
    house->publisher.enter("app");
    const Answer answer = call("GET", "/v1/status");
    EXPECT_EQ(answer.status, 200U);
    EXPECT_THAT(answer.head, HasSubstr("application/json"));
    const json::object status = answer.object();
    EXPECT_EQ(number(status, "connections"), 5);
    EXPECT_EQ(number(status, "workers"), 2);
    EXPECT_EQ(number(status, "log_lines_dropped"), 3);
    EXPECT_EQ(number(status.at("unrouted").as_object(), "refused"), 2);
    EXPECT_EQ(text(status, "metrics_address"), plane->metrics_address());
    const json::object app = status.at("services").as_array().at(0).as_object();
    EXPECT_EQ(text(app, "live"), "blue");
    EXPECT_EQ(text(app, "live_name"), "blue-production");
    EXPECT_TRUE(app.at("previous").is_null());
    EXPECT_TRUE(app.at("change").is_null());
    EXPECT_EQ(number(app.at("books").as_object(), "in_flight"), 1);
    const json::object blue = app.at("slots").as_object().at("blue").as_object();
    EXPECT_EQ(text(blue, "state"), "live");
    EXPECT_EQ(number(blue, "requests_total"), 1);
    const json::object green = app.at("slots").as_object().at("green").as_object();
    EXPECT_FALSE(green.at("healthy").as_bool());
    const json::object target = green.at("targets").as_array().at(0).as_object();
    EXPECT_EQ(text(target, "state"), "unhealthy");
    EXPECT_EQ(text(target.at("last_check").as_object(), "error"), "connection refused");
    EXPECT_TRUE(target.at("last_check").as_object().at("status").is_null());
}

TEST_F(AdminServer, TellsNothingOfAPreviewThatThereIsNot) {
    const Answer answer = call("POST", "/v1/services/app/preview");
    EXPECT_EQ(answer.status, 404U);
    EXPECT_EQ(code(answer), "no_preview");
    EXPECT_EQ(code(call("POST", "/v1/services/nobody/preview")), "unknown_service");
    EXPECT_EQ(code(call("POST", "/v1/services/app/preview", R"({"for":1})")), "bad_request");
    EXPECT_EQ(call("GET", "/v1/services/app/preview").status, 405U);
    EXPECT_TRUE(call("GET", "/v1/services/app").object().at("preview").is_null());
}

TEST_F(AdminServer, SwitchesAndStreamsAndKnowsThePeer) {
    const auto ledger = house->publisher.enter("app");
    house->publisher.leave(ledger, observe::Outcome::completed);
    const Answer answer = call("POST", "/v1/services/app/switch", R"({"to":"green"})");
    EXPECT_EQ(answer.status, 200U);
    EXPECT_THAT(answer.head, HasSubstr("application/x-ndjson"));
    const auto said = lines(answer);
    ASSERT_EQ(said.size(), 2U);
    EXPECT_EQ(text(said[0], "event"), "committed");
    EXPECT_EQ(text(said[1], "event"), "drained");
    EXPECT_EQ(house->disk->entry(2).uid, ::getuid());

    const json::object history = call("GET", "/v1/history?service=app&limit=1").object();
    const json::array& entries = history.at("entries").as_array();
    ASSERT_EQ(entries.size(), 1U);
    EXPECT_EQ(text(entries[0].as_object(), "action"), "switch");
    EXPECT_EQ(number(entries[0].as_object(), "uid"), static_cast<std::int64_t>(::getuid()));
}

TEST_F(AdminServer, AClientThatLeavesStopsNeitherTheCommitNorTheDrain) {
    const auto ledger = house->publisher.enter("app");
    house->disk->hold_commit = true;
    {
        auto socket = connect();
        const std::string request =
            "POST /v1/services/app/switch HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
        asio::write(socket, asio::buffer(request));
        house->run_until([&] {
            const std::lock_guard lock(house->disk->mutex);
            return house->disk->commits_waiting == 1;
        });
    }
    house->disk->release();
    house->run_until([&] { return plane->controller().drains().size() == 1; });
    EXPECT_EQ(house->publisher.current->services.at(0)->live, Colour::green);
    house->publisher.leave(ledger, observe::Outcome::completed);
    house->run_until([&] { return house->disk->entry(2).outcome == "drained"; });
}

TEST_F(AdminServer, KeepsConnectionsAndAnswersPipelinedRequestsInOrder) {
    auto socket = connect();
    const std::string text =
        exchange(socket,
                 "GET /v1/version HTTP/1.1\r\nHost: x\r\n\r\n"
                 "GET /v1/nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
                 "GET /v1/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const std::size_t first = text.find("200 OK");
    const std::size_t second = text.find("404 Not Found");
    const std::size_t third = text.rfind("200 OK");
    EXPECT_LT(first, second);
    EXPECT_LT(second, third);
    EXPECT_NE(third, std::string::npos);
}

TEST_F(AdminServer, RefusesWhatIsNotARequestOfItsApi) {
    struct Case {
        const char* method;
        const char* target;
        const char* body;
        unsigned status;
        const char* code;
    };
    const Case cases[] = {
        {"GET", "/", "", 404, "not_found"},
        {"GET", "/v2/status", "", 404, "not_found"},
        {"POST", "/v1/status", "", 405, "method_not_allowed"},
        {"GET", "/v1/services/app/switch", "", 405, "method_not_allowed"},
        {"GET", "/v1/services/nope", "", 404, "unknown_service"},
        {"POST", "/v1/services/nope/switch", "", 404, "unknown_service"},
        {"GET", "/v1/history?limit=0", "", 400, "bad_request"},
        {"GET", "/v1/history?limit=x", "", 400, "bad_request"},
        {"GET", "/v1/history?service=nope", "", 404, "unknown_service"},
        {"GET", "/v1/events?service=nope", "", 404, "unknown_service"},
        {"POST", "/v1/services/app/switch", "{", 400, "bad_request"},
        {"POST", "/v1/services/app/switch", "[]", 400, "bad_request"},
        {"POST", "/v1/services/app/switch", R"({"frce":true})", 400, "bad_request"},
        {"POST", "/v1/services/app/switch", R"({"force":"yes"})", 400, "bad_request"},
        {"POST", "/v1/services/app/switch", R"({"to":"red"})", 400, "bad_request"},
        {"POST", "/v1/services/app/switch", R"({"if_epoch":-1})", 400, "bad_request"},
        {"POST", "/v1/services/app/switch", R"({"drain_timeout_ms":86400001})", 400, "bad_request"},
        {"POST", "/v1/services/app/rollback", R"({"to":"blue"})", 400, "bad_request"},
        {"POST", "/v1/services/app/rollback", "", 409, "nothing_to_roll_back"},
        {"POST", "/v1/services/app/switch", R"({"to":"blue"})", 409, "already_live"},
        {"POST", "/v1/reload", R"({"x":1})", 400, "bad_request"},
    };
    for (const Case& entry : cases) {
        const Answer answer = call(entry.method, entry.target, entry.body);
        EXPECT_EQ(answer.status, entry.status) << entry.target << entry.body;
        EXPECT_EQ(code(answer), entry.code) << entry.target << entry.body;
    }
    EXPECT_EQ(house->publisher.current->services.at(0)->epoch, 1U);
}

TEST_F(AdminServer, LimitsWhatItReads) {
    EXPECT_EQ(code(call("POST", "/v1/services/app/switch", std::string(70'000, ' '))), "too_large");
    const Answer head = parse_answer(
        exchange("GET /v1/status HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n"));
    EXPECT_EQ(head.status, 413U);
    const Answer garbage = parse_answer(exchange("hello there\r\n\r\n"));
    EXPECT_EQ(garbage.status, 400U);
}

TEST_F(AdminServer, APlanIsOneObject) {
    const Answer answer = call("POST", "/v1/services/app/switch", R"({"plan":true})");
    EXPECT_EQ(answer.status, 200U);
    EXPECT_TRUE(answer.object().at("allowed").as_bool());
    EXPECT_EQ(number(answer.object(), "epoch_after"), 2);
}

TEST_F(AdminServer, ReloadAnswersWithChangesOrProblems) {
    house->next_load.config = *house->config;
    house->next_load.config.services.push_back(make_service("shop"));
    const Answer good = call("POST", "/v1/reload");
    EXPECT_EQ(good.status, 200U);
    EXPECT_TRUE(good.object().at("reloaded").as_bool());
    EXPECT_EQ(good.object().at("changes").as_array().at(0).as_string(), "service shop added");
    house->next_load.problems.push_back({"f", 1, 2, "wrong"});
    const Answer bad = call("POST", "/v1/reload");
    EXPECT_EQ(bad.status, 422U);
    EXPECT_EQ(code(bad), "invalid_config");
}

TEST_F(AdminServer, ReloadForASignalIsWrittenUnderTheDaemonsName) {
    house->next_load.config = *house->config;
    std::string error = "not run";
    bool done = false;
    asio::co_spawn(house->context, plane->reload_for_signal(),
                   [&](const std::exception_ptr&, std::string result) {
                       error = std::move(result);
                       done = true;
                   });
    house->run_until([&] { return done; });
    EXPECT_EQ(error, "");
    EXPECT_EQ(house->disk->entry(2).user, "signal");
    EXPECT_EQ(house->disk->entry(2).uid, ::getuid());
}

TEST_F(AdminServer, StopEndsEventStreamsPolitelyAndRemovesTheSocket) {
    auto socket = connect();
    std::string received;
    bool closed = false;
    asio::co_spawn(house->context,
                   talk(socket, "GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n", received, closed),
                   [](const std::exception_ptr&) {});
    auto idle = connect();
    house->run_until([&] { return received.find("hello") != std::string::npos; });
    house->run(plane->stop());
    stopped = true;
    house->run_until([&] { return closed; });
    const auto said = lines(parse_answer(received));
    EXPECT_EQ(text(said.front(), "event"), "hello");
    EXPECT_EQ(text(said.back(), "event"), "stopping");
    EXPECT_FALSE(fs::exists(house->config->admin.socket));
}

TEST_F(AdminServer, MetricsAreOnTheirOwnListener) {
    const std::string address = plane->metrics_address();
    const auto port = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
    const auto get = [&](const std::string& target) {
        asio::ip::tcp::socket socket(house->context);
        socket.connect({asio::ip::make_address("127.0.0.1"), port});
        return parse_answer(exchange(
            socket, "GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    };
    const Answer metrics = get("/metrics");
    EXPECT_EQ(metrics.status, 200U);
    EXPECT_THAT(metrics.head, HasSubstr("text/plain; version=0.0.4"));
    EXPECT_THAT(metrics.body, HasSubstr("switchyard_"));
    EXPECT_THAT(metrics.body, HasSubstr("service=\"app\""));
    EXPECT_EQ(get("/healthz").body, "ok\n");
    EXPECT_EQ(get("/v1/status").status, 404U);
}

TEST_F(AdminServer, ASecondDaemonOnTheSameSocketIsRefused) {
    House other(*house->config);
    ControlPlane second(other.context, other.config, make_store(other.disk, other.journal),
                        Ports{other.publisher, other.health, other.reload, other.facts, nullptr},
                        other.tuning);
    ASSERT_TRUE(second.prepare());
    const auto listening = second.listen();
    ASSERT_FALSE(listening);
    EXPECT_THAT(listening.error().message, HasSubstr(house->config->admin.socket));
}

}  // namespace
}  // namespace switchyard::control::testing
