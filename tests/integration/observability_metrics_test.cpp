// The metrics page: legal, complete as documented, and in agreement with what happened.
#include "integration/harness.hpp"
#include "integration/metrics_page.hpp"
#include "support/expression.hpp"

#include <cstring>

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace switchyard::test {
namespace {

class Metrics : public FrontDoor {
  protected:
    [[nodiscard]] std::string metrics_config(std::string_view service = {}) const {
        return config(service,
                      "admin: {socket: \"${DIR}/admin.sock\", metrics: \"127.0.0.1:0\"}\n");
    }
    [[nodiscard]] std::string metrics_address() const {
        return std::string(admin().get("/v1/status").json().at("metrics_address").as_string());
    }
    [[nodiscard]] MetricsPage page() const {
        const auto response = test::get(metrics_address(), "/metrics");
        EXPECT_EQ(response.status, 200);
        EXPECT_TRUE(response.field("Content-Type").value_or("").starts_with("text/plain"));
        return MetricsPage(response.body);
    }
    /// The page when this metric has this value, as gauges of workers settle after an answer.
    [[nodiscard]] MetricsPage page_when(const std::string& name, const Labels& labels,
                                        double value) const {
        EXPECT_TRUE(eventually([&] { return page().sum(name, labels) == value; })) << name;
        return page();
    }
};

TEST(MetricsPage, RefusesWhatIsNoPage) {
    EXPECT_NO_THROW(MetricsPage("# HELP a b\n# TYPE a gauge\na 1\na{x=\"\\\"\"} 2\n"));
    for (const auto* text :
         {"a 1\n", "# TYPE a gauge\na 1", "# TYPE a gauge\na one\n", "# TYPE a gauge\nb 1\n",
          "# TYPE a gauge\na 1\na 2\n", "# TYPE a counter\na -1\n", "# TYPE a gauge\na{x=\"} 1\n",
          "# TYPE a gauge\n\na 1\n", "# TYPE a gauge\na{x=\"1\",x=\"2\"} 1\n",
          "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
          "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_sum 1\nh_count 2\n"}) {
        EXPECT_ANY_THROW(MetricsPage{text}) << text;
    }
}

TEST_F(Metrics, EveryDocumentedMetricIsThereAndNoOther) {
    start(metrics_config("    preview: {}\n    canary: {}\n"));
    ASSERT_EQ(admin().post("/v1/services/app/canary", R"({"percent":1})").status, 200);
    std::set<std::string> documented;
    const auto docs = read_file(SWITCHYARD_SOURCE_DIR "/docs/operations.md");
    const auto now = page();
    for (const auto& row :
         find_all(docs, R"re(\| `(switchyard_[a-z0-9_]+)` \| (counter|gauge|histogram) \|)re")) {
        const auto& name = row[1];
        // There only with a reserved IP: ReservedIpCommands.EveryDocumentedMetricIsThere.
        if (name.starts_with("switchyard_reserved_ip_")) continue;
        // There only where something can be deployed: DeploysAreCountedFromTheBeginning.
        if (name.starts_with("switchyard_deploys_") || name.starts_with("switchyard_last_deploy_"))
            continue;
        documented.insert(name);
        const auto family = now.families().find(name);
        ASSERT_NE(family, now.families().end()) << name << " is documented, but not there";
        EXPECT_EQ(family->second.type, row[2]) << name;
        EXPECT_FALSE(family->second.help.empty()) << name;
    }
    EXPECT_GT(documented.size(), 30u);
    for (const auto& [name, family] : now.families())
        EXPECT_TRUE(documented.contains(name)) << name << " is there, but not documented";
}

TEST_F(Metrics, DeploysAreCountedFromTheBeginning) {
    auto yaml = metrics_config("    deploy: {command: \"false\", healthy_within: 1s}\n") +
                "ssh: {user: nobody, key_file: \"${DIR}/key\", connect_timeout: 1s}\n";
    for (const auto* slot : {"      blue:\n", "      green:\n"})
        yaml.insert(yaml.find(slot) + std::strlen(slot), "        deploy_to: [\"127.0.0.1:1\"]\n");
    start(yaml);
    const auto first = page();
    EXPECT_EQ(first.sum("switchyard_deploys_active", {{"service", "app"}}), 0);
    for (const auto* outcome :
         {"deployed", "switched", "failed", "cancelled", "interrupted", "refused"}) {
        EXPECT_EQ(first.sum("switchyard_deploys_total", {{"outcome", outcome}}), 0) << outcome;
    }
    // Nobody listens there.
    EXPECT_EQ(daemon().cli({"deploy", "app"}).exit.code, 1);
    const auto failed = page_when("switchyard_deploys_total", {{"outcome", "failed"}}, 1);
    EXPECT_EQ(failed.families().count("switchyard_last_deploy_duration_seconds"), 1u);
    EXPECT_EQ(failed.families().count("switchyard_last_deploy_stage_duration_seconds"), 1u);
    for (const auto& [name, family] : failed.families()) {
        EXPECT_NE(read_file(SWITCHYARD_SOURCE_DIR "/docs/operations.md").find("`" + name + "`"),
                  std::string::npos)
            << name;
    }
}

TEST_F(Metrics, CountsAgreeWithTheRequestsMade) {
    start(metrics_config("    retries: 0\n"));
    auto client = connect();
    for (int i = 0; i < 7; ++i)
        ASSERT_EQ(exchange(client, "GET", "/").status, 200);
    ASSERT_EQ(exchange(client, "POST", "/upload", {}, std::string(1234, 'x')).status, 200);
    for (const auto* target : {"/status?code=404", "/status?code=503", "/drop"})
        exchange(client, "POST", target);
    switch_to(Colour::green);
    for (int i = 0; i < 5; ++i)
        ASSERT_EQ(colour_of(exchange(client, "GET", "/")), "green");
    auto malformed = connect();
    malformed.send("GET / HTTP/1.1\r\n\r\n");
    ASSERT_EQ(read_response(malformed).status, 400);

    const Labels blue{{"service", "app"}, {"slot", "blue"}};
    const Labels green{{"service", "app"}, {"slot", "green"}};
    const auto with = [](Labels labels, const char* name, const char* value) {
        labels[name] = value;
        return labels;
    };
    const auto now = page_when("switchyard_requests_total", green, 5);
    EXPECT_EQ(now.value("switchyard_requests_total", with(blue, "code", "2xx")), 8);
    EXPECT_EQ(now.value("switchyard_requests_total", with(blue, "code", "4xx")), 1);
    EXPECT_EQ(now.value("switchyard_requests_total", with(blue, "code", "5xx")), 2);
    EXPECT_EQ(now.sum("switchyard_requests_total", blue), 11);
    EXPECT_EQ(now.value("switchyard_request_outcomes_total", with(blue, "outcome", "completed")),
              10);
    EXPECT_EQ(
        now.value("switchyard_request_outcomes_total", with(blue, "outcome", "upstream_error")), 1);
    EXPECT_EQ(now.sum("switchyard_request_outcomes_total", blue), 11);
    EXPECT_EQ(now.value("switchyard_request_duration_seconds_count", blue), 11);
    EXPECT_GT(now.value("switchyard_request_duration_seconds_sum", blue), 0);
    EXPECT_LT(now.value("switchyard_request_duration_seconds_sum", blue), 60);
    EXPECT_EQ(now.value("switchyard_request_body_bytes_total", blue), 1234);
    EXPECT_GT(now.value("switchyard_response_bytes_total", blue), 0);
    EXPECT_EQ(now.value("switchyard_requests_in_flight", blue), 0);
    // One client one after another: every request came over a new connection or a reused one.
    EXPECT_EQ(now.value("switchyard_upstream_connects_total", blue) +
                  now.value("switchyard_upstream_reuses_total", blue),
              11);
    EXPECT_GE(now.value("switchyard_upstream_reuses_total", blue), 9);
    EXPECT_EQ(now.value("switchyard_upstream_idle_connections", blue), 0) << "it is not live";
    EXPECT_EQ(now.value("switchyard_upstream_idle_connections", green), 1);
    EXPECT_EQ(now.sum("switchyard_unrouted_requests_total"), 1);
    EXPECT_EQ(now.value("switchyard_unrouted_requests_total", {{"code", "4xx"}}), 1);
    EXPECT_EQ(now.value("switchyard_unrouted_request_outcomes_total", {{"outcome", "refused"}}), 1);

    EXPECT_EQ(now.value("switchyard_slot_live", blue), 0);
    EXPECT_EQ(now.value("switchyard_slot_live", green), 1);
    EXPECT_EQ(now.value("switchyard_service_epoch", {{"service", "app"}}), 2);
    EXPECT_EQ(now.value("switchyard_switches_total", {{"service", "app"}}), 1);
    EXPECT_EQ(now.value("switchyard_switches_refused_total", {{"service", "app"}}), 0);
    EXPECT_GT(now.value("switchyard_last_switch_duration_seconds", {{"service", "app"}}), 0);
    EXPECT_EQ(now.value("switchyard_workers"), 2);
    EXPECT_EQ(now.value("switchyard_connections_accepted_total"), 2);
}

TEST_F(Metrics, ShowsADrainAndARefusal) {
    start(metrics_config());
    auto poll = connect();
    poll.send(request_text("GET", "/sleep?ms=60000"));
    ASSERT_TRUE(eventually([this] {
        return origin(Colour::blue).books("/sleep").at("in_flight").to_number<int>() == 1;
    }));
    switch_to(Colour::green, R"("drain_timeout_ms":60000)");
    const Labels app{{"service", "app"}};
    auto now = page();
    EXPECT_EQ(now.value("switchyard_drains_active", app), 1);
    EXPECT_EQ(now.value("switchyard_drain_requests_in_flight", app), 1);
    EXPECT_EQ(now.value("switchyard_requests_in_flight", {{"service", "app"}, {"slot", "blue"}}),
              1);
    poll.reset();
    now = page_when("switchyard_drains_active", app, 0);
    EXPECT_EQ(now.value("switchyard_drain_completed_requests_total", app), 1);
    EXPECT_EQ(now.value("switchyard_drain_cut_requests_total", app), 0);
    EXPECT_GT(now.value("switchyard_last_drain_duration_seconds", app), 0);

    EXPECT_EQ(admin().post("/v1/services/app/switch", R"({"if_epoch":99})").status, 409);
    EXPECT_EQ(page().value("switchyard_switches_refused_total", app), 1);
}

TEST_F(Metrics, ShowsHealthAndReloads) {
    start(metrics_config());
    const Labels green{
        {"service", "app"}, {"slot", "green"}, {"target", origin(Colour::green).address()}};
    EXPECT_EQ(page().value("switchyard_target_healthy", green), 1);
    origin(Colour::green).set_health(503);
    ASSERT_TRUE(daemon().wait_healthy("app", Colour::green, false));
    EXPECT_EQ(page().value("switchyard_target_healthy", green), 0);

    EXPECT_EQ(page().value("switchyard_config_last_reload_successful"), 1);
    daemon().write_config("listeners: nonsense\n");
    EXPECT_EQ(admin().post("/v1/reload").status, 422);
    EXPECT_EQ(page().value("switchyard_config_last_reload_successful"), 0);
    daemon().write_config(metrics_config());
    EXPECT_EQ(admin().post("/v1/reload").status, 200);
    EXPECT_EQ(page().value("switchyard_config_last_reload_successful"), 1);
}

TEST_F(Metrics, CountersGoOnThroughSwitchesAndReloads) {
    start(metrics_config());
    double expected = 0;
    for (int round = 0; round < 4; ++round) {
        for (int i = 0; i < 3; ++i)
            ASSERT_EQ(get("/").status, 200);
        expected += 3;
        const auto now = page_when("switchyard_requests_total", {{"service", "app"}}, expected);
        EXPECT_EQ(now.sum("switchyard_request_duration_seconds_count"), expected);
        if (round % 2 == 0) {
            switch_to(round == 0 ? Colour::green : Colour::blue);
        } else {
            daemon().write_config(metrics_config("    retries: " + std::to_string(round) + "\n"));
            ASSERT_EQ(admin().post("/v1/reload").status, 200);
        }
    }
}

TEST_F(Metrics, TheListenerServesNothingElse) {
    start(metrics_config());
    const auto address = metrics_address();
    EXPECT_EQ(test::get(address, "/v1/status").status, 404);
    Client client(address);
    EXPECT_EQ(exchange(client, "POST", "/metrics", {}, "x").status, 405);
    EXPECT_EQ(get("/metrics").body, "blue blue-origin\n/metrics\n") << "not on a front door";
}

TEST_F(Metrics, LabelsAreEscaped) {
    start(metrics_config());
    // Names of services are plain words; a unix socket's path is what can hold a quote.
    const auto path = daemon().dir().file("a\"b\\c.sock");
    const OriginProcess odd(Colour::green, {.name = "odd", .listen = "unix:" + path});
    auto yaml = metrics_config();
    const auto green = '"' + origin(Colour::green).address() + '"';
    yaml.replace(yaml.find(green), green.size(), "'unix:" + path + "'");
    daemon().write_config(yaml);
    ASSERT_EQ(admin().post("/v1/reload").status, 200);
    const Labels labels{{"service", "app"}, {"slot", "green"}, {"target", "unix:" + path}};
    ASSERT_TRUE(daemon().wait_healthy("app", Colour::green));
    EXPECT_EQ(page().value("switchyard_target_healthy", labels), 1);
}

}  // namespace
}  // namespace switchyard::test
