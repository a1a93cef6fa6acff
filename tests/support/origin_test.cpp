// switchyard-origin does what its README says: the tests behind the proxy rely on it.
#include "support/crc32.hpp"
#include "support/origin_process.hpp"
#include "support/pattern.hpp"
#include "support/temp_dir.hpp"
#include "support/websocket_frames.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace switchyard::test {
namespace {

using Kind = ClientError::Kind;

class Origin : public testing::Test {
  protected:
    OriginProcess origin_{Colour::green, {.name = "tested"}};

    [[nodiscard]] Client connect() const { return Client(origin_.address()); }
    Response get(std::string_view target, const Fields& fields = {}) const {
        return test::get(origin_.address(), target, fields);
    }
    /// How reading the answer to a GET fails.
    [[nodiscard]] std::optional<Kind> failure_of(std::string_view target) const {
        try {
            get(target, {});
        } catch (const ClientError& error) {
            return error.kind;
        }
        return std::nullopt;
    }
    [[nodiscard]] std::uint64_t count(std::string_view path, std::string_view what) const {
        return origin_.books(path).at(what).to_number<std::uint64_t>();
    }
};

TEST_F(Origin, SaysItsColourAndEchoesTheTestId) {
    const auto response = get("/", {{"X-Test-Id", "42"}});
    EXPECT_EQ(response.body, "green tested\n");
    EXPECT_EQ(response.field("X-Origin"), "green");
    EXPECT_EQ(response.field("X-Origin-Colour"), "green");
    EXPECT_EQ(response.field("X-Test-Id"), "42");
    EXPECT_TRUE(response.keep_alive());
}

TEST_F(Origin, StreamsThePatternInEveryFraming) {
    for (const char* const target :
         {"/bytes?n=300000", "/bytes?n=300000&chunked=1", "/chunked?n=300000", "/close?n=300000"}) {
        const auto response = get(target);
        PatternChecker checker(Colour::green);
        EXPECT_FALSE(checker.feed(response.body)) << target;
        EXPECT_EQ(checker.offset(), 300'000u) << target;
    }
    EXPECT_EQ(get("/chunked?n=5").trailers.size(), 2u);
    EXPECT_TRUE(get("/close?n=5").close_delimited);
}

TEST_F(Origin, AnswersPipelinedRequestsInOrder) {
    auto client = connect();
    std::string text;
    for (int i = 0; i < 50; ++i) {
        text += request_text("GET", "/bytes?n=" + std::to_string(i), {});
    }
    client.send(text);
    for (std::size_t i = 0; i < 50; ++i) {
        EXPECT_EQ(read_response(client).body.size(), i);
    }
}

TEST_F(Origin, ChecksUploads) {
    const std::string body(1'000'000, 'x');
    auto client = connect();
    const auto counted = boost::json::parse(exchange(client, "POST", "/upload", {}, body).body);
    EXPECT_EQ(counted.at("bytes").to_number<std::size_t>(), body.size());
    EXPECT_EQ(counted.at("crc32").to_number<std::uint32_t>(), crc32(body));

    client.send(request_text("POST", "/upload", {{"Transfer-Encoding", "chunked"}}) + chunk("abc") +
                chunk("def") + chunk(""));
    const auto chunked = boost::json::parse(read_response(client).body);
    EXPECT_EQ(chunked.at("bytes").to_number<std::size_t>(), 6u);
    EXPECT_EQ(chunked.at("crc32").to_number<std::uint32_t>(), crc32("abcdef"));
}

TEST_F(Origin, HonoursExpectContinue) {
    auto client = connect();
    client.send(
        request_text("POST", "/upload", {{"Expect", "100-continue"}, {"Content-Length", "3"}}));
    EXPECT_EQ(read_head(client).status, 100);
    client.send("abc");
    EXPECT_EQ(read_response(client).status, 200);
    client.send(request_text("POST", "/continue?refuse=1",
                             {{"Expect", "100-continue"}, {"Content-Length", "3"}}));
    const auto refused = read_response(client);
    EXPECT_EQ(refused.status, 417);
    EXPECT_TRUE(refused.interim.empty());
}

TEST_F(Origin, AnswersBeforeTheBodyIsRead) {
    auto client = connect();
    client.send(request_text("POST", "/early", {{"Content-Length", "1000000"}}) + "only this");
    const auto response = read_response(client);
    EXPECT_EQ(response.status, 413);
    EXPECT_FALSE(response.keep_alive());
    EXPECT_TRUE(client.ended());
}

TEST_F(Origin, SendsEarlyHints) {
    const auto response = get("/hints");
    ASSERT_EQ(response.interim.size(), 1u);
    EXPECT_EQ(response.interim[0].status, 103);
    EXPECT_EQ(response.body, "green tested\n");
}

TEST_F(Origin, BreaksOffAsAsked) {
    EXPECT_EQ(failure_of("/drop"), Kind::closed);
    EXPECT_EQ(failure_of("/truncate?n=1000"), Kind::closed);
    EXPECT_EQ(failure_of("/truncate?n=1000&chunked=1"), Kind::closed);
    EXPECT_EQ(failure_of("/reset"), Kind::broken);
    EXPECT_EQ(failure_of("/reset?n=1000"), Kind::broken);
    EXPECT_EQ(count("/truncate", "spoilt"), 2u);
    EXPECT_EQ(count("/reset", "spoilt"), 2u);
}

TEST_F(Origin, HangsUntilTheClientGoes) {
    auto client = connect();
    client.send(request_text("GET", "/hang?n=100"));
    EXPECT_EQ(read_head(client).field("Content-Length"), "100");
    client.read_exactly(50);
    EXPECT_TRUE(client.quiet_for(50ms));
}

TEST_F(Origin, ClosesStaleConnections) {
    auto client = connect();
    EXPECT_TRUE(exchange(client, "GET", "/stale").keep_alive());
    EXPECT_TRUE(client.ended());

    auto later = connect();
    EXPECT_TRUE(exchange(later, "GET", "/stale?when=next").keep_alive());
    EXPECT_TRUE(later.quiet_for(50ms));
    later.send(request_text("GET", "/"));
    EXPECT_TRUE(later.ended());
    EXPECT_EQ(origin_.books().at("stale_hits").to_number<int>(), 1);
}

TEST_F(Origin, SendsRawBytes) {
    auto client = connect();
    client.send(request_text("GET", "/raw?response=HTTP/1.1%20200%20Fine%0d%0a%0D%0Ahello"));
    EXPECT_EQ(client.read_to_end(), "HTTP/1.1 200 Fine\r\n\r\nhello");
    auto slow = connect();
    slow.send(request_text("POST", "/raw?piece=2", {{"Content-Length", "5"}}) + "a\r\n:b");
    EXPECT_EQ(slow.read_to_end(), "a\r\n:b");
}

TEST_F(Origin, EchoesTheRequest) {
    auto client = connect();
    for (std::uint64_t i = 1; i <= 2; ++i) {
        const auto echo = boost::json::parse(
            exchange(client, "PUT", "/echo/some/path?a=%20", {{"X-One", "1"}}, "body").body);
        EXPECT_EQ(echo.at("method").as_string(), "PUT");
        EXPECT_EQ(echo.at("target").as_string(), "/echo/some/path?a=%20");
        EXPECT_EQ(echo.at("body").as_string(), "body");
        EXPECT_EQ(echo.at("request").to_number<std::uint64_t>(), i);
    }
    const auto raw = exchange(client, "GET", "/echo?raw=1", {{"X-Two", "2"}});
    EXPECT_EQ(raw.body, request_text("GET", "/echo?raw=1", {{"X-Two", "2"}}));
}

TEST_F(Origin, ChangesItsHealth) {
    EXPECT_EQ(get("/up").status, 200);
    origin_.set_health(503, "database is migrating");
    const auto ill = get("/up");
    EXPECT_EQ(ill.status, 503);
    EXPECT_EQ(ill.body, "database is migrating");
    origin_.set_health(200);
    EXPECT_EQ(get("/up").status, 200);
}

TEST_F(Origin, KeepsBooks) {
    for (int i = 0; i < 3; ++i)
        get("/bytes?n=10");
    {
        auto client = connect();
        client.send(request_text("GET", "/sleep?ms=600000"));
        EXPECT_TRUE(eventually([this] { return count("/sleep", "in_flight") == 1; }));
    }
    EXPECT_TRUE(eventually([this] { return count("/sleep", "aborted") == 1; }));
    EXPECT_EQ(count("/bytes", "started"), 3u);
    EXPECT_TRUE(eventually([this] { return count("/bytes", "answered") == 3; }));
    origin_.reset_books();
    EXPECT_EQ(count("/bytes", "started"), 0u);
}

/// Reads one frame of the server's.
WebSocketFrame next_frame(Client& client) {
    WebSocketFrame frame;
    std::size_t size = 0;
    while (read_frame(client.buffered(), false, frame, size) == FrameRead::need_more) {
        if (!client.read_more()) throw ClientError(Kind::closed, "no frame");
    }
    client.consume(size);
    return frame;
}

Client open_websocket(const std::string& address) {
    Client client(address);
    // The example of RFC 6455 §1.3.
    client.send(
        "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    const auto head = client.read_until("\r\n\r\n");
    EXPECT_TRUE(head.starts_with("HTTP/1.1 101 ")) << head;
    EXPECT_NE(head.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), head.npos);
    EXPECT_EQ(head.find("Content-Length"), head.npos);
    return client;
}

TEST_F(Origin, EchoesOverAWebSocket) {
    auto client = open_websocket(origin_.address());
    EXPECT_EQ(next_frame(client).payload, "green tested");
    for (const std::size_t size : {0U, 125U, 126U, 65536U}) {
        const std::string text(size, 'x');
        std::string out;
        append_frame(out, WebSocketFrame::text, text, 0x01020304);
        client.send(out);
        EXPECT_EQ(next_frame(client).payload, "green: " + text) << size;
    }
    std::string out;
    append_frame(out, WebSocketFrame::ping, "p", 7);
    append_frame(out, WebSocketFrame::close, close_payload(kNormalClosure), 7);
    client.send(out);
    EXPECT_EQ(next_frame(client).opcode, WebSocketFrame::pong);
    EXPECT_EQ(next_frame(client).close_code(), kNormalClosure);
    EXPECT_TRUE(client.ended());
    EXPECT_EQ(count("/ws", "answered"), 1U);
}

TEST_F(Origin, CountsAWebSocketWithoutAGoodbyeAsAborted) {
    auto client = open_websocket(origin_.address());
    EXPECT_EQ(next_frame(client).payload, "green tested");
    client.close();
    EXPECT_TRUE(eventually([&] { return count("/ws", "aborted") == 1; }));
}

TEST_F(Origin, TellsAWebSocketThatBreaksTheRules) {
    auto client = open_websocket(origin_.address());
    EXPECT_EQ(next_frame(client).payload, "green tested");
    std::string out;
    append_frame(out, WebSocketFrame::text, "not masked");
    client.send(out);
    EXPECT_EQ(next_frame(client).close_code(), 1002);
    EXPECT_TRUE(client.ended());
    EXPECT_EQ(count("/ws", "spoilt"), 1U);
}

TEST_F(Origin, TellsAPlainRequestForTheWebSocket) {
    EXPECT_EQ(get("/ws").status, 426);
}

TEST_F(Origin, HasAPageThatShowsItsColour) {
    const auto response = get("/page");
    EXPECT_TRUE(response.field("Content-Type").value_or("").starts_with("text/html"));
    EXPECT_NE(response.body.find("data-colour=\"green\""), std::string::npos);
}

TEST_F(Origin, SpeaksHttp10) {
    auto client = connect();
    client.send("GET /chunked?n=4 HTTP/1.0\r\n\r\n");
    const auto response = read_response(client);
    EXPECT_TRUE(response.close_delimited);
    EXPECT_EQ(response.body.size(), 4u);

    auto kept = connect();
    kept.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(read_response(kept).field("Connection"), "keep-alive");
    EXPECT_TRUE(kept.quiet_for(20ms));
}

TEST_F(Origin, RefusesWhatNoProxyMaySend) {
    for (const char* const request :
         {"GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
          "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
          "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
          "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
          "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n"}) {
        auto client = connect();
        client.send(request);
        EXPECT_EQ(read_response(client).status, 400) << request;
    }
    EXPECT_EQ(origin_.books().at("malformed").to_number<int>(), 7);
}

TEST_F(Origin, ComesBackOnTheSameAddress) {
    const auto address = origin_.address();
    origin_.kill();
    EXPECT_THROW(connect(), ClientError);
    origin_.restart();
    EXPECT_EQ(origin_.address(), address);
    EXPECT_EQ(get("/up").status, 200);
}

TEST(UnixOrigin, ListensOnAUnixSocket) {
    const TempDir dir;
    const OriginProcess origin(Colour::blue, {.listen = "unix:" + dir.file("o.sock")});
    EXPECT_EQ(get(origin.address(), "/").body, "blue origin\n");
}

}  // namespace
}  // namespace switchyard::test
