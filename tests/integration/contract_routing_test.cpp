// C1 to C3 and C5: when a switch takes effect, for whom, and what it answers.
#include "integration/contract.hpp"

#include <atomic>
#include <thread>

namespace switchyard::test {
namespace {

INSTANTIATE_TEST_SUITE_P(Over, SwitchContract, all_transports(), transport_name);

/// What only HTTP/1.1 knows; of HTTP/2 it is in contract_h2_test.
class SwitchContractHttp1 : public SwitchContract {};
INSTANTIATE_TEST_SUITE_P(Over, SwitchContractHttp1, http1_transports(), transport_name);

/// Blue is live after an even number of switches.
Colour live_after(int switches) {
    return switches % 2 == 0 ? Colour::blue : Colour::green;
}

/// What a client may see whose request began after `acknowledged` switches and ended when `begun`
/// had begun.
bool may_answer(const std::string& colour, int acknowledged, int begun) {
    for (int i = acknowledged; i <= begun; ++i) {
        if (colour == to_string(live_after(i))) return true;
    }
    return false;
}

TEST_P(SwitchContract, C01_NoRequestAfterTheAcknowledgementReachesTheOldSlot) {
    constexpr int kSwitches = 40;
    start_over_transport();
    std::atomic<int> begun{0};
    std::atomic<int> acknowledged{0};
    std::atomic<bool> done{false};
    std::atomic<int> requests{0};
    std::atomic<int> exact{0};
    std::atomic<int> stale{0};
    const auto load = [&](bool keep) {
        auto client = visit();
        while (!done) {
            const int before = acknowledged;
            const auto response = client.exchange("GET", "/");
            const int after = begun;
            ++requests;
            if (before == after) ++exact;
            if (!may_answer(colour_of(response), before, after)) ++stale;
            if (!keep) client = visit();
        }
    };
    std::vector<std::jthread> clients;
    for (int i = 0; i < 4; ++i)
        clients.emplace_back(load, i < 3);
    // Connections that were open before, so that every worker has some.
    std::vector<Visitor> waiting;
    for (int i = 0; i < 6; ++i)
        waiting.push_back(visit());
    for (int i = 1; i <= kSwitches; ++i) {
        begun = i;
        switch_to(live_after(i));
        acknowledged = i;
        for (auto& client : waiting)
            ASSERT_EQ(colour_of(client.exchange("GET", "/")), to_string(live_after(i)));
    }
    done = true;
    clients.clear();
    EXPECT_EQ(stale, 0) << "of " << requests;
    EXPECT_GT(exact, 10 * kSwitches) << "hardly any request could have been stale";
    EXPECT_EQ(epoch(), kSwitches + 1);
}

TEST_P(SwitchContractHttp1, C02_ARequestIsRoutedWhenItsHeadIsComplete) {
    start_over_transport();
    auto client = come_in();
    const auto head = request_text("GET", "/");
    client.send(std::string_view(head).substr(0, head.size() - 2));
    // The daemon has these bytes when a later connection of the same kind was served.
    auto later = come_in();
    ASSERT_EQ(colour_of(exchange(later, "GET", "/")), "blue");
    switch_to(Colour::green);
    client.send("\r\n");
    EXPECT_EQ(colour_of(read_response(client)), "green");
}

TEST_P(SwitchContract, C02_ADrainWaitsForEveryRequestThatWasRoutedBefore) {
    start_over_transport();
    auto first = hold(Colour::blue);
    auto second = hold(Colour::blue);
    auto stream = switching(Colour::green);
    const auto committed = stream.next_event("committed");
    EXPECT_EQ(number(committed, "in_flight_on_old"), 2);
    EXPECT_EQ(colour_of_upload(finish(first)), "blue");
    ASSERT_TRUE(eventually(
        [this] { return number(admin().service("app").at("drains").at(0), "in_flight") == 1; }));
    EXPECT_EQ(finish(second).status, 200);
    const auto drained = stream.next_event("drained");
    EXPECT_EQ(number(drained, "completed"), 2);
    EXPECT_EQ(number(drained, "remaining"), 0);
}

TEST_P(SwitchContract, C03_CommittedComesAtOnceAndDrainedWhenItIs) {
    start_over_transport();
    auto held = hold(Colour::blue);
    auto stream = switching(Colour::green);
    const auto committed = stream.next();
    ASSERT_TRUE(committed);
    EXPECT_EQ(committed->at("event").as_string(), "committed");
    EXPECT_EQ(committed->at("from").as_string(), "blue");
    EXPECT_EQ(committed->at("to").as_string(), "green");
    EXPECT_EQ(number(*committed, "epoch"), 2);
    EXPECT_EQ(number(*committed, "in_flight_on_old"), 1);
    EXPECT_EQ(number(*committed, "drain_timeout_ms"), 30'000);
    EXPECT_FALSE(committed->at("forced").as_bool());
    EXPECT_EQ(colour_of(get("/")), "green");

    EXPECT_EQ(colour_of_upload(finish(held)), "blue");
    const auto drained = stream.next_event("drained");
    EXPECT_EQ(drained.at("slot").as_string(), "blue");
    EXPECT_EQ(number(drained, "epoch"), 2);
    EXPECT_EQ(number(drained, "completed"), 1);
    EXPECT_EQ(number(drained, "cut"), 0);
    EXPECT_EQ(number(drained, "remaining"), 0);
    EXPECT_FALSE(drained.at("cancelled").as_bool());
    EXPECT_TRUE(drained.at("last_on_old").is_string());
    EXPECT_TRUE(drained.at("first_on_new").is_string());
    EXPECT_LE(drained.at("last_on_old").as_string(), drained.at("first_on_new").as_string());
    EXPECT_FALSE(stream.next()) << "drained is the last line";
}

TEST_P(SwitchContract, C03_WithoutWaitingTheAnswerEndsWithCommitted) {
    start_over_transport();
    auto held = hold(Colour::blue);
    const auto answer = admin().switch_to("app", "green");
    EXPECT_EQ(answer.lines.size(), 1u);
    EXPECT_EQ(finish(held).status, 200);
}

TEST_P(SwitchContract, C05_AKeepAliveConnectionGoesOnWithTheNewSlot) {
    start_over_transport();
    auto client = visit();
    const auto port = client.local_address();
    for (int i = 0; i < 6; ++i) {
        for (const auto method : {"GET", "POST"}) {
            const auto response = client.exchange(method, "/");
            EXPECT_EQ(colour_of(response), to_string(live_after(i)));
            EXPECT_EQ(response.field("X-Served-By"), to_string(live_after(i)));
            EXPECT_TRUE(client.stays(response));
        }
        switch_to(live_after(i + 1));
    }
    EXPECT_EQ(client.local_address(), port);
}

TEST_P(SwitchContractHttp1, C05_PipelinedRequestsDecideOneByOneAndAreAnsweredInOrder) {
    start_over_transport();
    auto client = come_in();
    client.send(request_text("GET", "/first", {{"X-Test-Id", "1"}}) +
                request_text("GET", "/sleep?ms=500", {{"X-Test-Id", "2"}}) +
                request_text("GET", "/third", {{"X-Test-Id", "3"}}) +
                request_text("HEAD", "/fourth", {{"X-Test-Id", "4"}}) +
                request_text("GET", "/fifth", {{"X-Test-Id", "5"}}));
    ASSERT_TRUE(eventually([this] { return in_flight(Colour::blue, "/sleep") == 1; }));
    switch_to(Colour::green);
    const char* const colours[] = {"blue", "blue", "green", "green", "green"};
    for (int i = 0; i < 5; ++i) {
        const auto response = read_response(client, i == 3 ? "HEAD" : "GET");
        EXPECT_EQ(response.field("X-Test-Id"), std::to_string(i + 1));
        EXPECT_EQ(colour_of(response), colours[i]) << "request " << i + 1;
    }
}

TEST_P(SwitchContract, C05_IdleConnectionsStayOpen) {
    start_over_transport();
    std::vector<Visitor> clients;
    for (int i = 0; i < 10; ++i) {
        clients.push_back(visit());
        ASSERT_EQ(colour_of(clients.back().exchange("GET", "/")), "blue");
    }
    const auto answer = admin().post("/v1/services/app/switch", R"({"to":"green"})");
    ASSERT_NO_THROW(static_cast<void>(answer.event("drained"))) << answer.response.body;
    for (auto& client : clients)
        EXPECT_EQ(colour_of(client.exchange("GET", "/")), "green");
}

}  // namespace
}  // namespace switchyard::test
