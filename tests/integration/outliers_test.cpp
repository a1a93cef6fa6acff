// Targets that can be connected to, but do badly: passed over for a while (ejection.errors,
// ejection.slow_factor).
#include "integration/contract.hpp"
#include "integration/metrics_page.hpp"
#include "support/scripted_origin.hpp"

#include <atomic>
#include <thread>
#include <vector>

namespace switchyard::test {
namespace {

class OutlierEjection : public SwitchContract {
  protected:
    void start_with(const std::vector<std::string>& targets, std::string_view service) {
        start(with_blue_targets(
            with_rare_checks(config(service,
                                    "admin: {socket: \"${DIR}/admin.sock\", metrics: "
                                    "\"127.0.0.1:0\"}\n")),
            origin(Colour::blue).address(), targets));
        ASSERT_TRUE(eventually([&] { return all_healthy(); }));
    }
    [[nodiscard]] bool all_healthy() const {
        for (std::size_t i = 0; i < targets().size(); ++i) {
            if (target(i).at("state").as_string() != "healthy") return false;
        }
        return true;
    }
    /// How many of so many requests, one after the other, got an answer that broke off.
    [[nodiscard]] int broken_answers(int requests) const {
        int broken = 0;
        for (int i = 0; i < requests; ++i) {
            auto client = connect();
            try {
                EXPECT_EQ(exchange(client, "GET", "/").body, "good");
            } catch (const ClientError& error) {
                EXPECT_EQ(error.kind, ClientError::Kind::broken) << error.what();
                ++broken;
            }
        }
        return broken;
    }
    [[nodiscard]] double ejections(const ScriptedOrigin& target) const {
        const auto address =
            std::string(admin().get("/v1/status").json().at("metrics_address").as_string());
        const MetricsPage page(test::get(address, "/metrics").body);
        return page.sum("switchyard_target_ejections_total", {{"target", target.address()}});
    }
    [[nodiscard]] boost::json::array targets() const {
        return admin().service("app").at("slots").at("blue").at("targets").as_array();
    }
    [[nodiscard]] boost::json::value target(std::size_t index) const { return targets().at(index); }
    [[nodiscard]] std::string state(std::size_t index) const {
        return std::string(target(index).at("state").as_string());
    }
};

TEST_F(OutlierEjection, ATargetThatAnswersWithErrorsIsPassedOverForAWhile) {
    std::atomic<bool> well{false};
    const ScriptedOrigin sick([&](int) { return well ? answer(200, "sick") : answer(500); });
    const ScriptedOrigin good([](int) { return answer(200, "good"); });
    start_with({sick.address(), good.address()},
               "    ejection: {errors: 5, outlier_duration: 4s}\n");
    AdminStream events(admin().socket(), "GET", "/v1/events");
    ASSERT_EQ(events.head().status, 200);
    auto client = connect();
    int errors = 0;
    for (int i = 0; i < 100; ++i) {
        if (exchange(client, "GET", "/").status == 500) ++errors;
    }
    EXPECT_EQ(errors, 5) << "in a row, over all workers";
    EXPECT_EQ(state(0), "ejected");
    EXPECT_EQ(state(1), "healthy");
    const auto ejected = target(0).at("ejected");
    EXPECT_EQ(ejected.at("why").as_string(), "errors");
    EXPECT_EQ(number(ejected, "times"), 1);
    EXPECT_GT(ejected.at("until").as_string(), ejected.at("since").as_string());
    const auto shown = daemon().cli({"status", "app"});
    EXPECT_NE(shown.out.find("answered with errors, several in a row"), std::string::npos)
        << shown.out;
    EXPECT_NE(shown.out.find("back in"), std::string::npos) << shown.out;
    const auto told = events.next_event("target");
    EXPECT_EQ(told.at("state").as_string(), "ejected");
    EXPECT_EQ(std::string(told.at("address").as_string()), sick.address());

    // It comes back by itself, and gets its share at once.
    well = true;
    EXPECT_TRUE(
        eventually([&] { return exchange(client, "GET", "/").body == "sick"; }, Deadline(15s)));
    const auto back = events.next_event("target");
    EXPECT_EQ(back.at("state").as_string(), "healthy");
    EXPECT_EQ(ejections(sick), 1);
    EXPECT_EQ(ejections(good), 0);
}

TEST_F(OutlierEjection, AnAnswerThatBreaksOffIsAFailure) {
    const ScriptedOrigin sick([](int) { return break_off(200, "a part"); });
    const ScriptedOrigin good([](int) { return answer(200, "good"); });
    start_with({sick.address(), good.address()}, "    ejection: {errors: 6}\n");
    EXPECT_EQ(broken_answers(100), 6);
    EXPECT_EQ(state(0), "ejected");
    EXPECT_EQ(state(1), "healthy");
}

TEST_F(OutlierEjection, AnErrorThatBreaksOffIsOneFailureAndNotTwo) {
    const ScriptedOrigin sick([](int) { return break_off(500, "a part"); });
    const ScriptedOrigin good([](int) { return answer(200, "good"); });
    start_with({sick.address(), good.address()}, "    ejection: {errors: 6}\n");
    EXPECT_EQ(broken_answers(100), 6);
    EXPECT_EQ(state(0), "ejected");
    EXPECT_EQ(state(1), "healthy");
}

TEST_F(OutlierEjection, WhatWasUnderWayWhenItWasEjectedDoesNotCountAfterwards) {
    // The first four are answered when the target has been ejected for others.
    std::atomic<bool> released{false};
    const ScriptedOrigin sick([&](int n) {
        if (n <= 4) released.wait(false);
        return answer(500);
    });
    const ScriptedOrigin good([](int) { return answer(200, "good"); });
    start_with({sick.address(), good.address()},
               "    ejection: {errors: 5, outlier_duration: 4s}\n");
    std::vector<std::thread> waiting;
    EXPECT_TRUE(eventually([&] {
        waiting.emplace_back([&] {
            auto client = connect();
            static_cast<void>(exchange(client, "GET", "/"));
        });
        return sick.requests() >= 4;
    }));
    auto client = connect();
    EXPECT_TRUE(eventually([&] {
        static_cast<void>(exchange(client, "GET", "/"));
        return state(0) == "ejected";
    }));
    released = true;
    released.notify_all();
    for (std::thread& thread : waiting)
        thread.join();
    EXPECT_EQ(state(0), "ejected") << "the late answers came too late for this test";

    // Back, it may fail four times, as before.
    EXPECT_TRUE(eventually([&] { return state(0) == "healthy"; }, Deadline(15s)));
    for (int errors = 0; errors < 4;) {
        if (exchange(client, "GET", "/").status == 500) ++errors;
    }
    EXPECT_EQ(state(0), "healthy");
    EXPECT_EQ(ejections(sick), 1);
}

TEST_F(OutlierEjection, AClientThatLeavesInTheMiddleSaysNothingAgainstItsTarget) {
    // They answer before the end of the upload, and never to the end: the client breaks off.
    const auto endless = [](int fd) {
        std::string head;
        char octet = 0;
        while (::read(fd, &octet, 1) == 1) {
            head += octet;
            if (!head.ends_with("\r\n\r\n")) continue;
            const bool check = head.starts_with("GET /up ");
            RawOrigin::send_all(fd,
                                check ? kHealthy : "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na");
            head.clear();
        }
    };
    const RawOrigin first(endless);
    const RawOrigin second(endless);
    start_with({first.address(), second.address()}, "    ejection: {errors: 2}\n");
    for (int i = 0; i < 20; ++i) {
        auto client = connect();
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx");
        EXPECT_EQ(read_head(client).status, 200);
        client.reset();
        EXPECT_TRUE(eventually(
            [&] { return number(admin().service("app").at("books"), "client_abort") == i + 1; }));
    }
    EXPECT_TRUE(all_healthy());
}

TEST_F(OutlierEjection, TheLastTargetIsNeverEjected) {
    const ScriptedOrigin first([](int) { return answer(500, "first"); });
    const ScriptedOrigin second([](int n) { return n % 2 == 0 ? drop() : answer(500, "second"); });
    start_with({first.address(), second.address()}, "    ejection: {errors: 3, share: 99%}\n");
    auto client = connect();
    for (int i = 0; i < 100; ++i)
        EXPECT_GE(exchange(client, "GET", "/").status, 500);
    EXPECT_NE(state(0), state(1));
    EXPECT_TRUE(state(0) == "ejected" || state(1) == "ejected");
}

TEST_F(OutlierEjection, NobodyIsEjectedUnlessThatIsConfigured) {
    const ScriptedOrigin sick([](int) { return answer(500); });
    start_with({sick.address(), origin(Colour::blue).address()}, "");
    auto client = connect();
    for (int i = 0; i < 60; ++i)
        static_cast<void>(exchange(client, "GET", "/"));
    EXPECT_TRUE(all_healthy());
    EXPECT_GT(sick.requests(), 10);
}

TEST_F(OutlierEjection, ATargetThatIsMuchSlowerIsPassedOverForAWhile) {
    const ScriptedOrigin slow([](int) { return answer(200, "slow", 60ms); });
    const ScriptedOrigin good([](int) { return answer(200, "good"); });
    start_with({slow.address(), good.address()},
               "    ejection: {slow_factor: 3, slow_by: 40ms, interval: 1s}\n");
    std::atomic<bool> enough{false};
    std::vector<std::thread> clients;
    for (int i = 0; i < 8; ++i) {
        clients.emplace_back([&] {
            auto client = connect();
            while (!enough)
                static_cast<void>(exchange(client, "GET", "/"));
        });
    }
    EXPECT_TRUE(eventually([&] { return state(0) == "ejected"; }, Deadline(20s)));
    enough = true;
    for (std::thread& client : clients)
        client.join();
    EXPECT_EQ(state(1), "healthy");
    EXPECT_EQ(target(0).at("ejected").at("why").as_string(), "slow");
    auto client = connect();
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(exchange(client, "GET", "/").body, "good");
}

}  // namespace
}  // namespace switchyard::test
