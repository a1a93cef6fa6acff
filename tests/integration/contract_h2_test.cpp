// The switch contract over HTTP/2: every stream is a request of its own, on a connection that
// stays.
#include "conformance/h2_wire.hpp"

#include <atomic>
#include <thread>

namespace switchyard::test {
namespace {

class SwitchContract : public H2Wire {
  protected:
    static std::string colour_of_upload(const Response& response) {
        return std::string(boost::json::parse(response.body).at("colour").as_string());
    }
    [[nodiscard]] std::int64_t flying(Colour colour, std::string_view path) {
        return origin(colour).books(path).at("in_flight").to_number<std::int64_t>();
    }
    [[nodiscard]] AdminStream switching(Colour to, const std::string& more = {}) const {
        std::string body = R"({"to":")" + std::string(to_string(to)) + '"';
        if (!more.empty()) body += "," + more;
        return AdminStream(admin().socket(), "POST", "/v1/services/app/switch", body + "}");
    }
    static std::int64_t number(const boost::json::value& object, std::string_view key) {
        return object.at(key).to_number<std::int64_t>();
    }
};
INSTANTIATE_TEST_SUITE_P(Over, SwitchContract, both_transports(), transport_name);

Colour live_after(int switches) {
    return switches % 2 == 0 ? Colour::blue : Colour::green;
}

TEST_P(SwitchContract, C01_NoStreamAfterTheAcknowledgementReachesTheOldSlot) {
    constexpr int kSwitches = 20;
    start_wire();
    std::atomic<int> begun{0};
    std::atomic<int> acknowledged{0};
    std::atomic<bool> done{false};
    std::atomic<int> requests{0};
    std::atomic<int> stale{0};
    const auto load = [&] {
        auto client = come_in();
        while (!done) {
            const int before = acknowledged;
            std::vector<std::uint32_t> ids;
            for (int i = 0; i < 8; ++i)
                ids.push_back(client.open(h2_request("GET", "/")));
            std::vector<std::string> colours;
            for (const auto id : ids)
                colours.push_back(colour_of(client.wait(id).response));
            const int after = begun;
            for (const auto& colour : colours) {
                bool fits = false;
                for (int i = before; i <= after; ++i)
                    fits = fits || colour == to_string(live_after(i));
                if (!fits) ++stale;
                ++requests;
            }
        }
        EXPECT_TRUE(client.goaways().empty());
    };
    std::vector<std::jthread> clients;
    for (int i = 0; i < 3; ++i)
        clients.emplace_back(load);
    std::vector<H2Client> waiting;
    for (int i = 0; i < 6; ++i)
        waiting.push_back(come_in());
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
    EXPECT_GT(requests, kSwitches);
}

TEST_P(SwitchContract, C02_AStreamIsRoutedWhenItsHeadIsComplete) {
    start_wire();
    auto client = come_in();
    EXPECT_EQ(colour_of(client.exchange("GET", "/")), "blue");
    const auto block = header_block(h2_request("GET", "/"));
    const auto id = client.next_stream();
    client.send(frame(FrameType::headers, kEndStream, id, block.substr(0, 10)));
    // A later connection was served: so the daemon has had these octets.
    auto later = come_in();
    ASSERT_EQ(colour_of(later.exchange("GET", "/")), "blue");
    switch_to(Colour::green);
    client.send(frame(FrameType::continuation, kEndHeaders, id, block.substr(10)));
    EXPECT_EQ(colour_of(client.wait(id).response), "green");
}

TEST_P(SwitchContract, C06_OldStreamsEndOnTheOldSlotAndNewOnesGoToTheNewOne) {
    start_wire();
    auto client = come_in();
    const auto waiting = client.open(h2_request("GET", "/sleep?ms=700"));
    const auto reading = client.open(h2_request("GET", "/bytes?n=200000&rate=400000"));
    const auto sending = client.open(h2_request("POST", "/upload"), false);
    client.send_data(sending, "12345");
    client.wait_head(reading);
    ASSERT_TRUE(eventually([this] {
        return flying(Colour::blue, "/sleep") == 1 && flying(Colour::blue, "/upload") == 1;
    }));
    auto drain = switching(Colour::green);
    EXPECT_EQ(number(drain.next_event("committed"), "in_flight_on_old"), 3);
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(colour_of(client.exchange("GET", "/")), "green");
    client.send_data(sending, "67890", true);
    EXPECT_EQ(colour_of_upload(client.wait(sending).response), "blue");
    EXPECT_EQ(colour_of(client.wait(waiting).response), "blue");
    EXPECT_EQ(client.wait(reading).response.body, blue_bytes(200'000));
    const auto drained = drain.next_event("drained");
    EXPECT_EQ(number(drained, "completed"), 3);
    EXPECT_EQ(number(drained, "cut"), 0);
    EXPECT_TRUE(client.goaways().empty()) << "a switch closes no connection";
    EXPECT_EQ(colour_of(client.exchange("GET", "/")), "green");
}

TEST_P(SwitchContract, C10_AStaleConnectionIsNeverA502) {
    start_wire();
    auto client = come_in();
    for (int i = 0; i < 10; ++i) {
        ASSERT_EQ(client.exchange("GET", "/stale?when=next").status, 200);
        ASSERT_EQ(client.exchange("PUT", "/upload", {}, "a body").status, 200);
    }
}

TEST_P(SwitchContract, C12_AtTheDeadlineA503OrAReset) {
    start_wire();
    auto client = come_in();
    const auto silent = client.open(h2_request("GET", "/sleep?ms=60000"));
    const auto half = client.open(h2_request("GET", "/hang?n=1000&at=500"));
    const auto sending = client.open(h2_request("POST", "/upload"), false);
    client.send_data(sending, "abc");
    client.wait_head(half);
    ASSERT_TRUE(eventually([this] {
        return flying(Colour::blue, "/sleep") == 1 && flying(Colour::blue, "/upload") == 1;
    }));
    auto drain = switching(Colour::green, R"("drain_timeout_ms":200)");
    const auto drained = drain.next_event("drained");
    EXPECT_EQ(number(drained, "cut"), 3);
    EXPECT_EQ(number(drained, "remaining"), 0);
    const auto& refused = client.wait(silent);
    EXPECT_EQ(refused.response.status, 503);
    EXPECT_EQ(refused.response.field("x-switchyard-error"), "drained");
    EXPECT_TRUE(refused.response.field("retry-after"));
    EXPECT_EQ(client.wait(sending).response.status, 503);
    const auto& cut = client.wait(half);
    EXPECT_FALSE(cut.ended);
    EXPECT_EQ(*cut.reset, H2Code::internal_error);
    EXPECT_EQ(colour_of(client.exchange("GET", "/")), "green") << "the connection stays";
}

TEST_P(SwitchContract, C12_ATransferThatNeverWaitsIsCutToo) {
    start_wire({}, "workers: 1\n");
    auto client = come_in(setting(4, 1'000'000));
    client.keeps_bodies = false;
    client.send(window_update(0, 0x7fff0000));
    const auto id = client.open(h2_request("GET", "/bytes?n=100000000000"));
    client.wait_head(id);
    std::thread reader([&] {
        const auto& answer = client.wait(id, Deadline(60s));
        EXPECT_FALSE(answer.ended);
    });
    auto drain = switching(Colour::green, R"("drain_timeout_ms":200)");
    EXPECT_EQ(number(drain.next_event("drained"), "cut"), 1);
    reader.join();
}

TEST_P(SwitchContract, C13_ARollbackInTheMiddleOfADrainCutsNothing) {
    start_wire();
    auto client = come_in();
    const auto id = client.open(h2_request("POST", "/upload"), false);
    client.send_data(id, "12345");
    ASSERT_TRUE(eventually([this] { return flying(Colour::blue, "/upload") == 1; }));
    auto drain = switching(Colour::green, R"("drain_timeout_ms":60000)");
    static_cast<void>(drain.next_event("committed"));
    EXPECT_EQ(colour_of(client.exchange("GET", "/")), "green");
    switch_to(Colour::blue);
    EXPECT_EQ(colour_of(client.exchange("GET", "/")), "blue");
    client.send_data(id, "67890", true);
    EXPECT_EQ(colour_of_upload(client.wait(id).response), "blue");
}

TEST_P(SwitchContract, C18_EveryStreamEndsWithOneOutcome) {
    start_wire();
    auto client = come_in();
    constexpr int kRounds = 20;
    for (int i = 0; i < kRounds; ++i) {
        EXPECT_EQ(client.exchange("GET", "/").status, 200);
        const auto broken = client.open(h2_request("GET", "/truncate?n=1000"));
        EXPECT_TRUE(client.wait(broken).reset);
        const auto left = client.open(h2_request("GET", "/sleep?ms=60000"));
        ASSERT_TRUE(eventually([this] { return flying(Colour::blue, "/sleep") == 1; }));
        client.send(rst_stream(left, H2Code::cancel));
        ASSERT_TRUE(eventually([this] { return flying(Colour::blue, "/sleep") == 0; }));
    }
    boost::json::value books;
    EXPECT_TRUE(eventually([&] {
        books = admin().service("app").at("slots").at("blue").at("books");
        return number(books, "client_abort") == kRounds;
    })) << boost::json::serialize(books);
    EXPECT_EQ(number(books, "completed"), kRounds) << boost::json::serialize(books);
    EXPECT_EQ(number(books, "upstream_error"), kRounds);
    EXPECT_EQ(number(books, "in_flight"), 0);
}

}  // namespace
}  // namespace switchyard::test
