// C8 to C10: uploads, responses and retries across a switch and a failure.
#include "integration/contract.hpp"
#include "support/crc32.hpp"

namespace switchyard::test {
namespace {

INSTANTIATE_TEST_SUITE_P(Over, SwitchContract, all_transports(), transport_name);

/// What only HTTP/1 knows.
class SwitchContractHttp1 : public SwitchContract {};
INSTANTIATE_TEST_SUITE_P(Over, SwitchContractHttp1, http1_transports(), transport_name);

std::string pattern(Colour colour, std::size_t bytes) {
    std::string text(bytes, '\0');
    fill_pattern(colour, 0, text);
    return text;
}

using End = Visitor::End;

/// Reads a body that belongs to `head`; how it ended, and that all of it was of this colour.
End read_pattern(Visitor& client, Response& head, Colour colour, std::uint64_t& bytes) {
    PatternChecker checker(colour);
    const End end = client.body(head, [&](std::string_view piece) {
        EXPECT_FALSE(checker.feed(piece)) << "spliced after byte " << checker.offset();
    });
    bytes = checker.offset();
    return end;
}

void expect_upload(const Response& response, Colour colour, const std::string& body) {
    ASSERT_EQ(response.status, 200) << response.body;
    const auto receipt = boost::json::parse(response.body);
    EXPECT_EQ(receipt.at("colour").as_string(), to_string(colour));
    EXPECT_EQ(number(receipt, "bytes"), static_cast<std::int64_t>(body.size()));
    EXPECT_EQ(number(receipt, "crc32"), static_cast<std::int64_t>(crc32(body)));
}

TEST_P(SwitchContract, C08_AnUploadStaysWithItsSlot) {
    start_over_transport();
    const auto body = pattern(Colour::green, 500'000);
    const auto half = body.size() / 2;
    const std::string_view text = body;
    auto sized = visit();
    sized.begin("POST", "/upload", body.size());
    sized.send(text.substr(0, half));
    auto chunked = visit();
    chunked.begin("POST", "/upload", {});
    chunked.send(text.substr(0, half));
    ASSERT_TRUE(eventually([this] { return in_flight(Colour::blue, "/upload") == 2; }));

    switch_to(Colour::green);
    auto fresh = visit();
    expect_upload(fresh.exchange("POST", "/upload", {}, body), Colour::green, body);

    sized.send(text.substr(half), true);
    chunked.send(text.substr(half, 1000));
    chunked.send(text.substr(half + 1000), true);
    expect_upload(sized.answer(), Colour::blue, body);
    expect_upload(chunked.answer(), Colour::blue, body);
    EXPECT_EQ(started(Colour::blue, "/upload"), 2);
    EXPECT_EQ(started(Colour::green, "/upload"), 1);
    // The connections go on, with the new slot.
    EXPECT_EQ(colour_of(sized.exchange("GET", "/")), "green");
    EXPECT_EQ(colour_of(chunked.exchange("GET", "/")), "green");
}

TEST_P(SwitchContract, C08_AHalfSentBodyIsNeverSentAgain) {
    start_over_transport();
    auto client = visit();
    // Up to 64 KiB would be kept for another try; so long more than that is on its way.
    client.begin("PUT", "/drop?unread=1&ms=1000", 1'000'000);
    client.send(std::string(400'000, 'x'));
    const auto response = client.answer();
    EXPECT_EQ(response.status, 502) << "PUT is idempotent, but its body is gone";
    EXPECT_EQ(response.field("X-Switchyard-Error"), "upstream_closed");
    EXPECT_EQ(started(Colour::blue, "/drop") + started(Colour::green, "/drop"), 1);
}

TEST_P(SwitchContract, C09_ADownloadIsNeverSplicedFromTwoSlots) {
    start_over_transport();
    auto client = visit();
    client.ask("GET", "/bytes?n=3000000&rate=4000000&chunked=1");
    auto head = client.head();
    EXPECT_EQ(colour_of(head), "blue");
    for (const auto colour : {Colour::green, Colour::blue, Colour::green})
        switch_to(colour);
    std::uint64_t bytes = 0;
    EXPECT_EQ(read_pattern(client, head, Colour::blue, bytes), End::complete);
    EXPECT_EQ(bytes, 3'000'000u);
    EXPECT_EQ(colour_of(client.exchange("GET", "/")), "green");
}

TEST_P(SwitchContract, C09_ABrokenAnswerNeverLooksComplete) {
    start_over_transport();
    for (const std::string target :
         {"/truncate?n=100000&at=60000", "/truncate?n=100000&at=60000&chunked=1",
          "/reset?n=100000&at=60000", "/reset?n=100000&at=60000&chunked=1", "/truncate?n=1000&at=0",
          "/truncate?n=1000&at=0&chunked=1"}) {
        SCOPED_TRACE(target);
        auto client = visit();
        client.ask("GET", target);
        auto head = client.head();
        EXPECT_EQ(head.status, 200);
        std::uint64_t bytes = 0;
        EXPECT_NE(read_pattern(client, head, Colour::blue, bytes), End::complete);
        EXPECT_LE(bytes, 60'000u);
        // A stream is enough to break; HTTP/1.1 has only its connection.
        if (over_http2()) {
            EXPECT_EQ(colour_of(client.exchange("GET", "/")), "blue");
        } else {
            EXPECT_THROW(client.exchange("GET", "/"), ClientError);
        }
    }
    const auto books = admin().service_at_rest("app").at("books");
    EXPECT_EQ(number(books, "upstream_error"), 6);
}

TEST_P(SwitchContractHttp1, C09_WithoutALengthABrokenAnswerIsAReset) {
    // To a client of HTTP/1.0 the end of the connection is the end of the body: only a reset (or
    // TLS without its goodbye) tells that this is not all.
    start_over_transport();
    auto client = come_in();
    client.send("GET /truncate?n=100000&at=60000&chunked=1 HTTP/1.0\r\nHost: localhost\r\n\r\n");
    auto head = read_head(client);
    EXPECT_EQ(head.status, 200);
    EXPECT_TRUE(head.close_delimited || !head.field("Content-Length"));
    try {
        read_body(client, head, "GET", [](std::string_view) {});
        ADD_FAILURE() << "it looked complete";
    } catch (const ClientError& error) {
        EXPECT_EQ(error.kind, ClientError::Kind::broken);
    }

    // And the whole one ends in order.
    auto whole = come_in();
    whole.send("GET /bytes?n=100000&chunked=1 HTTP/1.0\r\nHost: localhost\r\n\r\n");
    head = read_head(whole);
    PatternChecker checker(Colour::blue);
    read_body(whole, head, "GET", [&](std::string_view piece) {
        EXPECT_FALSE(checker.feed(piece)) << "spliced after byte " << checker.offset();
    });
    EXPECT_EQ(checker.offset(), 100'000u);
}

TEST_P(SwitchContract, C09_AnOriginThatDiesInTheBodyBreaksTheConnection) {
    start_over_transport();
    auto client = visit();
    client.ask("GET", "/bytes?n=10000000&rate=1000000");
    auto head = client.head();
    origin(Colour::blue).kill();
    std::uint64_t bytes = 0;
    EXPECT_NE(read_pattern(client, head, Colour::blue, bytes), End::complete);
    EXPECT_LT(bytes, 10'000'000u);
}

TEST_P(SwitchContract, C10_AStaleConnectionIsNeverA502ForAnIdempotentRequest) {
    start_over_transport();
    auto client = visit();
    for (const std::string when : {"now", "next", "reset"}) {
        SCOPED_TRACE(when);
        for (int i = 0; i < 10; ++i) {
            ASSERT_EQ(client.exchange("GET", "/stale?when=" + when).status, 200);
            const auto response = client.exchange(i % 2 == 0 ? "GET" : "DELETE", "/after");
            ASSERT_EQ(response.status, 200) << response.body;
        }
    }
    const auto books = origin(Colour::blue).books();
    EXPECT_GT(number(books, "stale_hits"), 0) << "no request met a closed connection";
    EXPECT_EQ(number(origin(Colour::blue).books("/after"), "answered"), 30);
    EXPECT_EQ(number(admin().service_at_rest("app").at("books"), "upstream_error"), 0);
}

TEST_P(SwitchContract, C10_APostThatMayHaveBeenProcessedIsNotSentTwice) {
    start_over_transport();
    auto client = visit();
    ASSERT_EQ(client.exchange("GET", "/stale?when=next").status, 200);
    const auto response = client.exchange("POST", "/order", {}, "one pizza");
    EXPECT_EQ(response.status, 502);
    EXPECT_EQ(response.field("X-Switchyard-Error"), "upstream_closed");
    EXPECT_EQ(number(origin(Colour::blue).books(), "stale_hits"), 1);
    EXPECT_EQ(started(Colour::blue, "/order"), 0);

    EXPECT_EQ(client.exchange("POST", "/drop", {}, "one pizza").status, 502);
    EXPECT_EQ(started(Colour::blue, "/drop"), 1) << "sent again";
    EXPECT_EQ(client.exchange("GET", "/drop").status, 502);
    EXPECT_EQ(started(Colour::blue, "/drop"), 1 + 3) << "a GET has two retries";
}

TEST_P(SwitchContract, C10_ARetryReadsTheSnapshotAgain) {
    start_over_transport(with_rare_checks(config()));
    origin(Colour::blue).freeze();
    auto get = visit();
    get.ask("GET", "/retried");
    auto post = visit();
    post.ask("POST", "/retried");
    ASSERT_TRUE(eventually([this] {
        return number(admin().service("app").at("slots").at("blue"), "in_flight") == 2;
    })) << boost::json::serialize(admin().service("app"));
    switch_to(Colour::green);
    origin(Colour::blue).kill();
    const auto response = get.answer();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(colour_of(response), "green");
    EXPECT_EQ(post.answer().status, 502) << "it may have been processed";
    EXPECT_EQ(started(Colour::green, "/retried"), 1);
}

TEST_P(SwitchContract, C10_WhatCouldNotConnectGoesToAnotherTargetWhateverTheMethod) {
    const OriginProcess second(Colour::blue, {.name = "second"});
    auto yaml = with_rare_checks(config());
    const auto first = '"' + origin(Colour::blue).address() + '"';
    yaml.replace(yaml.find(first), first.size(), first + ", \"" + second.address() + '"');
    start_over_transport(yaml);
    ASSERT_TRUE(eventually([this] {
        const auto targets = admin().service("app").at("slots").at("blue").at("targets");
        return targets.at(0).at("state").as_string() == "healthy" &&
               targets.at(1).at("state").as_string() == "healthy";
    }));
    origin(Colour::blue).kill();
    for (int i = 0; i < 20; ++i) {
        auto client = visit();
        const auto response = client.exchange("POST", "/", {}, "body " + std::to_string(i));
        ASSERT_EQ(response.status, 200) << response.body;
        EXPECT_EQ(response.body, "blue second\n");
    }
    // It is passed over from now on, and the status says so.
    const auto targets = admin().service("app").at("slots").at("blue").at("targets");
    EXPECT_EQ(targets.at(0).at("state").as_string(), "ejected");
    EXPECT_EQ(targets.at(1).at("state").as_string(), "healthy");
}

}  // namespace
}  // namespace switchyard::test
