#include "observe/exposition.hpp"

#include "support/expression.hpp"

#include <array>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::observe {
namespace {

using testing::HasSubstr;
using testing::Not;

std::set<std::string> lines_of(const std::string& page) {
    std::set<std::string> lines;
    std::istringstream in(page);
    for (std::string line; std::getline(in, line);) {
        EXPECT_TRUE(lines.insert(line).second) << "twice: " << line;
    }
    return lines;
}

/// A page with one of everything.
std::string sample_page() {
    const std::array<WorkerCell, 2> workers{};
    auto blue = std::make_shared<SlotMetrics>("app", Colour::blue, 2);
    blue->cell(0).record(200, Outcome::completed, 250);
    blue->cell(1).record(200, Outcome::completed, 700);
    blue->cell(1).record(0, Outcome::client_abort, 40'000'000);
    blue->cell(1).in_flight.add(4);
    blue->cell(0).upstream_connects.add(3);
    blue->cell(0).bytes_sent.add(5'000'000'000);
    blue->cell(0).upstream_http2.connections.add(2);
    blue->cell(1).upstream_http2.connections.add(1);
    blue->cell(1).upstream_http2.streams.add(7);
    blue->cell(0).upstream_http2.goaways.add(4);
    blue->cell(0).upstream_http2.resets.add(5);
    blue->cell(1)
        .upstream_http2.failures[static_cast<std::size_t>(UpstreamHttp2Failure::protocol_error)]
        .add(6);
    Scrape scrape;
    scrape.slots = {blue};
    scrape.previews = {std::make_shared<SlotMetrics>("app", Colour::green, 2)};
    scrape.previews[0]->cell(1).record(503, Outcome::refused, 100);
    scrape.previews[0]->cell(0).in_flight.add(2);
    scrape.workers = workers;
    scrape.targets = {{"app", Colour::blue, "10.0.0.2:80", true, false, 4}};
    scrape.services = {{.service = "app",
                        .live = Colour::green,
                        .epoch = 9,
                        .switches = 8,
                        .held = true,
                        .held_requests = 12,
                        .held_bytes = 4'096,
                        .oldest_held_seconds = 1.5,
                        .hold_released = 7,
                        .hold_full = 2,
                        .hold_wait_seconds = 30.25,
                        .in_maintenance = true,
                        .maintenance_answers = 5}};
    CanaryGauge& canary = scrape.services[0].canary.emplace();
    canary.slot = Colour::green;
    canary.share = 0.05;
    canary.healthy = true;
    canary.errors_differ = 1;
    canary.latency_differs = -1;
    canary.requests[1][0] = 7;
    canary.requests[0][3] = 2;
    scrape.services[0].deploys = DeployGauge{.ended = {4, 3, 2, 1, 0, 5},
                                             .active = true,
                                             .last_seconds = 8.5,
                                             .last_stages = {{"run", 4.25}, {"healthy", 2}}};
    scrape.history_unwritten = 2;
    scrape.reserved_ip = ReservedIpGauge{.service = "app",
                                         .address = "203.0.113.10",
                                         .desired_droplet = 5'000'000'001,
                                         .observed_droplet = 7,
                                         .following = false,
                                         .drift_seconds = 1.5,
                                         .attempts = 3,
                                         .failures = 2,
                                         .drifts = 1,
                                         .last_error = "forbidden",
                                         .last_error_at = 1'700'000'000,
                                         .failing = true};
    scrape.version = "0.1.0";
    return expose(scrape);
}

TEST(Exposition, TellsOfHoldsAndMaintenance) {
    const auto lines = lines_of(sample_page());
    for (const char* line : {R"(switchyard_hold_active{service="app"} 1)",
                             R"(switchyard_held_requests{service="app"} 12)",
                             R"(switchyard_held_bytes{service="app"} 4096)",
                             R"(switchyard_held_oldest_seconds{service="app"} 1.5)",
                             R"(switchyard_held_requests_total{service="app",end="released"} 7)",
                             R"(switchyard_held_requests_total{service="app",end="full"} 2)",
                             R"(switchyard_held_requests_total{service="app",end="left"} 0)",
                             R"(switchyard_hold_wait_seconds_total{service="app"} 30.25)",
                             R"(switchyard_maintenance{service="app"} 1)",
                             R"(switchyard_maintenance_answers_total{service="app"} 5)"}) {
        EXPECT_TRUE(lines.contains(line)) << line;
    }
}

TEST(Exposition, CountsRequestsByClassAndOutcome) {
    const auto lines = lines_of(sample_page());
    EXPECT_TRUE(
        lines.contains(R"(switchyard_requests_total{service="app",slot="blue",code="2xx"} 2)"));
    EXPECT_TRUE(
        lines.contains(R"(switchyard_requests_total{service="app",slot="blue",code="none"} 1)"));
    EXPECT_TRUE(
        lines.contains(R"(switchyard_requests_total{service="app",slot="blue",code="5xx"} 0)"));
    EXPECT_TRUE(lines.contains(
        R"(switchyard_request_outcomes_total{service="app",slot="blue",outcome="client_abort"} 1)"));
    EXPECT_TRUE(lines.contains(R"(switchyard_requests_in_flight{service="app",slot="blue"} 4)"));
}

TEST(Exposition, TellsOfHttp2ToTheTargets) {
    const auto lines = lines_of(sample_page());
    const std::string prefix = "switchyard_upstream_http2_";
    const std::string blue = R"({service="app",slot="blue")";
    EXPECT_TRUE(lines.contains(prefix + "connections" + blue + "} 3"));
    EXPECT_TRUE(lines.contains(prefix + "streams" + blue + "} 7"));
    EXPECT_TRUE(lines.contains(prefix + "goaways_total" + blue + "} 4"));
    EXPECT_TRUE(lines.contains(prefix + "resets_total" + blue + "} 5"));
    const std::string failures = prefix + "connection_failures_total" + blue;
    EXPECT_TRUE(lines.contains(failures + R"(,reason="protocol_error"} 6)"));
    EXPECT_TRUE(lines.contains(failures + R"(,reason="closed"} 0)"));
}

TEST(Exposition, CountsPreviewsApart) {
    const auto lines = lines_of(sample_page());
    EXPECT_TRUE(lines.contains(
        R"(switchyard_preview_requests_total{service="app",slot="green",code="5xx"} 1)"));
    EXPECT_TRUE(lines.contains(
        R"(switchyard_preview_request_outcomes_total{service="app",slot="green",outcome="refused"} 1)"));
    EXPECT_TRUE(
        lines.contains(R"(switchyard_preview_requests_in_flight{service="app",slot="green"} 2)"));
    EXPECT_FALSE(
        lines.contains(R"(switchyard_requests_total{service="app",slot="green",code="5xx"} 1)"));
}

TEST(Exposition, BucketsAreCumulativeAndInSeconds) {
    const std::string page = sample_page();
    const auto lines = lines_of(page);
    const std::string bucket =
        R"(switchyard_request_duration_seconds_bucket{service="app",slot="blue",le=)";
    EXPECT_TRUE(lines.contains(bucket + R"("0.00025"} 1)")) << page;
    EXPECT_TRUE(lines.contains(bucket + R"("0.0005"} 1)"));
    EXPECT_TRUE(lines.contains(bucket + R"("0.001"} 2)"));
    EXPECT_TRUE(lines.contains(bucket + R"("30"} 2)"));
    EXPECT_TRUE(lines.contains(bucket + R"("+Inf"} 3)"));
    EXPECT_TRUE(lines.contains(
        R"(switchyard_request_duration_seconds_count{service="app",slot="blue"} 3)"));
}

TEST(Exposition, ShowsWhereTheReservedIpIs) {
    const auto lines = lines_of(sample_page());
    const std::string labels = R"({service="app",address="203.0.113.10"})";
    EXPECT_TRUE(lines.contains("switchyard_reserved_ip_desired_droplet" + labels + " 5000000001"));
    EXPECT_TRUE(lines.contains("switchyard_reserved_ip_observed_droplet" + labels + " 7"));
    EXPECT_TRUE(lines.contains("switchyard_reserved_ip_following" + labels + " 0"));
    EXPECT_TRUE(lines.contains("switchyard_reserved_ip_drift_seconds" + labels + " 1.5"));
    EXPECT_TRUE(lines.contains("switchyard_reserved_ip_attempts_total" + labels + " 3"));
    EXPECT_TRUE(lines.contains("switchyard_reserved_ip_failures_total" + labels + " 2"));
    EXPECT_TRUE(lines.contains("switchyard_reserved_ip_foreign_changes_total" + labels + " 1"));
    EXPECT_TRUE(lines.contains("switchyard_reserved_ip_failing" + labels + " 1"));
}

TEST(Exposition, CountsDeploys) {
    const auto lines = lines_of(sample_page());
    const auto has = [&](const char* line) { EXPECT_TRUE(lines.contains(line)) << line; };
    has(R"(switchyard_deploys_total{service="app",outcome="deployed"} 4)");
    has(R"(switchyard_deploys_total{service="app",outcome="interrupted"} 0)");
    has(R"(switchyard_deploys_total{service="app",outcome="refused"} 5)");
    has(R"(switchyard_deploys_active{service="app"} 1)");
    has(R"(switchyard_last_deploy_duration_seconds{service="app"} 8.5)");
    has(R"(switchyard_last_deploy_stage_duration_seconds{service="app",stage="run"} 4.25)");
    has("switchyard_history_unwritten 2");
}

TEST(Exposition, ShowsWhichSlotIsLive) {
    const auto lines = lines_of(sample_page());
    EXPECT_TRUE(lines.contains(R"(switchyard_slot_live{service="app",slot="blue"} 0)"));
    EXPECT_TRUE(lines.contains(R"(switchyard_slot_live{service="app",slot="green"} 1)"));
    EXPECT_TRUE(lines.contains(R"(switchyard_service_epoch{service="app"} 9)"));
    EXPECT_TRUE(lines.contains(
        R"(switchyard_target_healthy{service="app",slot="blue",target="10.0.0.2:80"} 1)"));
}

TEST(Exposition, BigCountersStayWholeNumbers) {
    EXPECT_TRUE(
        lines_of(sample_page())
            .contains(R"(switchyard_response_bytes_total{service="app",slot="blue"} 5000000000)"));
}

TEST(Exposition, SumsWorkers) {
    std::array<WorkerCell, 2> workers;
    workers[0].connections_accepted.add(3);
    workers[1].connections_accepted.add(4);
    workers[1].unrouted_by_status_class[4].add(2);
    workers[0].unrouted_by_outcome[static_cast<std::size_t>(Outcome::refused)].add(2);
    Scrape scrape;
    scrape.workers = workers;
    scrape.access_log_dropped = 17;
    scrape.last_reload_ok = false;
    const auto lines = lines_of(expose(scrape));
    EXPECT_TRUE(lines.contains("switchyard_connections_accepted_total 7"));
    EXPECT_TRUE(lines.contains(R"(switchyard_unrouted_requests_total{code="4xx"} 2)"));
    EXPECT_TRUE(
        lines.contains(R"(switchyard_unrouted_request_outcomes_total{outcome="refused"} 2)"));
    EXPECT_TRUE(lines.contains("switchyard_access_log_dropped_lines_total 17"));
    EXPECT_TRUE(lines.contains("switchyard_config_last_reload_successful 0"));
}

TEST(Exposition, EscapesLabelValues) {
    Scrape scrape;
    scrape.targets = {{"a\"b\\c\nd", Colour::blue, "x", false, false, 0}};
    const std::string page = expose(scrape);
    EXPECT_THAT(page, HasSubstr(R"(service="a\"b\\c\nd")"));
    EXPECT_THAT(page, Not(HasSubstr("c\nd")));
}

TEST(Exposition, OneSlotIsOneSeriesEvenFromTwoEntries) {
    auto first = std::make_shared<SlotMetrics>("app", Colour::blue, 1);
    auto second = std::make_shared<SlotMetrics>("app", Colour::blue, 1);
    first->cell(0).retries.add(1);
    second->cell(0).retries.add(2);
    Scrape scrape;
    scrape.slots = {first, second};
    EXPECT_TRUE(lines_of(expose(scrape))
                    .contains(R"(switchyard_request_retries_total{service="app",slot="blue"} 3)"));
}

/// Prometheus conventions: the prefix, base units, _total on counters and only there, a help text.
TEST(Exposition, NamesFollowTheConventions) {
    std::istringstream in(sample_page());
    std::set<std::string> helped;
    std::size_t families = 0;
    for (std::string line; std::getline(in, line);) {
        std::istringstream words(line);
        std::string hash, what, name, type;
        words >> hash >> what >> name >> type;
        if (hash != "#") continue;
        if (what == "HELP") {
            EXPECT_FALSE(type.empty()) << line;
            helped.insert(name);
            continue;
        }
        ++families;
        EXPECT_TRUE(helped.contains(name)) << line;
        EXPECT_TRUE(name.starts_with("switchyard_")) << line;
        EXPECT_EQ(name.ends_with("_total"), type == "counter") << line;
        EXPECT_THAT(name, Not(HasSubstr("_us")));
        EXPECT_THAT(name, Not(HasSubstr("_ms")));
    }
    EXPECT_EQ(families, 95U);
}

TEST(Exposition, ShowsACanary) {
    const std::string page = sample_page();
    for (const char* line :
         {"switchyard_canary_share_ratio{service=\"app\"} 0.05\n",
          "switchyard_canary_healthy{service=\"app\",slot=\"green\"} 1\n",
          "switchyard_canary_differs{service=\"app\",slot=\"green\",what=\"errors\"} 1\n",
          "switchyard_canary_differs{service=\"app\",slot=\"green\",what=\"latency\"} -1\n",
          "switchyard_canary_requests_total{service=\"app\",slot=\"green\",reason=\"sticky\"} 7\n",
          "switchyard_canary_requests_total{service=\"app\",slot=\"blue\",reason=\"unhealthy\"} "
          "2\n"}) {
        EXPECT_THAT(page, HasSubstr(line));
    }
}

/// docs/operations.md names every metric, and no other.
TEST(Exposition, TheDocumentationIsComplete) {
    std::ifstream file(SWITCHYARD_SOURCE_DIR "/docs/operations.md");
    ASSERT_TRUE(file);
    std::set<std::string> documented;
    const std::string docs{std::istreambuf_iterator<char>(file), {}};
    for (const auto& row : test::find_all(
             docs, R"(\n\| `(switchyard_[a-z0-9_]+)` \| (counter|gauge|histogram) \|)")) {
        documented.insert(row[1] + " " + row[2]);
    }
    std::set<std::string> exposed;
    std::istringstream page(sample_page());
    for (std::string line; std::getline(page, line);) {
        if (line.starts_with("# TYPE ")) exposed.insert(line.substr(7));
    }
    EXPECT_EQ(documented, exposed);
}

}  // namespace
}  // namespace switchyard::observe
