// Retries as far as their bounds and their places go (C10): the rule itself is in
// contract_messages_test.cpp and tests/conformance/failures_test.cpp.
#include "integration/contract.hpp"
#include "integration/metrics_page.hpp"
#include "support/scripted_origin.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>
#include <vector>

namespace switchyard::test {
namespace {

using Clock = std::chrono::steady_clock;

class Retries : public SwitchContract {
  protected:
    /// Starts with these targets for blue, and health checks that disturb nothing.
    void start_with(const std::vector<std::string>& targets, std::string_view service,
                    std::string_view top = {}) {
        start(with_blue_targets(with_rare_checks(config(service, top)),
                                origin(Colour::blue).address(), targets));
        ASSERT_TRUE(eventually([&] {
            const auto app = admin().service("app");
            for (const auto& target : app.at("slots").at("blue").at("targets").as_array()) {
                if (target.at("state").as_string() != "healthy") return false;
            }
            return true;
        }));
    }
    static constexpr std::string_view kMetrics =
        "admin: {socket: \"${DIR}/admin.sock\", metrics: \"127.0.0.1:0\"}\n";
    [[nodiscard]] MetricsPage get_metrics() const {
        const auto status = admin().get("/v1/status").json();
        return MetricsPage(
            test::get(std::string(status.at("metrics_address").as_string()), "/metrics").body);
    }
    /// Of requests that have all been answered.
    [[nodiscard]] std::int64_t book(std::string_view what) const {
        return number(admin().service_at_rest("app").at("books"), what);
    }
};

TEST_F(Retries, C10_ARetryGoesToATargetThatWasNotTried) {
    const ScriptedOrigin bad([](int) { return drop(); });
    const ScriptedOrigin good([](int) { return answer(200); });
    start_with({bad.address(), good.address()}, "    retries: {minimum: 1000}\n");
    constexpr int kRequests = 60;
    for (int i = 0; i < kRequests; ++i) {
        auto client = connect();
        ASSERT_EQ(exchange(client, "GET", "/").status, 200) << i;
    }
    EXPECT_GT(bad.requests(), 5);
    EXPECT_EQ(good.requests(), kRequests);
    for (const auto& [id, times] : bad.by_id())
        EXPECT_EQ(times, 1) << "sent again to where it had failed";
    EXPECT_EQ(book("accepted"), kRequests);
    EXPECT_EQ(book("completed"), kRequests);
}

TEST_F(Retries, C10_APostIsNeverSentAgainOnceItsHeadMayHaveArrived) {
    const ScriptedOrigin bad([](int) { return drop(); });
    const ScriptedOrigin good([](int) { return answer(200); });
    start_with({bad.address(), good.address()},
               "    retries: {minimum: 1000, statuses: [502, 503, 504], try_timeout: 1s}\n");
    int failed = 0;
    constexpr int kRequests = 60;
    for (int i = 0; i < kRequests; ++i) {
        auto client = connect();
        if (exchange(client, "POST", "/", {}, "one pizza").status == 502) ++failed;
    }
    EXPECT_GT(failed, 5);
    EXPECT_EQ(failed, bad.requests());
    EXPECT_EQ(good.requests(), kRequests - failed);
    for (const auto& [id, times] : bad.by_id())
        EXPECT_EQ(good.by_id().count(id), 0u);
}

TEST_F(Retries, C10_ATryThatTakesTooLongIsFollowedByAnother) {
    const ScriptedOrigin stuck([](int) { return hang(); });
    const ScriptedOrigin good([](int) { return answer(200); });
    start_with({stuck.address(), good.address()},
               "    retries: {try_timeout: 200ms}\n    timeouts: {response_head: 2s}\n");
    for (int i = 0; stuck.requests() < 3; ++i) {
        ASSERT_LT(i, 100);
        auto client = connect();
        ASSERT_EQ(exchange(client, "GET", "/").status, 200);
    }
    EXPECT_EQ(good.by_id().size(), static_cast<std::size_t>(good.requests()));
    // What may have been processed waits for as long as it may.
    for (int i = 0, before = stuck.requests(); stuck.requests() == before; ++i) {
        ASSERT_LT(i, 100);
        auto client = connect();
        const auto begun = Clock::now();
        const auto response = exchange(client, "POST", "/", {}, "one pizza");
        if (stuck.requests() == before) continue;
        EXPECT_EQ(response.status, 504);
        EXPECT_EQ(response.field("X-Switchyard-Error"), "response_timeout");
        EXPECT_GE(Clock::now() - begun, 2s);
    }
}

TEST_F(Retries, C10_TheLastTryGetsTheTimeThatIsLeft) {
    const ScriptedOrigin slow([](int) { return answer(200, "late", 1500ms); });
    start_with({slow.address()}, "    retries: {attempts: 1, try_timeout: 200ms, backoff: 0s}\n");
    auto client = connect();
    EXPECT_EQ(exchange(client, "GET", "/").body, "late");
    EXPECT_EQ(slow.requests(), 2);
}

TEST_F(Retries, C10_WithoutABudgetASlowTryGoesOn) {
    const ScriptedOrigin slow([](int) { return answer(200, "late", 1500ms); });
    start_with({slow.address()}, "    retries: {budget: 0%, minimum: 0, try_timeout: 200ms}\n");
    auto client = connect();
    EXPECT_EQ(exchange(client, "GET", "/").body, "late");
    EXPECT_EQ(slow.requests(), 1);
}

TEST_F(Retries, C10_AllTriesTogetherWaitNoLongerThanOneMay) {
    const ScriptedOrigin stuck([](int) { return hang(); });
    start_with({stuck.address()},
               "    retries: {attempts: 10, try_timeout: 200ms, backoff: 0s}\n"
               "    timeouts: {response_head: 1s}\n");
    auto client = connect();
    const auto begun = Clock::now();
    const auto response = exchange(client, "GET", "/");
    EXPECT_EQ(response.status, 504);
    EXPECT_GE(Clock::now() - begun, 900ms);
    EXPECT_LT(Clock::now() - begun, 4s);
    EXPECT_GE(stuck.requests(), 2);
    EXPECT_EQ(book("upstream_error"), 1);
}

TEST_F(Retries, C10_StatusesAreTriedAgainOnlyWhereThatIsConfigured) {
    const auto script = [](int) { return answer(503, "busy"); };
    {
        const ScriptedOrigin busy(script);
        start_with({busy.address()}, "    retries: {backoff: 0s}\n");
        auto client = connect();
        EXPECT_EQ(exchange(client, "GET", "/").body, "busy");
        EXPECT_EQ(busy.requests(), 1);
    }
    const ScriptedOrigin busy(script);
    const ScriptedOrigin good([](int) { return answer(200); });
    start_with({busy.address(), good.address()}, "    retries: {minimum: 1000, statuses: [503]}\n");
    auto client = connect();
    for (int i = 0; i < 40; ++i)
        ASSERT_EQ(exchange(client, "GET", "/").status, 200);
    const int tried = busy.requests();
    EXPECT_GT(tried, 3);
    int refused = 0;
    for (int i = 0; i < 40; ++i) {
        if (exchange(client, "POST", "/", {}, "hello").status == 503) ++refused;
    }
    EXPECT_EQ(busy.requests(), tried + refused);
    EXPECT_GT(refused, 3);
    EXPECT_EQ(book("completed"), 80);
}

TEST_F(Retries, C10_TheLastAnswerIsPassedOnWhenNoTryIsLeft) {
    const ScriptedOrigin busy([](int n) { return answer(503, "busy " + std::to_string(n)); });
    start_with({busy.address()}, "    retries: {attempts: 2, statuses: [503], backoff: 0s}\n");
    auto client = connect();
    const auto response = exchange(client, "GET", "/");
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(response.body, "busy 3");
    EXPECT_FALSE(response.field("X-Switchyard-Error"));
}

TEST_F(Retries, C10_TheBudgetBoundsAStorm) {
    // A try on a connection that turned out to be dead is none, so there are no such connections.
    const ScriptedOrigin first([](int n) { return n % 2 == 0 ? drop() : last(answer(503)); });
    const ScriptedOrigin second([](int n) { return n % 3 == 0 ? drop() : last(answer(503)); });
    start_with({first.address(), second.address()},
               "    ejection: {failures: 0}\n    retries: {attempts: 5, budget: 10%, minimum: 7, "
               "statuses: [503], backoff: 0s}\n",
               kMetrics);
    constexpr int kClients = 100;
    constexpr int kEach = 6;
    std::atomic<int> answered{0};
    std::vector<std::thread> clients;
    const auto begun = Clock::now();
    for (int i = 0; i < kClients; ++i) {
        clients.emplace_back([&] {
            auto client = connect();
            for (int n = 0; n < kEach; ++n) {
                const unsigned status = static_cast<unsigned>(exchange(client, "GET", "/").status);
                if (status == 502 || status == 503) ++answered;
            }
        });
    }
    for (std::thread& client : clients)
        client.join();
    const auto took = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begun);
    constexpr int kRequests = kClients * kEach;
    EXPECT_EQ(answered, kRequests);
    const int windows = 1 + static_cast<int>(took.count()) / 10;
    const int tries = first.requests() + second.requests();
    EXPECT_LE(tries, kRequests + kRequests / 10 + 7 * windows);
    EXPECT_GT(tries, kRequests + 7) << "the budget was not used";
    // C18
    EXPECT_EQ(book("accepted"), kRequests);
    EXPECT_EQ(book("completed") + book("upstream_error"), kRequests);
    const auto page = get_metrics();
    EXPECT_GT(page.value("switchyard_request_retries_denied_total",
                         {{"service", "app"}, {"slot", "blue"}}),
              0);
}

TEST_F(Retries, C10_UploadsAreKeptForAnotherTryUpToTheirSize) {
    // It reads all of the body before it fails.
    const auto tries_of = [&](std::string_view retries) {
        const ScriptedOrigin bad([](int) { return drop(); });
        start_with({bad.address()}, retries);
        auto client = connect();
        client.send(request_text("PUT", "/", {{"Content-Length", "200000"}}));
        client.send(std::string(200'000, 'x'));
        EXPECT_EQ(read_response(client, "PUT").status, 502);
        return bad.requests();
    };
    EXPECT_EQ(tries_of("    retries: {backoff: 0s}\n"), 1);
    EXPECT_EQ(tries_of("    retries: {backoff: 0s, body_bytes: 256KiB}\n"), 3);
    EXPECT_EQ(tries_of("    retries: {backoff: 0s, body_bytes: 150KiB, bodies_bytes: 150KiB}\n"),
              1);
}

TEST_F(Retries, C10_AnUploadThatIsSentAgainIsWhole) {
    const ScriptedOrigin bad([](int) { return drop(); });
    start_with({bad.address(), origin(Colour::blue).address()},
               "    retries: {minimum: 1000, body_bytes: 1MiB}\n", kMetrics);
    const std::string body(300'000, 'x');
    for (int i = 0; bad.requests() < 5; ++i) {
        ASSERT_LT(i, 100);
        auto client = connect();
        client.send(
            request_text("PUT", "/upload", {{"Content-Length", std::to_string(body.size())}}));
        client.send(body);
        const auto response = read_response(client, "PUT");
        ASSERT_EQ(response.status, 200) << response.body;
        const auto json = boost::json::parse(response.body);
        ASSERT_EQ(number(json, "bytes"), 300'000);
    }
    // The memory is given back.
    EXPECT_TRUE(eventually([&] {
        return get_metrics().value("switchyard_retry_body_bytes", {{"service", "app"}}) == 0;
    }));
}

TEST_F(Retries, C10_TheSameTargetIsTriedAgainOnlyAfterAWhile) {
    start(
        with_rare_checks(config("    ejection: {failures: 0}\n"
                                "    retries: {attempts: 10, backoff: 500ms}\n")));
    origin(Colour::blue).kill();
    auto client = connect();
    client.send(request_text("POST", "/upload", {{"Content-Length", "5"}}) + "hello");
    ASSERT_TRUE(client.quiet_for(100ms));
    origin(Colour::blue).restart();
    const auto response = read_response(client, "POST");
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(started(Colour::blue, "/upload"), 1);
}

TEST_F(Retries, C10_AClientThatLeavesBetweenTwoTriesIsForgotten) {
    start(
        with_rare_checks(config("    ejection: {failures: 0}\n"
                                "    retries: {attempts: 10, backoff: 10s}\n")));
    origin(Colour::blue).kill();
    auto client = connect();
    client.send(request_text("GET", "/"));
    ASSERT_TRUE(client.quiet_for(100ms));
    client.reset();
    EXPECT_TRUE(eventually([&] {
        return number(admin().get("/v1/status").json().at("unrouted"), "client_abort") == 1;
    })) << boost::json::serialize(admin().get("/v1/status").json().at("unrouted"));
}

TEST_F(Retries, C10_AStopDoesNotWaitForTheNextTry) {
    start(
        with_rare_checks(config("    ejection: {failures: 0}\n"
                                "    retries: {attempts: 10, backoff: 10s}\n",
                                "timeouts: {shutdown: 100ms}\n")));
    origin(Colour::blue).kill();
    auto client = connect();
    client.send(request_text("GET", "/"));
    ASSERT_TRUE(client.quiet_for(100ms));
    daemon().signal(SIGTERM);
    const auto response = read_response(client);
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(response.field("X-Switchyard-Error"), "drained");
    EXPECT_TRUE(daemon().wait_exit());
}

}  // namespace
}  // namespace switchyard::test
