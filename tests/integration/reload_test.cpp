// Reload: a changed configuration is in force as a whole, or not at all; connections survive it.
#include "integration/harness.hpp"

#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace switchyard::test {
namespace {

class Reload : public FrontDoor {
  protected:
    /// Writes the configuration and reloads; the answer.
    [[nodiscard]] AdminAnswer reload(const std::string& yaml) {
        daemon().write_config(yaml);
        return admin().post("/v1/reload");
    }
    void reload_or_fail(const std::string& yaml) {
        const auto answer = reload(yaml);
        ASSERT_EQ(answer.status, 200) << answer.response.body;
        EXPECT_TRUE(answer.json().at("reloaded").as_bool());
    }

    static std::string replaced(std::string yaml, const std::string& from, const std::string& to) {
        return yaml.replace(yaml.find(from), from.size(), to);
    }

    static bool mentions(const AdminAnswer& answer, std::string_view change) {
        return answer.response.body.find(change) != std::string::npos;
    }

    /// A service of its own with one slot that this origin serves.
    static std::string service(const std::string& name, const OriginProcess& origin,
                               const std::string& more) {
        return "  " + name + ":\n    slots: {blue: {targets: [\"" + origin.address() +
               "\"]}}\n    " + more + "\n";
    }
};

/// An open keep-alive connection and a slow download, which have to live through what happens.
class Survivors {
  public:
    explicit Survivors(const std::string& address) : idle_(address), slow_(address) {
        EXPECT_EQ(exchange(idle_, "GET", "/").status, 200);
        slow_.send(request_text("GET", "/bytes?n=1000000&rate=2000000"));
        head_ = read_head(slow_);
    }

    void expect_alive() {
        EXPECT_EQ(exchange(idle_, "GET", "/").status, 200);
        PatternChecker checker(Colour::blue);
        ASSERT_NO_THROW(read_body(slow_, head_, "GET", [&](std::string_view piece) {
            ASSERT_FALSE(checker.feed(piece));
        }));
        EXPECT_EQ(checker.offset(), 1'000'000u);
        EXPECT_EQ(exchange(slow_, "GET", "/").status, 200);
    }

  private:
    Client idle_;
    Client slow_;
    Response head_;
};

TEST_F(Reload, WithoutAChangeNothingChanges) {
    start();
    Survivors survivors(address());
    const auto answer = reload(config());
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.json().at("changes").as_array().empty()) << answer.response.body;
    EXPECT_EQ(admin().service("app").at("epoch").to_number<int>(), 1);
    survivors.expect_alive();
}

TEST_F(Reload, ServicesComeAndGo) {
    const OriginProcess other(Colour::blue, {.name = "other"});
    start();
    Survivors survivors(address());
    auto client = connect();
    ASSERT_EQ(exchange(client, "GET", "/", {{"Host", "other.example"}}).body, "blue blue-origin\n");

    const auto answer = reload(config(service("other", other, "hosts: [other.example]")));
    ASSERT_EQ(answer.status, 200) << answer.response.body;
    EXPECT_TRUE(mentions(answer, "service other added"));
    EXPECT_EQ(exchange(client, "GET", "/", {{"Host", "other.example"}}).body, "blue other\n");
    EXPECT_EQ(exchange(client, "GET", "/").body, "blue blue-origin\n");

    EXPECT_TRUE(mentions(reload(config()), "service other removed"));
    EXPECT_EQ(exchange(client, "GET", "/", {{"Host", "other.example"}}).body, "blue blue-origin\n");
    EXPECT_EQ(admin().get("/v1/services/other").error_code(), "unknown_service");
    survivors.expect_alive();
}

