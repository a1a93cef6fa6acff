// What the metrics tell of connections of HTTP/2 to the targets.
#include "conformance/h2_origin.hpp"
#include "integration/metrics_page.hpp"

#include <atomic>
#include <map>
#include <thread>

#include <boost/json.hpp>

namespace switchyard::test {
namespace {

using Failures = std::map<std::string, int>;

class H2OriginMetrics : public H2Origin {
  protected:
    [[nodiscard]] std::string counted(const std::string& target, const std::string& service) {
        return config_for(target, service,
                          "admin: {socket: \"${DIR}/admin.sock\", metrics: \"127.0.0.1:0\"}\n") +
               "workers: 1\n";
    }
    void look_at(const Daemon& front) {
        address_ = front.admin().get("/v1/status").json().at("metrics_address").as_string();
    }
    /// One request by a target that is not healthy; then how its connection has failed.
    [[nodiscard]] Failures failures_with(const RawOrigin& target) {
        Daemon front(counted(target.address(), "    retries: 0\n    timeouts: {connect: 200ms}\n"));
        front.start();
        look_at(front);
        EXPECT_GE(test::get(front.address(), "/").status, 502);
        EXPECT_TRUE(eventually([&] { return !failures().empty(); }));
        EXPECT_TRUE(becomes("connections", 0));
        return failures();
    }
    [[nodiscard]] MetricsPage page() const {
        return MetricsPage(test::get(address_, "/metrics").body);
    }
    [[nodiscard]] double value(const std::string& name) const {
        return page().value("switchyard_upstream_http2_" + name, blue_);
    }
    /// Gauges of workers settle after an answer.
    [[nodiscard]] bool becomes(const std::string& name, double expected) const {
        return eventually([&] { return value(name) == expected; });
    }
    /// All failures so far, by reason; those that did not happen left out.
    [[nodiscard]] Failures failures() const {
        Failures found;
        const auto now = page();
        for (const char* reason :
             {"not_http2", "timeout", "protocol_error", "rejected", "closed"}) {
            Labels labels = blue_;
            labels["reason"] = reason;
            const auto count =
                now.value("switchyard_upstream_http2_connection_failures_total", labels);
            if (count != 0) found[reason] = static_cast<int>(count);
        }
        return found;
    }

    const Labels blue_ = {{"service", "app"}, {"slot", "blue"}};
    std::string address_;
};
TEST_F(H2OriginMetrics, TellOfConnectionsStreamsAndHowTheyEnd) {
    std::atomic<bool> go{false};
    const RawH2Origin target([&](H2OriginConnection& to, const Request& request) {
        const auto path = request.path();
        if (path == "/wait") {
            while (!go)
                std::this_thread::yield();
        }
        if (path == "/reset") {
            to.send(rst_stream(request.stream, H2Code::internal_error));
        } else if (path == "/calm") {
            to.goaway(0, H2Code::enhance_your_calm);
        } else if (path == "/garbage") {
            to.send(frame(FrameType::data, 0, 0, "x"));
        } else if (path == "/close") {
            return false;
        } else if (path == "/last") {
            to.answer_with(request.stream, "ok");
            return false;
        } else {
            to.answer_with(request.stream, "ok");
            if (path == "/late") to.send(rst_stream(request.stream, H2Code::no_error));
            if (path == "/bye") to.goaway(0x7fffffff);
            if (path == "/bye") to.goaway(request.stream);
        }
        return true;
    });
    start(counted(target.address(), "    retries: 0\n"));
    look_at(daemon());
    auto client = connect();
    EXPECT_EQ(value("connections"), 0);
    EXPECT_EQ(value("streams"), 0);

    client.send(request_text("GET", "/wait"));
    EXPECT_TRUE(becomes("streams", 1));
    EXPECT_EQ(value("connections"), 1);
    go = true;
    EXPECT_EQ(read_response(client).body, "ok");
    EXPECT_TRUE(becomes("streams", 0));
    EXPECT_EQ(value("connections"), 1);

    EXPECT_EQ(exchange(client, "POST", "/late").status, 200);
    EXPECT_EQ(value("resets_total"), 0) << "the response was complete";
    EXPECT_EQ(exchange(client, "POST", "/reset").status, 502);
    EXPECT_TRUE(becomes("resets_total", 1));

    EXPECT_EQ(exchange(client, "POST", "/bye").status, 200);
    EXPECT_TRUE(becomes("connections", 0));
    EXPECT_EQ(value("goaways_total"), 1) << "one connection, however often it is said";
    EXPECT_EQ(failures(), Failures());
    EXPECT_EQ(target.connections(), 1);

    EXPECT_EQ(exchange(client, "POST", "/last").status, 200);
    EXPECT_TRUE(becomes("connections", 0));
    EXPECT_EQ(failures(), Failures()) << "nobody waited for more";

    EXPECT_EQ(exchange(client, "POST", "/close").status, 502);
    EXPECT_TRUE(becomes("connections", 0));
    EXPECT_EQ(failures(), (Failures{{"closed", 1}}));
    EXPECT_EQ(exchange(client, "POST", "/garbage").status, 502);
    EXPECT_TRUE(becomes("connections", 0));
    EXPECT_EQ(failures(), (Failures{{"closed", 1}, {"protocol_error", 1}}));
    // Of this one the stream is refused, so that the request is tried again: once.
    EXPECT_GE(exchange(client, "POST", "/calm").status, 500);
    EXPECT_TRUE(becomes("connections", 0));
    EXPECT_EQ(value("goaways_total"), 1 + failures()["rejected"]);
    EXPECT_GE(failures()["rejected"], 1);
    EXPECT_EQ(value("streams"), 0);
}

TEST_F(H2OriginMetrics, CountWhatSpeaksSomethingElse) {
    const RawOrigin other([](int fd) {
        RawOrigin::send_all(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");
        char octet = 0;
        while (::recv(fd, &octet, 1, 0) > 0) {
        }
    });
    EXPECT_EQ(failures_with(other), (Failures{{"not_http2", 1}}));
}

TEST_F(H2OriginMetrics, CountWhatIsSilent) {
    const RawOrigin silent([](int fd) {
        char octet = 0;
        while (::recv(fd, &octet, 1, 0) > 0) {
        }
    });
    EXPECT_EQ(failures_with(silent), (Failures{{"timeout", 1}}));
}

}  // namespace
}  // namespace switchyard::test
