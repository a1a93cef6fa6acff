// The idle slot serves while the live one is down (failover: idle).
#include "integration/contract.hpp"
#include "integration/metrics_page.hpp"

#include <string>

namespace switchyard::test {
namespace {

class FailoverToIdle : public SwitchContract {
  protected:
    static constexpr std::string_view kMetrics =
        "admin: {socket: \"${DIR}/admin.sock\", metrics: \"127.0.0.1:0\"}\n";
    /// A request that is held.
    [[nodiscard]] Client wait_at_the_door() const {
        const auto before = held();
        Client client = connect();
        client.send(request_text("GET", "/"));
        EXPECT_TRUE(wait_held(before + 1));
        return client;
    }
    [[nodiscard]] std::string failover_config(std::string_view more = {}) const {
        return config("    failover: {to: idle, return_after: 300ms}\n" + std::string(more),
                      kMetrics);
    }
    [[nodiscard]] bool in_failover() const {
        return admin().service("app").at("failover").is_object();
    }
    void fail_over() {
        origin(Colour::blue).kill();
        ASSERT_TRUE(eventually([&] { return in_failover(); }));
    }
    /// The newest entry about a failover.
    [[nodiscard]] boost::json::value entry() const {
        const auto history = admin().get("/v1/history?service=app").json();
        for (const auto& found : history.at("entries").as_array()) {
            if (found.at("action").as_string() == "failover") return found;
        }
        return nullptr;
    }
    /// Of the metrics page, for the service.
    [[nodiscard]] double gauge(const std::string& name) const {
        const auto address =
            std::string(admin().get("/v1/status").json().at("metrics_address").as_string());
        return MetricsPage(test::get(address, "/metrics").body).value(name, {{"service", "app"}});
    }
    [[nodiscard]] bool entry_is(std::string_view outcome) const {
        const auto found = entry();
        return found.is_object() && found.at("outcome").as_string() == outcome;
    }
};

TEST_F(FailoverToIdle, ServesWhileTheLiveSlotIsDownAndGoesBack) {
    start(failover_config());
    AdminStream events(admin().socket(), "GET", "/v1/events");
    ASSERT_EQ(events.head().status, 200);
    auto client = connect();
    EXPECT_EQ(colour_of(exchange(client, "GET", "/")), "blue");
    const auto epoch_before = epoch();
    fail_over();
    for (int i = 0; i < 20; ++i) {
        const auto response = exchange(client, i % 2 == 0 ? "GET" : "POST", "/", {}, "");
        ASSERT_EQ(response.status, 200);
        ASSERT_EQ(colour_of(response), "green");
    }
    // It does not change what is live, and nobody can overlook it.
    EXPECT_EQ(live(), "blue");
    EXPECT_EQ(epoch(), epoch_before);
    const auto shown = admin().service("app").at("failover");
    EXPECT_EQ(shown.at("serving").as_string(), "green");
    EXPECT_EQ(number(shown, "requests"), 20);
    EXPECT_EQ(get("/server_info").body, "blue");
    EXPECT_NE(daemon().cli({"status"}).out.find("FAILOVER"), std::string::npos);
    EXPECT_TRUE(eventually([&] { return entry_is("serving"); }));
    const auto begun = events.next_event("failover_begun");
    EXPECT_EQ(begun.at("live").as_string(), "blue");
    EXPECT_EQ(begun.at("serving").as_string(), "green");
    EXPECT_EQ(gauge("switchyard_failover_active"), 1);
    EXPECT_EQ(gauge("switchyard_failover_barred"), 0);
    EXPECT_NE(daemon().log().find("event=failover_begun"), std::string::npos);

    origin(Colour::blue).restart();
    EXPECT_TRUE(eventually([&] { return !in_failover(); }));
    EXPECT_EQ(colour_of(exchange(client, "GET", "/")), "blue");
    EXPECT_TRUE(eventually([&] { return entry_is("returned"); }));
    EXPECT_EQ(number(entry().at("receipt"), "requests"), 21);
    EXPECT_GT(number(entry().at("receipt"), "elapsed_ms"), 250);
    const auto ended = events.next_event("failover_ended");
    EXPECT_EQ(ended.at("outcome").as_string(), "returned");
    EXPECT_NE(daemon().cli({"history"}).out.find("21 requests and 0 errors"), std::string::npos)
        << daemon().cli({"history"}).out;
    // C18: both slots' books add up.
    const auto service = admin().service_at_rest("app");
    EXPECT_EQ(number(service.at("slots").at("green").at("books"), "completed"), 20);
    const auto& books = service.at("books");
    EXPECT_EQ(number(books, "accepted"), number(books, "completed") + number(books, "refused") +
                                             number(books, "upstream_error"));
}

TEST_F(FailoverToIdle, IsOffByDefault) {
    start();
    origin(Colour::blue).kill();
    ASSERT_TRUE(daemon().wait_healthy("app", Colour::blue, false));
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(get("/").status, 502);
    EXPECT_FALSE(in_failover());
    EXPECT_EQ(number(admin().service("app").at("slots").at("green").at("books"), "accepted"), 0);
}

TEST_F(FailoverToIdle, ASwitchMakesTheSlotThatServesLive) {
    start(failover_config());
    fail_over();
    switch_to(Colour::green);
    EXPECT_EQ(live(), "green");
    EXPECT_EQ(colour_of(get("/")), "green");
    EXPECT_TRUE(eventually([&] { return entry_is("switched") && !in_failover(); }));
    // And now it is green that has to be up.
    origin(Colour::blue).restart();
    ASSERT_TRUE(daemon().wait_healthy("app", Colour::blue));
    EXPECT_EQ(colour_of(get("/")), "green");
}

TEST_F(FailoverToIdle, IsFoundAnewAfterACrash) {
    start(failover_config());
    fail_over();
    daemon().kill();
    daemon().start();
    EXPECT_TRUE(eventually([&] { return in_failover(); }));
    EXPECT_EQ(colour_of(test::get(daemon().address(), "/")), "green");
    EXPECT_EQ(live(), "blue");
    const auto history = admin().get("/v1/history?service=app").json();
    int interrupted = 0;
    for (const auto& found : history.at("entries").as_array()) {
        if (found.at("action").as_string() == "failover" &&
            found.at("outcome").as_string() == "interrupted") {
            ++interrupted;
        }
    }
    EXPECT_EQ(interrupted, 1);
}

TEST_F(FailoverToIdle, GoesOnThroughAReload) {
    start(failover_config());
    fail_over();
    daemon().write_config(failover_config("    retries: 1\n"));
    const auto reloaded = admin().post("/v1/reload");
    ASSERT_EQ(reloaded.status, 200) << reloaded.response.body;
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(colour_of(get("/")), "green");
    EXPECT_TRUE(in_failover());
    EXPECT_TRUE(entry_is("serving"));

    daemon().write_config(config({}, kMetrics));
    ASSERT_EQ(admin().post("/v1/reload").status, 200);
    EXPECT_EQ(get("/").status, 502);
    EXPECT_TRUE(eventually([&] { return entry_is("reloaded"); }));
}

TEST_F(FailoverToIdle, TheEndOfACanaryDrainsNothingThatServes) {
    start(failover_config("    canary: {stick: header, header: X-User-Id}\n"));
    const auto canary = [this](std::string_view body) {
        return admin().post("/v1/services/app/canary", body);
    };
    ASSERT_EQ(canary(R"({"percent":10})").status, 200);
    fail_over();
    auto upload = connect();
    upload.send("POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345");
    ASSERT_TRUE(eventually([&] { return in_flight(Colour::green, "/upload") == 1; }));
    const auto off = canary(R"({"percent":0,"drain_timeout_ms":0})");
    ASSERT_EQ(off.status, 200) << off.response.body;
    const auto drained = off.event("drained");
    EXPECT_EQ(number(drained, "cut"), 0);
    EXPECT_EQ(number(drained, "remaining"), 1);
    EXPECT_TRUE(drained.at("cancelled").as_bool());
    EXPECT_TRUE(admin().service("app").at("canary").is_null());
    EXPECT_TRUE(admin().service("app").at("drains").as_array().empty());
    EXPECT_TRUE(in_failover());
    EXPECT_EQ(colour_of(get("/")), "green");
    // The end of the failover drains it, and waits for what came before the canary's end.
    origin(Colour::blue).restart();
    EXPECT_TRUE(eventually([&] { return !in_failover(); }));
    EXPECT_TRUE(eventually([&] {
        const auto drains = admin().service("app").at("drains").as_array();
        return drains.size() == 1 && number(drains.at(0), "in_flight") == 1;
    }));
    upload.send("67890");
    EXPECT_EQ(colour_of_upload(read_response(upload)), "green");
    EXPECT_TRUE(eventually([&] { return admin().service("app").at("drains").as_array().empty(); }));
}

TEST_F(FailoverToIdle, TheStatusSaysWhyThereIsNone) {
    start(failover_config());
    const auto barred = [this] { return admin().service("app").at("failover_barred"); };
    const auto is_barred_by = [&](std::string_view reason) {
        return eventually([&] { return barred().is_string() && barred().as_string() == reason; });
    };
    EXPECT_TRUE(barred().is_null());
    EXPECT_EQ(gauge("switchyard_failover_barred"), 0);
    hold_service();
    origin(Colour::blue).kill();
    EXPECT_TRUE(is_barred_by("the service is held"));
    EXPECT_EQ(gauge("switchyard_failover_barred"), 1);
    const auto shown = daemon().cli({"status"}).out;
    EXPECT_NE(shown.find("NO FAILOVER"), std::string::npos) << shown;
    origin(Colour::green).kill();
    ASSERT_TRUE(daemon().wait_healthy("app", Colour::green, false));
    release_service();
    EXPECT_TRUE(is_barred_by("no target of the idle slot is healthy"));
    EXPECT_NE(daemon().log().find("reason=\"no target of the idle slot is healthy\""),
              std::string::npos);
    origin(Colour::green).restart();
    EXPECT_TRUE(eventually([&] { return in_failover(); }));
    EXPECT_TRUE(barred().is_null());
    EXPECT_EQ(gauge("switchyard_failover_barred"), 0);
}

TEST_F(FailoverToIdle, HeldRequestsGoToTheSlotThatServes) {
    start(failover_config());
    hold_service();
    auto waiting = wait_at_the_door();
    origin(Colour::blue).kill();
    ASSERT_TRUE(daemon().wait_healthy("app", Colour::blue, false));
    EXPECT_FALSE(in_failover()) << "a migration may be under way";
    release_service();
    static_cast<void>(read_response(waiting));
    EXPECT_TRUE(eventually([&] { return in_failover(); }));
    hold_service();
    auto again = wait_at_the_door();
    release_service();
    EXPECT_EQ(colour_of(read_response(again)), "green");
}

}  // namespace
}  // namespace switchyard::test