TEST_F(Reload, ARemovedServiceFinishesWhatItHas) {
    const OriginProcess other(Colour::blue, {.name = "other"});
    start(config(service("other", other, "hosts: [other.example]")));
    auto client = connect();
    client.send(request_text("GET", "/sleep?ms=300", {}, "other.example"));
    ASSERT_TRUE(
        eventually([&] { return other.books("/sleep").at("in_flight").to_number<int>() == 1; }));
    reload_or_fail(replaced(config(), "hosts: [\"*\"]", "hosts: [localhost]"));
    EXPECT_EQ(read_response(client).body, "blue other\n");
    const auto response = exchange(client, "GET", "/", {{"Host", "other.example"}});
    EXPECT_EQ(response.status, 404);
    EXPECT_EQ(response.field("X-Switchyard-Error"), "no_such_service");
}

TEST_F(Reload, TargetsComeAndGo) {
    const OriginProcess second(Colour::blue, {.name = "second"});
    start();
    Survivors survivors(address());
    const auto first = origin(Colour::blue).address();
    auto answer = reload(
        replaced(config(), '"' + first + '"', '"' + first + "\", \"" + second.address() + '"'));
    EXPECT_TRUE(mentions(answer, "target " + second.address() + " added to blue"))
        << answer.response.body;
    EXPECT_TRUE(eventually([this] { return get("/").body == "blue second\n"; }));

    answer = reload(replaced(config(), first, second.address()));
    EXPECT_TRUE(mentions(answer, "target " + first + " removed from blue")) << answer.response.body;
    for (int i = 0; i < 20; ++i)
        ASSERT_EQ(get("/").body, "blue second\n");
    survivors.expect_alive();
}

TEST_F(Reload, ATargetIsReplacedUnderLoadWithoutAnError) {
    const OriginProcess second(Colour::blue, {.name = "second"});
    start();
    const auto first = origin(Colour::blue).address();
    const auto moved = replaced(config(), first, second.address());
    const auto port = second.address().substr(second.address().rfind(':'));
    const auto named = replaced(config(), first, "localhost" + port);
    std::atomic<bool> stop{false};
    std::atomic<int> answered{0};
    std::vector<std::thread> load;
    for (int i = 0; i < 2; ++i) {
        load.emplace_back([&] {
            auto client = connect();
            while (!stop) {
                const auto response = exchange(client, "GET", "/");
                EXPECT_EQ(response.status, 200) << response.body;
                ++answered;
            }
        });
    }
    for (int round = 0; round < 5; ++round) {
        for (const auto& yaml : {moved, named, config()}) {
            const int before = answered;
            reload_or_fail(yaml);
            EXPECT_TRUE(eventually([&] { return answered > before + 20; }));
        }
    }
    stop = true;
    for (auto& thread : load)
        thread.join();
}

TEST_F(Reload, ALiveSlotThatNobodyCanFindIsRefused) {
    start();
    const auto address = origin(Colour::blue).address();
    const auto answer = reload(replaced(config(), address, "nowhere.invalid:80"));
    EXPECT_EQ(answer.status, 422);
    EXPECT_EQ(answer.error_code(), "invalid_config");
    EXPECT_NE(answer.response.body.find("nowhere.invalid"), std::string::npos);
    EXPECT_EQ(get("/").status, 200) << "the old one stays in force";
    // The idle slot may be brought up later.
    const auto idle = origin(Colour::green).address();
    const auto warned = reload(replaced(config(), idle, "nowhere.invalid:80"));
    EXPECT_EQ(warned.status, 200) << warned.response.body;
    EXPECT_NE(warned.response.body.find("has no address yet"), std::string::npos);
    EXPECT_EQ(get("/").status, 200);
}

TEST_F(Reload, ASlotCanBeAddedAndTheIdleOneRemoved) {
    auto yaml = config();
    const auto green = yaml.find("      green:");
    yaml.erase(green, yaml.find("    health_check") - green);
    start();
    reload_or_fail(yaml);
    EXPECT_EQ(admin().post("/v1/services/app/switch").error_code(), "no_such_slot");
    reload_or_fail(config());
    ASSERT_TRUE(daemon().wait_healthy("app", Colour::green));
    switch_to(Colour::green);
    EXPECT_EQ(get("/").body, "green green-origin\n");

    const auto refused = reload(yaml);
    EXPECT_EQ(refused.error_code(), "invalid_config") << "green is live";
    EXPECT_TRUE(mentions(refused, "green"));
    EXPECT_EQ(get("/").body, "green green-origin\n");
    switch_to(Colour::blue);
    daemon().write_config(yaml);
    EXPECT_EQ(admin().post("/v1/reload").status, 200);
    EXPECT_EQ(get("/").body, "blue blue-origin\n");
}

