// The switch contract where HTTP/2 is different: every stream is a request of its own, on a
// connection that stays. What holds for both protocols alike is in the other contract tests.
#include "conformance/h2_wire.hpp"

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

TEST_P(SwitchContract, C15_AHeldStreamCountsWithWhatItMayGrowTo) {
    start_wire("    hold: {bytes: 1MiB}\n");
    ASSERT_EQ(admin().post("/v1/services/app/hold", R"({"wait":false,"max_ms":60000})").status,
              200);
    // Nothing of a body came, but each client may send a window of it (128 KiB) at any time.
    auto client = come_in();
    constexpr int kStreams = 20;
    std::vector<std::uint32_t> streams;
    for (int i = 0; i < kStreams; ++i)
        streams.push_back(client.open(h2_request("POST", "/upload"), false));
    const auto hold = [&] { return admin().service("app").at("hold"); };
    ASSERT_TRUE(
        eventually([&] { return number(hold(), "held") + number(hold(), "full") == kStreams; }));
    const auto held = number(hold(), "held");
    EXPECT_GT(held, 5);
    EXPECT_LT(held, 9);
    EXPECT_LE(number(hold(), "bytes"), 1024 * 1024);
    // A short one says how short it is.
    const auto small = client.open(h2_request("POST", "/upload", {{"content-length", "5"}}), false);
    EXPECT_TRUE(eventually([&] { return number(hold(), "held") == held + 1; }));
    ASSERT_EQ(admin().post("/v1/services/app/release").status, 200);
    client.send_data(small, "hello", true);
    EXPECT_EQ(client.wait(small).response.status, 200);
    for (int i = 0; i < kStreams; ++i) {
        const auto id = streams[static_cast<std::size_t>(i)];
        if (i < held) client.send_data(id, "hello", true);
        EXPECT_EQ(client.wait(id).response.status, i < held ? 200 : 503);
    }
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
