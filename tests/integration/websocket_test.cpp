// C11 with both ends of a real WebSocket library: what a switch, a deadline and the stop do to open
// connections.
#include "support/websocket.hpp"

#include "integration/contract.hpp"
#include "integration/metrics_page.hpp"

#include <algorithm>

namespace switchyard::test {
namespace {

class WebSockets : public testing::TestWithParam<Transport> {
  protected:
    /// `drain` as in `drain: {...}`, `service` further lines of the service.
    void start(const std::string& drain, const std::string& service = {},
               const std::string& top = {}) {
        std::string yaml = "listeners:\n  - address: \"127.0.0.1:0\"\n";
        if (GetParam() == Transport::h2c) {
            yaml = "listeners:\n  - {address: \"127.0.0.1:0\", h2c: true}\n";
        } else if (is_encrypted(GetParam())) {
            certificates_ = std::make_unique<TestCertificates>();
            yaml = "listeners:\n" + certificates_->listener("127.0.0.1:0");
        }
        yaml += "access_log: {path: \"${DIR}/access.log\"}\nservices:\n  app:\n    slots:\n";
        yaml += "      blue: {targets: [\"" + blue_.address() + "\"]}\n";
        yaml += "      green: {targets: [\"" + green_.address() + "\"]}\n";
        yaml += "    health_check: {path: /up, interval: 100ms, healthy_after: 1}\n";
        yaml += "    drain: {" + drain + "}\n" + service + top;
        daemon_ = std::make_unique<Daemon>(yaml);
        daemon_->start();
        for (const auto colour : kColours)
            ASSERT_TRUE(daemon_->wait_healthy("app", colour)) << daemon_->log();
    }

    [[nodiscard]] WebSocketVisitor visit(const std::string& path,
                                         std::vector<std::string> options = {}) const {
        std::string scheme = "ws://";
        if (speaks_http2(GetParam())) options.emplace_back("--http2");
        if (is_encrypted(GetParam())) {
            scheme = "wss://";
            options.insert(options.end(), {"--ca", certificates_->ca()});
        }
        return WebSocketVisitor(scheme + daemon_->address() + path, std::move(options));
    }

    [[nodiscard]] AdminStream switching(std::string_view to, std::string_view more) const {
        return AdminStream(daemon_->admin().socket(), "POST", "/v1/services/app/switch",
                           R"({"to":")" + std::string(to) + "\"," + std::string(more) + "}");
    }
    [[nodiscard]] std::int64_t tunnels(std::string_view slot) const {
        return number(daemon_->admin().service("app").at("slots").at(slot), "tunnels");
    }
    [[nodiscard]] boost::json::value access_line() const {
        EXPECT_TRUE(eventually([&] {
            return read_file(daemon_->dir().file("access.log")).find("\"status\":101") !=
                   std::string::npos;
        }));
        const std::string log = read_file(daemon_->dir().file("access.log"));
        std::size_t at = 0;
        while (at < log.size()) {
            const std::string line = log.substr(at, log.find('\n', at) - at);
            if (line.find("\"status\":101") != std::string::npos) return boost::json::parse(line);
            at += line.size() + 1;
        }
        return nullptr;
    }

