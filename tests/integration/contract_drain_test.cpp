// C7, C12 to C14 and C17: the old slot after a switch.
#include "integration/contract.hpp"

#include <thread>

namespace switchyard::test {
namespace {

INSTANTIATE_TEST_SUITE_P(Over, SwitchContract, all_transports(), transport_name);

TEST_P(SwitchContract, C07_TheOldSlotGetsNothingNewAndItsIdleConnectionsClose) {
    start_over_transport(with_rare_checks(config()));
    std::vector<Visitor> clients;
    std::vector<Visitor> polls;
    for (int i = 0; i < 8; ++i) {
        clients.push_back(visit());
        polls.push_back(visit());
        polls.back().ask("GET", "/sleep?ms=100");
    }
    for (auto& poll : polls)
        ASSERT_EQ(colour_of(poll.answer()), "blue");
    ASSERT_TRUE(eventually([this] { return number(origin(Colour::blue).books(), "open") > 1; }));
    switch_to(Colour::green);
    for (int round = 0; round < 5; ++round) {
        for (auto& client : clients)
            ASSERT_EQ(colour_of(client.exchange("GET", "/after")), "green");
    }
    EXPECT_EQ(started(Colour::blue, "/after"), 0);
    // The one that is open is the question itself.
    EXPECT_TRUE(eventually([this] { return number(origin(Colour::blue).books(), "open") == 1; }));
}

TEST_P(SwitchContract, C07_AConnectionTakenBeforeTheCommitNeverComesBackIntoThePool) {
    auto yaml = with_rare_checks(config());
    start_over_transport(yaml + "workers: 1\n");
    auto client = visit();
    const auto before = boost::json::parse(client.exchange("GET", "/echo").body);
    client.begin("PUT", "/upload", 10);
    client.send("12345");
    ASSERT_TRUE(eventually([this] { return in_flight(Colour::blue, "/upload") == 1; }));
    EXPECT_EQ(number(origin(Colour::blue).books(), "open"), 2) << "the pooled one was not taken";
    switch_to(Colour::green);
    switch_to(Colour::blue);
    EXPECT_EQ(colour_of_upload(finish(client)), "blue");
    // Blue is live again, and the connection was fine: but it belongs to an epoch that is over.
    const auto after = boost::json::parse(client.exchange("GET", "/echo").body);
    EXPECT_NE(number(after, "connection"), number(before, "connection"));
    const auto again = boost::json::parse(client.exchange("GET", "/echo").body);
    EXPECT_EQ(number(again, "connection"), number(after, "connection")) << "nothing is pooled";
    EXPECT_TRUE(eventually([this] { return number(origin(Colour::blue).books(), "open") == 2; }));
}

TEST_P(SwitchContract, C12_ALongPollPastTheDeadlineGetsA503OrAnAbort) {
    start_over_transport();
    auto silent = long_poll(Colour::blue);
    auto half = visit();
    half.ask("GET", "/hang?n=1000&at=500");
    auto head = half.head();
    auto in_time = hold(Colour::blue);

    auto stream = switching(Colour::green, R"("drain_timeout_ms":300)");
    EXPECT_EQ(number(stream.next_event("committed"), "in_flight_on_old"), 3);
    EXPECT_EQ(finish(in_time).status, 200);
    const auto drained = stream.next_event("drained");
    EXPECT_EQ(number(drained, "completed"), 1);
    EXPECT_EQ(number(drained, "cut"), 2);
    EXPECT_EQ(number(drained, "remaining"), 0);
    EXPECT_GE(number(drained, "elapsed_ms"), 300);
    EXPECT_LT(number(drained, "elapsed_ms"), 10'000);

    const auto response = silent.answer();
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(response.field("X-Switchyard-Error"), "drained");
    EXPECT_TRUE(response.field("Retry-After"));
    EXPECT_EQ(colour_of(silent.exchange("GET", "/")), "green") << "its connection stays";
    std::string body;
    EXPECT_NE(half.body(head, [&body](std::string_view piece) { body += piece; }),
              Visitor::End::complete);
    EXPECT_EQ(body.size(), 500u);

    EXPECT_TRUE(eventually(
        [this] { return number(origin(Colour::blue).books("/sleep"), "aborted") == 1; }));
    const auto service = admin().service("app");
    EXPECT_TRUE(service.at("drains").as_array().empty());
    EXPECT_EQ(number(service.at("slots").at("blue").at("books"), "cut"), 2);
}

TEST_P(SwitchContract, C12_ATransferThatNeverWaitsIsCutToo) {
    start_over_transport("workers: 1\n" + config());
    auto client = visit();
    client.ask("GET", "/bytes?n=100000000000");
    auto head = client.head();
    std::thread reader([&] {
        EXPECT_NE(client.body(
                      head, [](std::string_view) {}, Deadline(60s)),
                  Visitor::End::complete);
    });
    auto stream = switching(Colour::green, R"("drain_timeout_ms":200)");
    const auto drained = stream.next_event("drained");
    EXPECT_EQ(number(drained, "cut"), 1);
    EXPECT_EQ(number(drained, "remaining"), 0);
    reader.join();
}

TEST_P(SwitchContract, C12_AnUploadPastTheDeadlineIsCut) {
    start_over_transport();
    auto client = visit();
    client.begin("POST", "/upload", 1000);
    client.send("abc");
    ASSERT_TRUE(eventually([this] { return in_flight(Colour::blue, "/upload") == 1; }));
    auto stream = switching(Colour::green, R"("drain_timeout_ms":100)");
    const auto drained = stream.next_event("drained");
    EXPECT_EQ(number(drained, "cut"), 1);
    EXPECT_EQ(number(drained, "remaining"), 0);
    EXPECT_EQ(client.answer().status, 503);
}

TEST_P(SwitchContract, C12_ATimeoutOfZeroCutsAtOnce) {
    start_over_transport();
    auto client = long_poll(Colour::blue);
    auto stream = switching(Colour::green, R"("drain_timeout_ms":0)");
    EXPECT_EQ(number(stream.next_event("drained"), "cut"), 1);
    EXPECT_EQ(client.answer().status, 503);
}

TEST_P(SwitchContract, C12_TheCommandLineTellsThatNotEverythingDrained) {
    start_over_transport();
    auto client = long_poll(Colour::blue);
    const auto run = daemon().cli({"switch", "app", "green", "--drain-timeout", "150ms"});
    EXPECT_EQ(run.exit.code, 4) << run.out << run.err;
    EXPECT_NE(run.out.find("1 cut"), std::string::npos) << run.out;
    EXPECT_EQ(live(), "green");
    EXPECT_EQ(client.answer().status, 503);

    auto again = long_poll(Colour::green);
    const auto json = daemon().cli({"switch", "app", "--drain-timeout", "150ms", "--json"});
    EXPECT_EQ(json.exit.code, 4);
    std::istringstream lines(json.out);
    std::string committed;
    std::string last;
    std::getline(lines, committed);
    for (std::string line; std::getline(lines, line);)
        last = line;
    EXPECT_EQ(boost::json::parse(committed).at("event").as_string(), "committed");
    EXPECT_EQ(number(boost::json::parse(last), "cut"), 1);
}

TEST_P(SwitchContract, C13_ARollbackCancelsTheDrain) {
    start_over_transport();
    auto held = hold(Colour::blue);
    auto poll = long_poll(Colour::blue);
    auto stream = switching(Colour::green, R"("drain_timeout_ms":600)");
    stream.next_event("committed");
    auto held_by_green = hold(Colour::green);
    auto back = rolling_back();
    const auto committed = back.next_event("committed");
    EXPECT_EQ(committed.at("action").as_string(), "rollback");
    EXPECT_EQ(committed.at("to").as_string(), "blue");
    EXPECT_EQ(number(committed, "epoch"), 3);
    const auto cancelled = stream.next_event("drained");
    EXPECT_TRUE(cancelled.at("cancelled").as_bool());
    EXPECT_EQ(number(cancelled, "remaining"), 2);
    EXPECT_EQ(number(cancelled, "cut"), 0);

    // Past the first drain's deadline, and nobody is cut.
    EXPECT_TRUE(poll.quiet_for(700ms));
    const auto response = finish(held);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(colour_of_upload(response), "blue");
    EXPECT_EQ(colour_of_upload(finish(held_by_green)), "green");
    const auto drained = back.next_event("drained");
    EXPECT_EQ(drained.at("slot").as_string(), "green");
    EXPECT_EQ(number(drained, "completed"), 1);
    EXPECT_EQ(colour_of(get("/")), "blue");
}

TEST_F(SwitchContract, C13_TheOldSlotIsStillChecked) {
    start();
    switch_to(Colour::green);
    const auto before = number(origin(Colour::blue).books("/up"), "answered");
    EXPECT_TRUE(eventually(
        [&] { return number(origin(Colour::blue).books("/up"), "answered") >= before + 3; }));
    // So the way back is known to be closed, and when it is open again.
    origin(Colour::blue).set_health(503, "upgrading the database\n");
    ASSERT_TRUE(daemon().wait_healthy("app", Colour::blue, false));
    auto refused = admin().post("/v1/services/app/rollback");
    EXPECT_EQ(refused.error_code(), "unhealthy_target");
    EXPECT_EQ(live(), "green");
    origin(Colour::blue).set_health(200);
    ASSERT_TRUE(daemon().wait_healthy("app", Colour::blue));
    EXPECT_EQ(admin().post("/v1/services/app/rollback").status, 200);
    EXPECT_EQ(live(), "blue");
}

TEST_P(SwitchContract, C14_QuickSwitchesKeepTheirDrainsApart) {
    start_over_transport();
    auto first = hold(Colour::blue);
    auto to_green = switching(Colour::green);
    EXPECT_EQ(number(to_green.next_event("committed"), "epoch"), 2);
    auto second = hold(Colour::green);
    auto to_blue = switching(Colour::blue);
    EXPECT_EQ(number(to_blue.next_event("committed"), "epoch"), 3);
    auto third = hold(Colour::blue);
    auto third_too = hold(Colour::blue);
    auto to_green_again = switching(Colour::green);
    const auto committed = to_green_again.next_event("committed");
    EXPECT_EQ(number(committed, "epoch"), 4);
    EXPECT_EQ(number(committed, "in_flight_on_old"), 3) << "two of this epoch, one of the first";

    // A drain ends when its slot is live again; what it waited for is live traffic, and part of the
    // next drain.
    auto drained = to_green.next_event("drained");
    EXPECT_EQ(number(drained, "epoch"), 2);
    EXPECT_TRUE(drained.at("cancelled").as_bool());
    EXPECT_EQ(number(drained, "remaining"), 1);
    drained = to_blue.next_event("drained");
    EXPECT_EQ(number(drained, "epoch"), 3);
    EXPECT_TRUE(drained.at("cancelled").as_bool());
    EXPECT_EQ(number(drained, "remaining"), 1);
    EXPECT_EQ(admin().service("app").at("drains").as_array().size(), 1u);

    for (auto* client : {&first, &second, &third, &third_too})
        EXPECT_EQ(finish(*client).status, 200);
    drained = to_green_again.next_event("drained");
    EXPECT_EQ(number(drained, "epoch"), 4);
    EXPECT_EQ(drained.at("slot").as_string(), "blue");
    EXPECT_EQ(number(drained, "completed"), 3);
    EXPECT_EQ(number(drained, "cut"), 0);
    EXPECT_FALSE(drained.at("cancelled").as_bool());
    EXPECT_EQ(live(), "green");
}

TEST_F(SwitchContract, C14_OfManyCommandsForOneEpochExactlyOneIsDone) {
    start();
    constexpr int kClients = 6;
    for (int round = 1; round <= 5; ++round) {
        const auto body = R"({"wait":false,"if_epoch":)" + std::to_string(round) + "}";
        std::atomic<int> done{0};
        std::atomic<int> refused{0};
        std::vector<std::jthread> clients;
        for (int i = 0; i < kClients; ++i) {
            clients.emplace_back([&] {
                const auto answer = admin().post("/v1/services/app/switch", body);
                const auto code = answer.error_code();
                if (answer.status == 200) ++done;
                if (code == "busy" || code == "epoch_mismatch") ++refused;
            });
        }
        clients.clear();
        EXPECT_EQ(done, 1);
        EXPECT_EQ(refused, kClients - 1);
        EXPECT_EQ(epoch(), round + 1);
    }
}

TEST_P(SwitchContract, C14_ReadsDontWaitForAChange) {
    start_over_transport();
    auto held = hold(Colour::blue);
    auto stream = switching(Colour::green);
    stream.next_event("committed");
    const auto drains = admin().service("app").at("drains");
    ASSERT_EQ(drains.as_array().size(), 1u);
    EXPECT_EQ(drains.at(0).at("slot").as_string(), "blue");
    EXPECT_EQ(number(drains.at(0), "epoch"), 2);
    EXPECT_EQ(number(drains.at(0), "in_flight"), 1);
    EXPECT_EQ(finish(held).status, 200);
    stream.next_event("drained");
    EXPECT_TRUE(admin().service("app").at("drains").as_array().empty());
}

TEST_F(SwitchContract, C17_AReservedIpNeverGatesASwitch) {
    start();
    auto stream = switching(Colour::green);
    const auto committed = stream.next_event("committed");
    EXPECT_TRUE(committed.at("reserved_ip").is_null());
    stream.next_event("drained");
    EXPECT_TRUE(admin().get("/v1/status").json().at("reserved_ip").is_null());
    EXPECT_EQ(daemon().cli({"rollback", "app"}).exit.code, 0);
}

}  // namespace
}  // namespace switchyard::test