TEST_F(Reload, LimitsAndTimeoutsHoldForOpenConnections) {
    start();
    auto client = connect();
    const std::string body(5000, 'x');
    ASSERT_EQ(exchange(client, "POST", "/", {}, body).status, 200);
    auto answer = reload(config({}, "limits: {body_bytes: 4KiB, header_count: 5}\n"));
    EXPECT_TRUE(mentions(answer, "limits changed")) << answer.response.body;
    const auto refused = exchange(client, "POST", "/", {}, body);
    EXPECT_EQ(refused.status, 413);
    auto again = connect();
    EXPECT_EQ(
        exchange(again, "GET", "/", {{"A", "1"}, {"B", "2"}, {"C", "3"}, {"D", "4"}, {"E", "5"}})
            .status,
        431);
    answer = reload(config("    limits: {body_bytes: 0}\n", "limits: {body_bytes: 4KiB}\n"));
    EXPECT_TRUE(mentions(answer, "service app: settings changed")) << answer.response.body;
    auto third = connect();
    EXPECT_EQ(exchange(third, "POST", "/", {}, body).status, 200);

    answer = reload(config({}, "timeouts: {keep_alive: 100ms}\n"));
    EXPECT_TRUE(mentions(answer, "timeouts changed")) << answer.response.body;
    auto idle = connect();
    EXPECT_EQ(exchange(idle, "GET", "/").status, 200);
    EXPECT_TRUE(idle.ended());
}

TEST_F(Reload, SettingsOfAServiceChange) {
    start();
    auto yaml = config("    served_by_header: X-Slot\n    server_info_path: /who\n", "via: \"\"\n");
    yaml = replaced(yaml, "      blue:\n", "      blue:\n        name: blue-production\n");
    ASSERT_EQ(get("/server_info").body, "blue");
    ASSERT_TRUE(get("/").field("Via"));
    const auto answer = reload(yaml);
    EXPECT_TRUE(mentions(answer, "slot blue is called blue-production now"))
        << answer.response.body;
    const auto response = get("/");
    EXPECT_EQ(response.field("X-Slot"), "blue-production");
    EXPECT_FALSE(response.field("X-Served-By"));
    EXPECT_FALSE(response.field("Via"));
    EXPECT_EQ(get("/who").body, "blue-production");
}

TEST_F(Reload, TheHealthCheckChanges) {
    start();
    const auto changed =
        replaced(config(), "path: /up", "path: \"/status?code=500\", expect: \"200-299\"");
    EXPECT_TRUE(mentions(reload(changed), "service app: health check changed"));
    EXPECT_TRUE(daemon().wait_healthy("app", Colour::green, false));
    EXPECT_EQ(admin().post("/v1/services/app/switch").error_code(), "unhealthy_target");
    reload_or_fail(config());
    EXPECT_TRUE(daemon().wait_healthy("app", Colour::green));
}

TEST_F(Reload, AnInvalidFileIsRefusedWithEveryReason) {
    start();
    Survivors survivors(address());
    const auto bad = config("    retries: many\n", "via: \"\"\nno_such_key: 1\n");
    const auto answer = reload(bad);
    EXPECT_EQ(answer.status, 422);
    EXPECT_EQ(answer.error_code(), "invalid_config");
    const auto problems = answer.json().at("error").at("details").at("problems").as_array();
    ASSERT_EQ(problems.size(), 2u) << answer.response.body;
    EXPECT_EQ(problems.at(0).at("line").to_number<int>(), 12);
    EXPECT_EQ(problems.at(1).at("line").to_number<int>(), 14);
    EXPECT_TRUE(get("/").field("Via")) << "the old configuration is in force";
    survivors.expect_alive();

    const auto run = daemon().cli({"reload"});
    EXPECT_EQ(run.exit.code, 1);
    EXPECT_NE(run.err.find("switchyard.yaml:12:"), std::string::npos) << run.err;
    EXPECT_NE(run.err.find("no_such_key"), std::string::npos) << run.err;
    const auto newest = admin().get("/v1/history?limit=1").json().at("entries").at(0);
    EXPECT_EQ(newest.at("action").as_string(), "reload");
    EXPECT_EQ(newest.at("outcome").as_string(), "refused");
}

