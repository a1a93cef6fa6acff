#include "upstream/health_monitor.hpp"

#include "health_origin.hpp"
#include "upstream/resolver.hpp"

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::upstream {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using route::Health;
using test::ip_target;
using test::Origin;
using test::response;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class HealthMonitorTest : public testing::Test {
  protected:
    std::shared_ptr<route::Target> make_target(const config::Target& config) {
        auto target = std::make_shared<route::Target>(++last_id_, "app", Colour::blue, config, 1);
        fill_static_address(*target);
        return target;
    }
    static std::shared_ptr<config::Service> make_service(std::chrono::milliseconds interval) {
        auto service = std::make_shared<config::Service>();
        service->name = "app";
        service->hosts = {"app.example"};
        service->health_check.kind = config::HealthCheck::Kind::http;
        service->health_check.path = "/up";
        service->health_check.interval = interval;
        service->health_check.timeout = 10s;
        return service;
    }
    bool until(const std::function<bool()>& condition) {
        return test::run_until(context_, condition);
    }
    /// Stops, and proves that nothing is left: the context runs out of work.
    void stop_all() { stop_all(monitor_); }
    void stop_all(HealthMonitor& monitor) {
        bool stopped = false;
        asio::co_spawn(context_, monitor.stop(), [&stopped](const std::exception_ptr& error) {
            EXPECT_FALSE(error);
            stopped = true;
        });
        EXPECT_TRUE(until([&] { return stopped; }));
        origin_.close();
        expect_no_work_left();
    }
    void expect_no_work_left() {
        context_.restart();
        context_.run_for(10s);
        EXPECT_TRUE(context_.stopped());
    }

    asio::io_context context_;
    Origin origin_{context_};
    HealthMonitor monitor_{context_};
    std::uint32_t last_id_ = 0;
};

constexpr auto kOften = 1ms;
constexpr auto kNever = std::chrono::milliseconds(1h);

TEST_F(HealthMonitorTest, TheFirstResultDecidesAtOnce) {
    const auto good = make_target(ip_target(origin_.port()));
    const auto bad = make_target(ip_target(test::closed_port(context_)));
    const auto service = make_service(kNever);
    EXPECT_EQ(monitor_.report(*good).health, Health::unknown);
    monitor_.watch({{good, service}, {bad, service}});
    ASSERT_TRUE(until(
        [&] { return good->health() != Health::unknown && bad->health() != Health::unknown; }));
    EXPECT_EQ(good->health(), Health::healthy);
    EXPECT_EQ(bad->health(), Health::unhealthy);

    const auto report = monitor_.report(*good);
    EXPECT_EQ(report.health, Health::healthy);
    EXPECT_EQ(report.status, 200U);
    EXPECT_EQ(report.error, "");
    EXPECT_EQ(report.body_line, "");
    EXPECT_TRUE(report.checked_at.has_value());
    EXPECT_THAT(report.resolved, ElementsAre("127.0.0.1:" + std::to_string(origin_.port())));
    EXPECT_EQ(monitor_.report(*bad).error, "connection refused");
    stop_all();
}

TEST_F(HealthMonitorTest, TakesThresholdsInARowToChange) {
    const auto target = make_target(ip_target(origin_.port()));
    const auto service = make_service(kOften);
    service->health_check.unhealthy_after = 3;
    service->health_check.healthy_after = 2;
    const std::string good = response(200);
    const std::string bad = response(503, "migrating");
    // Two failures are forgotten by a success; so is one success by a failure.
    origin_.answers = {good, bad, bad, good, bad, bad, bad, good, bad, good, good};
    origin_.answer = "";  // Then the checks stand still.

    struct Change {
        Health health;
        std::size_t after_requests;
        std::string body_line;
        std::uint32_t good;
    };
    std::vector<Change> changes;
    monitor_.on_change([&](const route::Target& changed, const route::TargetReport& report) {
        EXPECT_EQ(&changed, target.get());
        EXPECT_EQ(changed.health(), report.health);
        changes.push_back({report.health, origin_.requests.size(), report.body_line, report.good});
        EXPECT_EQ(report.needed, 2U);
    });
    monitor_.watch({{target, service}});
    ASSERT_TRUE(until([&] { return origin_.requests.size() == 12; }));
    ASSERT_EQ(changes.size(), 3U);
    EXPECT_EQ(changes[0].health, Health::healthy);
    EXPECT_EQ(changes[0].after_requests, 1U);
    EXPECT_EQ(changes[1].health, Health::unhealthy);
    EXPECT_EQ(changes[1].after_requests, 7U);
    EXPECT_EQ(changes[1].body_line, "migrating");
    EXPECT_EQ(changes[2].health, Health::healthy);
    EXPECT_EQ(changes[2].after_requests, 11U);
    EXPECT_EQ(changes[1].good, 0U);
    EXPECT_EQ(changes[2].good, 2U);
    stop_all();
}

TEST_F(HealthMonitorTest, SinceIsWhenTheHealthChangedNotTheLastCheck) {
    const auto target = make_target(ip_target(origin_.port()));
    origin_.answers = {response(200), response(200), response(200)};
    origin_.answer = "";
    monitor_.watch({{target, make_service(kOften)}});
    ASSERT_TRUE(until([&] { return target->health() == Health::healthy; }));
    const auto since = monitor_.report(*target).since;
    ASSERT_TRUE(until([&] { return origin_.requests.size() == 4; }));
    EXPECT_EQ(monitor_.report(*target).since, since);
    EXPECT_GT(*monitor_.report(*target).checked_at, since);
    stop_all();
}

TEST_F(HealthMonitorTest, WatchingAgainDisturbsNothing) {
    const auto target = make_target(ip_target(origin_.port()));
    const auto other = make_target(ip_target(origin_.port()));
    monitor_.watch({{target, make_service(kNever)}});
    ASSERT_TRUE(until([&] { return target->health() == Health::healthy; }));
    // The same configuration in another object, as after a reload.
    monitor_.watch({{target, make_service(kNever)}, {other, make_service(kNever)}});
    ASSERT_TRUE(until([&] { return other->health() == Health::healthy; }));
    EXPECT_EQ(origin_.requests.size(), 2U);
    stop_all();
}

TEST_F(HealthMonitorTest, AChangedCheckRunsAtOnceAndKeepsTheHealth) {
    const auto target = make_target(ip_target(origin_.port()));
    monitor_.watch({{target, make_service(kNever)}});
    ASSERT_TRUE(until([&] { return target->health() == Health::healthy; }));
    origin_.answer = response(500, "broken");
    const auto changed = make_service(kNever);
    changed->health_check.path = "/other";
    monitor_.watch({{target, changed}});
    ASSERT_TRUE(until([&] { return monitor_.report(*target).status == 500; }));
    EXPECT_THAT(origin_.requests.back(), StartsWith("GET /other HTTP/1.1\r\n"));
    EXPECT_EQ(target->health(), Health::healthy);
    EXPECT_EQ(monitor_.report(*target).body_line, "broken");
    stop_all();
}

TEST_F(HealthMonitorTest, AChangedCheckTakesOverFromOneThatHangs) {
    const auto target = make_target(ip_target(origin_.port()));
    origin_.answers = {""};
    const auto patient = make_service(kNever);
    patient->health_check.timeout = kNever;
    monitor_.watch({{target, patient}});
    ASSERT_TRUE(until([&] { return origin_.requests.size() == 1; }));
    monitor_.watch({{target, make_service(kNever)}});
    EXPECT_TRUE(until([&] { return target->health() == Health::healthy; }));
    stop_all();
}

TEST_F(HealthMonitorTest, WhatIsNoLongerWatchedIsNoLongerChecked) {
    const auto target = make_target(ip_target(origin_.port()));
    monitor_.watch({{target, make_service(kOften)}});
    ASSERT_TRUE(until([&] { return target->health() == Health::healthy; }));
    monitor_.watch({});
    EXPECT_EQ(monitor_.report(*target).health, Health::healthy);
    EXPECT_FALSE(monitor_.report(*target).checked_at.has_value());
    origin_.close();
    expect_no_work_left();
}

TEST_F(HealthMonitorTest, TheCallbackMayChangeWhatIsWatched) {
    const auto target = make_target(ip_target(origin_.port()));
    const auto next = make_target(ip_target(origin_.port()));
    monitor_.on_change([&](const route::Target& changed, const route::TargetReport&) {
        if (&changed == target.get()) monitor_.watch({{next, make_service(kNever)}});
    });
    monitor_.watch({{target, make_service(kOften)}});
    EXPECT_TRUE(until([&] { return next->health() == Health::healthy; }));
    stop_all();
}

TEST_F(HealthMonitorTest, StopEndsAHangingCheck) {
    const auto target = make_target(ip_target(origin_.port()));
    origin_.answer = "";
    const auto patient = make_service(kNever);
    patient->health_check.timeout = kNever;
    monitor_.watch({{target, patient}});
    ASSERT_TRUE(until([&] { return origin_.requests.size() == 1; }));
    stop_all();
    EXPECT_EQ(target->health(), Health::unknown);
    monitor_.watch({{target, patient}});  // Too late: does nothing.
    expect_no_work_left();
}

TEST_F(HealthMonitorTest, MayBeDestroyedWithoutStop) {
    const auto target = make_target(ip_target(origin_.port()));
    bool called = false;
    {
        HealthMonitor monitor(context_);
        monitor.on_change([&](const route::Target&, const route::TargetReport&) { called = true; });
        monitor.watch({{target, make_service(kOften)}});
    }
    origin_.close();
    expect_no_work_left();
    EXPECT_FALSE(called);
}

config::Target name_target(const std::string& name, std::uint16_t port) {
    config::Target target = ip_target(port);
    target.kind = config::Target::Kind::name;
    target.host = name;
    target.address = name + ":" + std::to_string(port);
    return target;
}

/// No resolver asks a server for it: a label has at most 63 bytes.
const std::string kImpossibleName = std::string(70, 'x') + ".example";

TEST_F(HealthMonitorTest, ResolvesAHostNameBeforeItChecks) {
    const auto target = make_target(name_target("localhost", origin_.port()));
    EXPECT_TRUE(target->addresses().empty());
    monitor_.watch({{target, make_service(kNever)}});
    ASSERT_TRUE(until([&] { return target->health() != Health::unknown; }));
    EXPECT_EQ(target->health(), Health::healthy) << monitor_.report(*target).error;
    EXPECT_THAT(monitor_.report(*target).resolved,
                testing::Contains("127.0.0.1:" + std::to_string(origin_.port())));
    stop_all();
}

TEST_F(HealthMonitorTest, SaysThatANameNeverResolved) {
    const auto target = make_target(name_target(kImpossibleName, origin_.port()));
    monitor_.watch({{target, make_service(kNever)}});
    ASSERT_TRUE(until([&] { return target->health() != Health::unknown; }));
    EXPECT_EQ(target->health(), Health::unhealthy);
    const auto report = monitor_.report(*target);
    EXPECT_THAT(report.error, StartsWith("cannot resolve " + kImpossibleName + ": "));
    EXPECT_TRUE(report.resolved.empty());
    stop_all();
}

TEST_F(HealthMonitorTest, AFailingLookupKeepsTheAddressesAndIsReported) {
    const auto target = make_target(name_target(kImpossibleName, origin_.port()));
    target->set_addresses(make_target(ip_target(origin_.port()))->addresses());
    monitor_.watch({{target, make_service(kNever)}});
    ASSERT_TRUE(until([&] { return target->health() != Health::unknown; }));
    EXPECT_EQ(target->health(), Health::healthy);
    const auto report = monitor_.report(*target);
    EXPECT_THAT(report.error, HasSubstr("cannot resolve"));
    EXPECT_THAT(report.error, HasSubstr("using the addresses of before"));
    EXPECT_THAT(report.resolved, ElementsAre("127.0.0.1:" + std::to_string(origin_.port())));
    stop_all();
}

TEST_F(HealthMonitorTest, LooksUpAgainAndAgain) {
    HealthMonitor monitor(context_, {.resolve_interval = 1ms, .resolve_timeout = 5s});
    const auto target = make_target(name_target("localhost", origin_.port()));
    monitor.watch({{target, make_service(kNever)}});
    ASSERT_TRUE(until([&] { return target->health() == Health::healthy; }));
    target->set_addresses({});  // As if the name had pointed elsewhere.
    EXPECT_TRUE(until([&] { return !target->addresses().empty(); }));
    stop_all(monitor);
}

TEST(StaticAddress, IsFilledInForAddressesOnly) {
    const auto resolved = [](config::Target::Kind kind, const std::string& host) {
        config::Target config;
        config.kind = kind;
        config.host = host;
        config.port = 8000;
        route::Target target(1, "app", Colour::blue, config, 1);
        if (!fill_static_address(target)) return std::string("refused");
        const auto addresses = target.addresses();
        return addresses.empty() ? std::string("none") : to_string(addresses[0]);
    };
    using Kind = config::Target::Kind;
    EXPECT_EQ(resolved(Kind::ip, "10.0.0.2"), "10.0.0.2:8000");
    EXPECT_EQ(resolved(Kind::ip, "::1"), "[::1]:8000");
    EXPECT_EQ(resolved(Kind::unix_socket, "/run/app.sock"), "/run/app.sock");
    EXPECT_EQ(resolved(Kind::name, "app.internal"), "none");
    EXPECT_EQ(resolved(Kind::ip, "app.internal"), "refused");
    EXPECT_EQ(resolved(Kind::unix_socket, std::string(200, 'x')), "refused");
}

}  // namespace
}  // namespace switchyard::upstream
