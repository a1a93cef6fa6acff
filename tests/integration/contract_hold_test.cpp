// C15: hold, switch, release; who waits, who does not, and in which order they go on.
#include "integration/contract.hpp"
#include "integration/ordered_origin.hpp"

#include <atomic>

namespace switchyard::test {
namespace {

INSTANTIATE_TEST_SUITE_P(Over, SwitchContract, all_transports(), transport_name);

/// What only HTTP/1.1 knows.
class SwitchContractHttp1 : public SwitchContract {};
INSTANTIATE_TEST_SUITE_P(Over, SwitchContractHttp1, http1_transports(), transport_name);

TEST_P(SwitchContract, C15_EveryHeldRequestGoesToTheNewSlotAndNoneIsLost) {
    constexpr int kClients = 200;
    start_over_transport();
    hold_service();
    // Plain ones, uploads that are complete, and uploads that are not.
    std::vector<Visitor> plain;
    std::vector<Visitor> uploads;
    std::vector<Visitor> halves;
    const std::string body(3'000, 'u');
    for (int i = 0; i < kClients; ++i) {
        plain.push_back(visit());
        plain.back().ask("GET", "/");
        uploads.push_back(visit());
        uploads.back().ask("POST", "/upload", {}, body);
        if (i % 4 != 0) continue;
        halves.push_back(visit());
        halves.back().begin("POST", "/upload", 2 * body.size());
        halves.back().send(body);
    }
    ASSERT_TRUE(wait_held(2 * kClients + kClients / 4));
    EXPECT_EQ(started(Colour::blue, "/") + started(Colour::blue, "/upload"), 0);
    switch_to(Colour::green);
    EXPECT_EQ(held(), 2 * kClients + kClients / 4);
    const auto released = release_service();
    EXPECT_EQ(number(released, "released"), 2 * kClients + kClients / 4);
    EXPECT_EQ(number(released, "total"), number(released, "released"));
    EXPECT_EQ(released.at("live").as_string(), "green");
    for (auto& client : plain)
        EXPECT_EQ(colour_of(client.answer()), "green");
    const auto size_of = [](const Response& response) {
        return number(boost::json::parse(response.body), "bytes");
    };
    for (auto& client : uploads) {
        const auto response = client.answer();
        EXPECT_EQ(colour_of_upload(response), "green");
        EXPECT_EQ(size_of(response), 3'000);
    }
    for (auto& client : halves) {
        client.send(body, true);
        const auto response = client.answer();
        EXPECT_EQ(colour_of_upload(response), "green");
        EXPECT_EQ(size_of(response), 6'000);
    }
    EXPECT_EQ(started(Colour::blue, "/") + started(Colour::blue, "/upload"), 0);
    EXPECT_EQ(started(Colour::green, "/upload"), kClients + kClients / 4);
    const auto service = admin().service_at_rest("app");
    EXPECT_TRUE(service.at("hold").is_null());
    EXPECT_EQ(number(service.at("slots").at("green").at("books"), "completed"),
              2 * kClients + kClients / 4);
}

TEST_P(SwitchContractHttp1, C15_OfAPipelineTheFirstIsHeldAndTheRestComesBehind) {
    constexpr std::size_t kClients = 50;
    start_over_transport();
    hold_service();
    const std::string body(3'000, 'u');
    std::vector<Client> pipelines;
    for (std::size_t i = 0; i < kClients; ++i) {
        pipelines.push_back(come_in());
        pipelines.back().send(
            request_text("GET", "/") +
            request_text("POST", "/upload", {{"Content-Length", std::to_string(body.size())}}) +
            body + request_text("GET", "/?last"));
    }
    ASSERT_TRUE(wait_held(kClients));
    switch_to(Colour::green);
    // Nothing behind the first of each was looked at.
    EXPECT_GE(number(release_service(), "released"), static_cast<std::int64_t>(kClients));
    for (auto& client : pipelines) {
        EXPECT_EQ(colour_of(read_response(client)), "green");
        EXPECT_EQ(colour_of_upload(read_response(client, "POST")), "green");
        EXPECT_EQ(colour_of(read_response(client)), "green");
    }
    EXPECT_EQ(started(Colour::blue, "/") + started(Colour::blue, "/upload"), 0);
}

TEST_P(SwitchContract, C15_SwitchWithHoldIsOneCommandWithItsReceipt) {
    start_over_transport();
    std::atomic<bool> done{false};
    std::atomic<int> wrong{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                auto client = visit();
                while (!done) {
                    if (client.exchange("GET", "/").status != 200) ++wrong;
                }
            });
        }
        for (int i = 0; i < 20; ++i) {
            const auto to = i % 2 == 0 ? Colour::green : Colour::blue;
            auto stream = switching(to, R"("hold":true,"hold_max_ms":20000)");
            EXPECT_EQ(stream.next_event("committed").at("to").as_string(), to_string(to));
            const auto released = stream.next_event("released");
            EXPECT_EQ(released.at("reason").as_string(), "switched");
            EXPECT_EQ(number(released, "total"), number(released, "released"));
            EXPECT_EQ(colour_of(get("/")), to_string(to));
            stream.next_event("drained");
        }
        done = true;
    }
    EXPECT_EQ(wrong, 0);
    const auto history = admin().get("/v1/history?limit=1").json();
    const auto& receipt = history.at("entries").at(0).at("receipt");
    EXPECT_EQ(receipt.at("hold").at("reason").as_string(), "switched");
}

TEST_P(SwitchContract, C15_WhatIsInFlightGoesOnAndADrainDoesNotWaitForTheHeld) {
    start_over_transport();
    auto upload = hold(Colour::blue);
    EXPECT_EQ(number(hold_service(), "in_flight"), 1);
    auto waiting = knock();
    auto stream = switching(Colour::green);
    EXPECT_EQ(number(stream.next_event("committed"), "in_flight_on_old"), 1);
    EXPECT_EQ(colour_of_upload(finish(upload)), "blue");
    const auto drained = stream.next_event("drained");
    EXPECT_EQ(number(drained, "completed"), 1);
    EXPECT_EQ(held(), 1);
    release_service();
    EXPECT_EQ(colour_of(waiting.answer()), "green");
}

TEST_P(SwitchContract, C15_PastItsRoomThereIs503WithRetryAfter) {
    start_over_transport(config("    hold: {requests: 3}\n"));
    hold_service();
    std::vector<Visitor> waiting;
    for (int i = 0; i < 3; ++i)
        waiting.push_back(knock());
    auto client = visit();
    for (int i = 0; i < 2; ++i) {  // its connection stays
        const auto response = client.exchange("GET", "/");
        EXPECT_EQ(response.status, 503);
        EXPECT_EQ(response.field("X-Switchyard-Error"), "hold_full");
        const auto seconds = std::stoi(response.field("Retry-After").value_or("0"));
        EXPECT_TRUE(seconds > 1 && seconds <= 60) << seconds;
    }
    waiting.pop_back();
    ASSERT_TRUE(wait_held(2));
    waiting.push_back(knock());
    EXPECT_EQ(number(release_service(), "full"), 2);
    for (auto& each : waiting)
        EXPECT_EQ(each.answer().status, 200);
}

TEST_P(SwitchContract, C15_PastItsOctetsThereIs503) {
    start_over_transport(config("    hold: {bytes: 1MiB}\n", "limits: {body_bytes: 0}\n"));
    hold_service();
    // Each has some tens of KiB here already, and all of a body is never read.
    std::vector<Visitor> waiting;
    const std::string body(30'000, 'b');
    int refused = 0;
    for (int i = 0; i < 100 && refused == 0; ++i) {
        waiting.push_back(visit());
        waiting.back().ask("POST", "/upload", {}, body);
        ASSERT_TRUE(eventually([&] {
            const auto service = admin().service("app");
            refused = static_cast<int>(number(service.at("hold"), "full"));
            return refused + number(service.at("hold"), "held") == i + 1;
        }));
    }
    ASSERT_EQ(refused, 1);
    EXPECT_EQ(waiting.back().answer().status, 503);
    EXPECT_LE(number(admin().service("app").at("hold"), "bytes"), 1024 * 1024);
    waiting.pop_back();
    release_service();
    for (auto& each : waiting)
        EXPECT_EQ(each.answer().status, 200);
}

TEST_P(SwitchContract, C15_NothingIsReadFromAHeldClient) {
    start_over_transport();
    hold_service();
    auto client = knock([](Visitor& visitor) { visitor.begin("POST", "/upload", 100'000'000); });
    const auto before = daemon().resident_bytes();
    std::size_t sent = 0;
    const std::string block(1'000'000, 'x');
    // Until the sockets on the way are full.
    for (std::size_t taken = 1; taken != 0 && sent < 90'000'000;) {
        taken = client.send_some(block, Deadline(300ms));
        sent += taken;
    }
    EXPECT_LT(sent, 50'000'000U);
    EXPECT_LT(daemon().resident_bytes(), before + kNoticeableBytes);
    EXPECT_EQ(number(admin().service("app").at("hold"), "held"), 1);
    client.leave();
    EXPECT_TRUE(wait_held(0));
    EXPECT_EQ(number(release_service(), "left"), 1);
}

TEST_P(SwitchContract, C15_NobodyWaitsLongerThanARequestMay) {
    start_over_transport(config("    hold: {wait: 300ms}\n"));
    hold_service();
    auto client = visit();
    const auto begun = std::chrono::steady_clock::now();
    const auto response = client.exchange("GET", "/");
    EXPECT_GE(std::chrono::steady_clock::now() - begun, 300ms);
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(response.field("X-Switchyard-Error"), "hold_timeout");
    EXPECT_TRUE(response.field("Retry-After"));
    EXPECT_EQ(number(release_service(), "timed_out"), 1);
    EXPECT_EQ(colour_of(client.exchange("GET", "/")), "blue");
}

TEST_P(SwitchContract, C15_AForgottenHoldEndsByItselfToTheLiveSlot) {
    start_over_transport();
    AdminStream stream(admin().socket(), "POST", "/v1/services/app/hold", R"({"max_ms":400})");
    stream.next_event("held");
    auto client = visit();
    EXPECT_EQ(colour_of(client.exchange("GET", "/")), "blue");
    EXPECT_EQ(stream.next_event("released").at("reason").as_string(), "expired");
    EXPECT_EQ(admin().post("/v1/services/app/release").error_code(), "not_held");
}

TEST_P(SwitchContract, C15_ClientsThatLeaveAreForgottenAndTheBooksBalance) {
    start_over_transport();
    hold_service();
    std::vector<Visitor> waiting;
    for (int i = 0; i < 20; ++i) {
        waiting.push_back(visit());
        waiting.back().ask("GET", "/");
    }
    ASSERT_TRUE(wait_held(20));
    for (int i = 0; i < 10; ++i) {
        if (i % 2 == 0) {
            waiting[static_cast<std::size_t>(i)].leave();
        } else {
            waiting[static_cast<std::size_t>(i)].close();
        }
    }
    ASSERT_TRUE(wait_held(10));  // before any release
    switch_to(Colour::green);
    const auto released = release_service();
    EXPECT_EQ(number(released, "total"), 20);
    EXPECT_EQ(number(released, "released"), 10);
    EXPECT_EQ(number(released, "left"), 10);
    for (std::size_t i = 10; i < 20; ++i)
        EXPECT_EQ(colour_of(waiting[i].answer()), "green");
    // C18: they reached no slot, and ended as exactly one thing.
    const auto books = admin().service_at_rest("app").at("books");
    const auto status = admin().get("/v1/status").json();
    EXPECT_EQ(number(status.at("unrouted"), "client_abort"), 10);
    EXPECT_EQ(number(status.at("unrouted"), "accepted"), 10);
    EXPECT_EQ(number(books, "accepted"), 10);
    EXPECT_EQ(number(books, "completed"), 10);
    EXPECT_EQ(started(Colour::green, "/"), 10);
    EXPECT_EQ(started(Colour::blue, "/"), 0);
}

TEST_P(SwitchContract, C15_AfterKill9NothingIsHeldAndTheHistorySaysSo) {
    start_over_transport();
    hold_service();
    auto client = knock();
    switch_to(Colour::green);
    restart();
    EXPECT_THROW(client.answer(), ClientError);
    EXPECT_TRUE(admin().service("app").at("hold").is_null());
    EXPECT_EQ(colour_of(get("/")), "green");
    const auto history = admin().get("/v1/history?service=app").json();
    for (const auto& entry : history.at("entries").as_array()) {
        if (entry.at("action").as_string() != "hold") continue;
        EXPECT_EQ(entry.at("outcome").as_string(), "interrupted");
        return;
    }
    FAIL() << "no entry of the hold";
}

TEST_P(SwitchContract, C15_AReloadDuringAHoldKeepsIt) {
    start_over_transport();
    hold_service();
    auto client = knock();
    auto yaml = read_file(daemon().config_path());
    yaml.insert(yaml.find("    health_check:"), "    retries: 1\n    hold: {requests: 2}\n");
    daemon().write_config(yaml);
    ASSERT_EQ(admin().post("/v1/reload").status, 200);
    EXPECT_EQ(held(), 1);
    auto second = knock();
    auto third = visit();
    EXPECT_EQ(third.exchange("GET", "/").status, 503);  // the new bound holds at once
    switch_to(Colour::green);
    release_service();
    EXPECT_EQ(colour_of(client.answer()), "green");
    EXPECT_EQ(colour_of(second.answer()), "green");
}

TEST_P(SwitchContract, C15_TheDaemonsEndServesWhoWaits) {
    start_over_transport();
    hold_service();
    std::vector<Visitor> waiting;
    for (int i = 0; i < 30; ++i) {
        waiting.push_back(visit());
        waiting.back().ask("GET", "/");
    }
    ASSERT_TRUE(wait_held(30));
    daemon().signal(SIGTERM);
    for (auto& client : waiting)
        EXPECT_EQ(colour_of(client.answer()), "blue");
    const auto exit = daemon().wait_exit();
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->code, 0);
}

TEST_P(SwitchContract, C15_HealthServerInfoAndAdminGoOn) {
    start_over_transport();
    hold_service();
    auto client = visit();
    EXPECT_EQ(client.exchange("GET", "/server_info").body, "blue");
    origin(Colour::green).set_health(500);
    EXPECT_TRUE(daemon().wait_healthy("app", Colour::green, false));
    release_service();
}

TEST_P(SwitchContract, C10_ARetryWaitsAsWellAndGoesToTheNewSlot) {
    start_over_transport(config("    retries: 2\n"));
    // An idempotent request that its origin has when it dies: the next try meets the hold.
    auto client = long_poll(Colour::blue);
    hold_service();
    origin(Colour::blue).kill();
    ASSERT_TRUE(wait_held(1));
    switch_to(Colour::green);
    EXPECT_EQ(in_flight(Colour::green, "/sleep"), 0);
    release_service();
    EXPECT_TRUE(eventually([&] { return in_flight(Colour::green, "/sleep") == 1; }));
}

/// One worker, so that one order of arrival is known.
class HoldOrder : public testing::Test {
  protected:
    HoldOrder()
        : daemon_(
              "workers: 1\nlisteners:\n  - address: \"127.0.0.1:0\"\nservices:\n  app:\n"
              "    slots:\n      blue:\n        targets: [\"" +
              blue_.address() + "\"]\n      green:\n        targets: [\"" + green_.address() +
              "\"]\n    health_check: {path: /up, interval: 50ms, healthy_after: 1}\n") {
        daemon_.start();
        for (const auto colour : kColours)
            EXPECT_TRUE(daemon_.wait_healthy("app", colour));
    }
    [[nodiscard]] std::int64_t held() const {
        return number(daemon_.admin().service("app").at("hold"), "held");
    }

    OrderedOrigin blue_;
    OrderedOrigin green_;
    Daemon daemon_;
};

TEST_F(HoldOrder, C15_TheyReachTheNewSlotInTheOrderInWhichTheyCame) {
    constexpr int kClients = 300;
    ASSERT_EQ(daemon_.admin().post("/v1/services/app/hold", R"({"wait":false})").status, 200);
    std::vector<Client> clients;
    std::vector<std::string> order;
    for (int i = 0; i < kClients; ++i) {
        const auto target = "/" + std::to_string(i);
        clients.emplace_back(daemon_.address());
        clients.back().send(request_text("GET", target));
        // The next one comes when this one is known to wait.
        ASSERT_TRUE(eventually([&] { return held() == i + 1; }));
        order.push_back(target);
    }
    ASSERT_EQ(daemon_.admin().switch_to("app", "green").status, 200);
    ASSERT_EQ(daemon_.admin().post("/v1/services/app/release").status, 200);
    for (int i = 0; i < kClients; ++i) {
        EXPECT_EQ(read_response(clients[static_cast<std::size_t>(i)]).body,
                  order[static_cast<std::size_t>(i)]);
    }
    EXPECT_EQ(green_.targets(), order);
    EXPECT_TRUE(blue_.targets().empty());
}

}  // namespace
}  // namespace switchyard::test