    WebSocketServer blue_{"blue"};
    WebSocketServer green_{"green"};
    std::unique_ptr<TestCertificates> certificates_;
    std::unique_ptr<Daemon> daemon_;
};

INSTANTIATE_TEST_SUITE_P(Over, WebSockets, all_transports(), transport_name);

TEST_P(WebSockets, MessagesGoBothWaysAndAGoodbyeEndsBothSides) {
    start("timeout: 30s");
    auto visitor = visit("/chat", {"--leave"});
    visitor.line("open");
    EXPECT_EQ(visitor.line("said"), "said blue:message 0");
    EXPECT_EQ(visitor.closed(), 1000);
    EXPECT_EQ(blue_.line("closed"), "closed 1000");
    const auto line = access_line();
    EXPECT_EQ(line.at("outcome").as_string(), "completed");
    EXPECT_EQ(line.at("error").as_string(), "");
    // A short message, perhaps compressed, and a Close, with masks; the answer, and our head.
    EXPECT_GE(number(line, "bytes_received"), 6 + 9 + 6 + 2);
    EXPECT_LT(number(line, "bytes_received"), 100);
    EXPECT_GT(number(line, "bytes_sent"), 100);
    EXPECT_TRUE(eventually([&] { return tunnels("blue") == 0; }));
}

TEST_P(WebSockets, ARefusalOfTheOriginIsAnOrdinaryAnswer) {
    start("timeout: 30s");
    for (const int status : {400, 403, 404, 503}) {
        auto visitor = visit("/refuse/" + std::to_string(status));
        EXPECT_EQ(visitor.line("refused"), "refused " + std::to_string(status));
    }
    EXPECT_EQ(tunnels("blue"), 0);
}

TEST_P(WebSockets, C11_CloseSaysGoingAwayToBothSidesAndTheDrainEnds) {
    start("timeout: 60s, tunnels: close");
    auto visitor = visit("/chat", {"--count", "3"});
    visitor.line("said");
    EXPECT_TRUE(eventually([&] { return tunnels("blue") == 3; }));

    auto stream = switching("green", R"("wait":true)");
    const auto committed = stream.next_event("committed");
    EXPECT_EQ(number(committed, "tunnels_on_old"), 3);
    EXPECT_EQ(number(committed, "in_flight_on_old"), 0);
    EXPECT_EQ(committed.at("tunnels_policy").as_string(), "close");
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(visitor.closed(), 1001);
        EXPECT_EQ(blue_.line("closed"), "closed 1001");
    }
    const auto drained = stream.next_event("drained");
    EXPECT_EQ(number(drained.at("tunnels"), "closed"), 3);
    EXPECT_EQ(number(drained.at("tunnels"), "cut"), 0);
    EXPECT_EQ(number(drained.at("tunnels"), "remaining"), 0);
    EXPECT_EQ(number(drained, "completed"), 0) << "tunnels are counted apart";
    EXPECT_LT(number(drained, "elapsed_ms"), 30'000);
    const auto line = access_line();
    EXPECT_EQ(line.at("outcome").as_string(), "completed");
    EXPECT_EQ(line.at("error").as_string(), "tunnel_closed");
    auto after = visit("/chat");
    EXPECT_EQ(after.line("said").substr(0, 10), "said green");
}

TEST_P(WebSockets, C11_ManyAreClosedOneAfterTheOtherOverTheDrain) {
    start("timeout: 8s, tunnels: close");
    constexpr int kMany = 100;
    auto visitor = visit("/chat", {"--silent", "--count", std::to_string(kMany)});
    visitor.line("open", Deadline(60s));
    auto stream = switching("green", R"("wait":true)");
    stream.next_event("committed");
    std::vector<double> ends;
    for (int i = 0; i < kMany; ++i) {
        const std::string line = visitor.line("closed 1001 after ");
        ends.push_back(std::stod(line.substr(18)));
    }
    // 50 ms each: 5 s, of the 6 s that the window allows.
    std::sort(ends.begin(), ends.end());
    EXPECT_GT(ends.back() - ends.front(), 3.0);
    for (std::size_t i = 0; i + 60 < ends.size(); ++i)
        EXPECT_GT(ends[i + 60] - ends[i], 0.2) << "too many at once, from " << i;
    const auto drained = stream.next_event("drained");
    EXPECT_EQ(number(drained.at("tunnels"), "closed"), kMany);
    EXPECT_EQ(number(drained.at("tunnels"), "cut"), 0);
}

TEST_P(WebSockets, C11_KeepLetsThemLiveAndSaysSo) {
    start("timeout: 60s, tunnels: keep");
    auto visitor = visit("/chat");
    visitor.line("said");
    auto stream = switching("green", R"("wait":true)");
    stream.next_event("committed");
    const auto drained = stream.next_event("drained");
    EXPECT_EQ(drained.at("tunnels").at("policy").as_string(), "keep");
    EXPECT_EQ(number(drained.at("tunnels"), "remaining"), 1);
    EXPECT_EQ(number(drained, "remaining"), 0);
    // It goes on, on the old slot; new ones go to the other.
    EXPECT_EQ(visitor.line("said").substr(0, 9), "said blue");
    auto after = visit("/chat");
    EXPECT_EQ(after.line("said").substr(0, 10), "said green");

    const auto drains = daemon_->admin().service("app").at("drains").as_array();
    ASSERT_EQ(drains.size(), 1u);
    EXPECT_TRUE(drains[0].at("kept").as_bool());
    EXPECT_EQ(number(drains[0], "tunnels"), 1);
    EXPECT_NE(daemon_->cli({"status"}).out.find("keeping 1 tunnel on blue"), std::string::npos)
        << daemon_->cli({"status"}).out;
    // The other way round nothing is kept any more: it is live traffic again.
    auto back = switching("blue", R"("wait":true)");
    back.next_event("drained");
    EXPECT_EQ(visitor.line("said").substr(0, 9), "said blue");
    EXPECT_TRUE(eventually([&] {
        const auto now = daemon_->admin().service("app").at("drains").as_array();
        return now.size() == 1 && now[0].at("slot").as_string() == "green";
    }));
}

TEST_P(WebSockets, C15_OneThatComesDuringAHoldWaitsAndThoseThatAreOpenGoOn) {
    start("timeout: 60s, tunnels: keep");
    auto open = visit("/chat");
    open.line("said");
    ASSERT_TRUE(eventually([&] { return tunnels("blue") == 1; }));
    const auto admin = daemon_->admin();
    const auto answer = admin.post("/v1/services/app/hold",
                                   R"({"wait":false,"max_ms":60000,"idle_wait_ms":40000})");
    ASSERT_EQ(answer.status, 200) << answer.response.body;
    const auto begun = answer.event("held");
    EXPECT_EQ(number(begun, "in_flight"), 0);
    EXPECT_EQ(number(begun, "tunnels"), 1);
    auto late = visit("/chat");
    EXPECT_TRUE(eventually([&] { return number(admin.service("app").at("hold"), "held") == 1; }));
    EXPECT_EQ(open.line("said").substr(0, 9), "said blue");
    ASSERT_EQ(admin.switch_to("app", "green").status, 200);
    EXPECT_EQ(number(admin.service("app").at("hold"), "held"), 1);
    const auto released = admin.post("/v1/services/app/release");
    ASSERT_EQ(released.status, 200) << released.response.body;
    EXPECT_EQ(number(released.json(), "released"), 1);
    EXPECT_EQ(late.line("said").substr(0, 10), "said green");
    EXPECT_EQ(open.line("said").substr(0, 9), "said blue");
}

TEST_P(WebSockets, C11_WhatIsKeptIsClosedAtItsLimit) {
    start("timeout: 5s, tunnels: keep, keep_tunnels: 300ms");
    auto visitor = visit("/chat");
    visitor.line("said");
    auto stream = switching("green", R"("wait":true)");
    stream.next_event("drained");
    EXPECT_EQ(visitor.closed(), 1001);
    EXPECT_EQ(blue_.line("closed"), "closed 1001");
    EXPECT_TRUE(eventually(
        [&] { return daemon_->admin().service("app").at("drains").as_array().empty(); }));
}

TEST_P(WebSockets, C11_CutEndsThemAtTheDeadlineVisibly) {
    start("timeout: 500ms, tunnels: cut");
    auto visitor = visit("/chat");
    visitor.line("said");
    auto stream = switching("green", R"("wait":true)");
    stream.next_event("committed");
    EXPECT_EQ(visitor.closed(), 1006) << "no goodbye";
    EXPECT_EQ(blue_.line("closed"), "closed 1006");
    const auto drained = stream.next_event("drained");
    EXPECT_EQ(number(drained.at("tunnels"), "cut"), 1);
    EXPECT_EQ(number(drained, "cut"), 0) << "no request was cut";
    EXPECT_GE(number(drained, "elapsed_ms"), 500);
    EXPECT_EQ(access_line().at("outcome").as_string(), "cut");
}

TEST_P(WebSockets, C13_ARollbackStopsTheClosing) {
    start("timeout: 60s, tunnels: close");
    auto visitor = visit("/chat", {"--silent", "--count", "200"});
    visitor.line("open", Deadline(60s));
    auto stream = switching("green", R"("wait":true)");
    stream.next_event("committed");
    visitor.line("closed 1001");  // The first of them.
    ASSERT_EQ(daemon_->admin().post("/v1/services/app/rollback", R"({"wait":false})").status, 200);
    const auto drained = stream.next_event("drained");
    EXPECT_TRUE(drained.at("cancelled").as_bool());
    const auto left = number(drained.at("tunnels"), "remaining");
    EXPECT_GT(left, 100);
    EXPECT_EQ(number(drained.at("tunnels"), "cut"), 0);
    // Those that were not told live on.
    EXPECT_TRUE(eventually([&] { return tunnels("blue") <= left; }));
    EXPECT_GT(tunnels("blue"), 100);
}

TEST_P(WebSockets, TheStopSaysGoingAwayAndDoesNotWaitForItsDeadline) {
    start("timeout: 60s, tunnels: keep", {}, "timeouts: {shutdown: 60s}\n");
    auto visitor = visit("/chat", {"--silent", "--count", "5"});
    visitor.line("open");
    EXPECT_EQ(daemon_->terminate(Deadline(30s)).code, 0);
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(visitor.closed(), 1001);
    EXPECT_EQ(blue_.line("closed"), "closed 1001");
}

TEST_P(WebSockets, SilenceEndsInGoodOrder) {
    start("timeout: 60s", "    timeouts: {tunnel_idle: 500ms}\n");
    auto talks = visit("/chat");
    auto silent = visit("/chat", {"--silent"});
    EXPECT_EQ(silent.closed(), 1001);
    EXPECT_EQ(blue_.line("closed"), "closed 1001");
    EXPECT_EQ(access_line().at("error").as_string(), "tunnel_idle");
    EXPECT_EQ(talks.line("said").substr(0, 9), "said blue") << "it is not silent";
}

TEST_P(WebSockets, ABigMessageComesWhole) {
    start("timeout: 60s");
    auto visitor = visit("/push?bytes=20000000", {"--silent"});
    EXPECT_EQ(visitor.line("said"), "said 20000000");
    visitor.process().kill();
    EXPECT_GT(number(access_line(), "bytes_sent"), 20'000'000);
}

TEST_P(WebSockets, AClientThatIsKilledIsGoneForTheOriginToo) {
    start("timeout: 60s");
    auto visitor = visit("/chat");
    visitor.line("said");
    visitor.process().kill();
    EXPECT_EQ(blue_.line("closed"), "closed 1006");
    EXPECT_TRUE(eventually([&] { return tunnels("blue") == 0; }));
}

TEST_P(WebSockets, AnOriginThatIsKilledIsGoneForTheClientToo) {
    start("timeout: 60s");
    auto visitor = visit("/chat");
    visitor.line("said");
    blue_.process().kill();
    EXPECT_EQ(visitor.closed(), 1006);
    EXPECT_EQ(access_line().at("outcome").as_string(), "upstream_error");
}

TEST_P(WebSockets, MetricsCountTunnelsAndTheirOctets) {
    start("timeout: 60s", {}, "admin: {socket: \"${DIR}/admin.sock\", metrics: \"127.0.0.1:0\"}\n");
    auto visitor = visit("/chat");
    visitor.line("said");
    const auto page = [&] {
        const auto status = daemon_->admin().get("/v1/status").json();
        return MetricsPage(
            get(std::string(status.at("metrics_address").as_string()), "/metrics").body);
    };
    const Labels blue{{"service", "app"}, {"slot", "blue"}};
    auto received = blue;
    received["direction"] = "received";
    EXPECT_EQ(page().value("switchyard_tunnels", blue), 1);
    EXPECT_EQ(page().value("switchyard_tunnels_opened_total", blue), 1);
    EXPECT_GE(page().value("switchyard_tunnel_bytes_total", received), 15) << "while it is open";
    visitor.process().kill();
    EXPECT_TRUE(eventually([&] { return page().value("switchyard_tunnels", blue) == 0; }));
    EXPECT_EQ(page().sum("switchyard_requests_total", {{"slot", "blue"}, {"code", "1xx"}}), 1);
}

}  // namespace
}  // namespace switchyard::test