TEST_F(Reload, WhatNeedsARestartIsRefused) {
    start();
    for (const std::string top :
         {"workers: 3\n", "state: \"${DIR}/other.db\"\n",
          "admin: {socket: \"${DIR}/other.sock\"}\n",
          "admin: {socket: \"${DIR}/admin.sock\", metrics: \"127.0.0.1:0\"}\n",
          "admin: {socket: \"${DIR}/admin.sock\", socket_mode: \"0600\"}\n"}) {
        const auto answer = reload(config({}, top));
        EXPECT_EQ(answer.error_code(), "invalid_config") << top;
        EXPECT_TRUE(mentions(answer, "restart")) << answer.response.body;
    }
    EXPECT_EQ(admin().get("/v1/status").json().at("workers").to_number<int>(), 2);
}

TEST_F(Reload, SighupDoesTheSame) {
    start();
    daemon().write_config(config({}, "via: elsewhere\n"));
    daemon().signal(SIGHUP);
    ASSERT_TRUE(daemon().notify().wait_for("RELOADING=1", -1));
    ASSERT_TRUE(daemon().notify().wait_for("READY=1", -1));
    EXPECT_EQ(get("/").field("Via"), "1.1 elsewhere");
    const auto newest = admin().get("/v1/history?limit=1").json().at("entries").at(0);
    EXPECT_EQ(newest.at("action").as_string(), "reload");
    EXPECT_EQ(newest.at("outcome").as_string(), "done");

    daemon().write_config(config({}, "via: [broken\n"));
    daemon().signal(SIGHUP);
    ASSERT_TRUE(daemon().notify().wait_for("RELOADING=1", -1));
    ASSERT_TRUE(daemon().notify().wait_for("READY=1", -1));
    EXPECT_EQ(get("/").field("Via"), "1.1 elsewhere");
    EXPECT_NE(daemon().log().find("event=reload_refused"), std::string::npos);
}

TEST_F(Reload, TheLiveSlotStaysAcrossReloads) {
    start();
    switch_to(Colour::green);
    reload_or_fail(config("    retries: 1\n"));
    const auto service = admin().service("app");
    EXPECT_EQ(service.at("live").as_string(), "green");
    EXPECT_EQ(service.at("epoch").to_number<int>(), 3) << "a change of its routing is an epoch";
    EXPECT_EQ(get("/").body, "green green-origin\n");
    EXPECT_EQ(admin().post("/v1/services/app/rollback").status, 200);
    EXPECT_EQ(get("/").body, "blue blue-origin\n");
    restart();
    EXPECT_EQ(get("/").body, "blue blue-origin\n");
}

TEST_F(Reload, OwnErrorPagesAreReadAgain) {
    start();
    const auto page = daemon().dir().write("404.html", "<p>first {{status}}</p>");
    // Nobody serves this host.
    auto yaml = config({}, "error_pages: {404: \"" + page + "\"}\n");
    yaml = replaced(yaml, "hosts: [\"*\"]", "hosts: [localhost]");
    reload_or_fail(yaml);
    auto client = connect();
    EXPECT_EQ(exchange(client, "GET", "/", {{"Host", "a.example"}}).body, "<p>first 404</p>");
    daemon().dir().write("404.html", "<p>second {{status}}</p>");
    reload_or_fail(yaml);
    EXPECT_EQ(exchange(client, "GET", "/", {{"Host", "a.example"}}).body, "<p>second 404</p>");
}

}  // namespace
}  // namespace switchyard::test
