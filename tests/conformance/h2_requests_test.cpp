// RFC 9113 §8: what makes a request malformed, and what a request becomes on its way to an origin
// that speaks HTTP/1.1. Nothing that is malformed ever gets there.
#include "conformance/h2_wire.hpp"

namespace switchyard::test {
namespace {

using namespace std::string_literals;

class H2Requests : public H2Wire {
  protected:
    void SetUp() override { start_wire(); }

    /// Each of these resets its stream with PROTOCOL_ERROR, or is answered 400, on one connection;
    /// none of them reaches the origin.
    void expect_malformed(const std::vector<std::pair<std::string, Fields>>& rows) {
        auto client = come_in();
        for (const auto& [name, fields] : rows) {
            const auto id = client.open(fields);
            const H2Answer* answer = nullptr;
            ASSERT_NO_THROW(answer = &client.wait(id)) << name;
            if (answer->reset && !answer->has_head) {
                EXPECT_EQ(*answer->reset, H2Code::protocol_error) << name;
            } else {
                EXPECT_EQ(answer->response.status, 400) << name;
                EXPECT_TRUE(answer->response.field("x-switchyard-error")) << name;
            }
        }
        EXPECT_EQ(client.exchange("GET", "/").status, 200) << "the connection goes on";
        EXPECT_EQ(started("/first"), 0);
        EXPECT_EQ(started("/smuggled"), 0);
    }
};
INSTANTIATE_TEST_SUITE_P(Over, H2Requests, both_transports(), transport_name);

Fields with(const Fields& more) {
    return h2_request("GET", "/first", more);
}

// -- What is malformed

TEST_P(H2Requests, S8_2_1_NamesAreInLowerCaseAndTokens) {
    std::vector<std::pair<std::string, Fields>> rows;
    for (const auto& name : {"X-Test"s, "x-Test"s, "x test"s, " x"s, "x "s, "x:"s, "x:y"s, ""s,
                             "x\0y"s, "x\r"s, "x\n"s, "x\x7f"s, "x\xff"s, "x("s, "x\ty"s}) {
        rows.push_back({"name '" + name + "'", with({{name, "v"}})});
    }
    expect_malformed(rows);
}

TEST_P(H2Requests, S8_2_1_ValuesHoldNoLineEndsNorBlanksAround) {
    std::vector<std::pair<std::string, Fields>> rows;
    for (const auto& value :
         {"a\r\nx-smuggled: 1"s, "a\rb"s, "a\nb"s, "a\0b"s, "\r"s, "\n"s, "\0"s, " a"s, "a "s,
          "\ta"s, "a\t"s, " "s, "a\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"s}) {
        rows.push_back({"value '" + value + "'", with({{"x-test", value}})});
        rows.push_back({"cookie '" + value + "'", with({{"cookie", value}})});
        rows.push_back(
            {"host '" + value + "'",
             {{":method", "GET"}, {":scheme", "http"}, {":path", "/first"}, {"host", value}}});
    }
    expect_malformed(rows);
}

TEST_P(H2Requests, S8_2_2_FieldsOfAConnectionAreMalformed) {
    expect_malformed({
        {"connection", with({{"connection", "close"}})},
        {"keep-alive", with({{"keep-alive", "timeout=5"}})},
        {"proxy-connection", with({{"proxy-connection", "keep-alive"}})},
        {"transfer-encoding", with({{"transfer-encoding", "chunked"}})},
        {"transfer-encoding identity", with({{"transfer-encoding", "identity"}})},
        {"upgrade", with({{"upgrade", "websocket"}})},
        {"te", with({{"te", "gzip"}})},
        {"te with more", with({{"te", "trailers, gzip"}})},
        {"http2-settings as connection", with({{"connection", "http2-settings"}})},
    });
}

TEST_P(H2Requests, S8_2_2_TrailersMayBeAskedFor) {
    EXPECT_EQ(ask("GET", "/echo", {{"te", "trailers"}}).status, 200);
}

TEST_P(H2Requests, S8_3_PseudoHeaderFieldsComeFirstAndOnce) {
    const std::pair<std::string, std::string> method{":method", "GET"};
    const std::pair<std::string, std::string> scheme{":scheme", "http"};
    const std::pair<std::string, std::string> path{":path", "/first"};
    const std::pair<std::string, std::string> authority{":authority", "localhost"};
    const std::pair<std::string, std::string> regular{"x-test", "v"};
    expect_malformed({
        {"method late", {scheme, path, authority, regular, method}},
        {"path late", {method, scheme, authority, regular, path}},
        {"authority late", {method, scheme, path, regular, authority}},
        {"two methods", {method, method, scheme, path, authority}},
        {"two schemes", {method, scheme, scheme, path, authority}},
        {"two paths", {method, scheme, path, path, authority}},
        {"two authorities", {method, scheme, path, authority, authority}},
        {"unknown", {method, scheme, path, authority, {":unknown", "x"}}},
        {"of responses", {method, scheme, path, authority, {":status", "200"}}},
        {"protocol", {method, scheme, path, authority, {":protocol", "websocket"}}},
        {"no method", {scheme, path, authority}},
        {"no scheme", {method, path, authority}},
        {"no path", {method, scheme, authority}},
        {"nothing", {}},
    });
}

TEST_P(H2Requests, S8_3_1_PathsAndSchemes) {
    const auto row = [](const std::string& path) {
        return std::pair{"path '" + path + "'", h2_request("GET", path)};
    };
    expect_malformed({
        row(""),
        row("*"),
        row("first"),
        row("http://localhost/first"),
        row("https://localhost/first"),
        row("/first#fragment"),
        row("/first second"),
        row("/first HTTP/1.1\r\nHost: localhost\r\n\r\nGET /smuggled"),
        row("/first\r\nx: y"),
        row("/first\t"),
        row("/first\x7f"),
        row("/fir\xc3\xb6st"),
        {"scheme ftp", h2_request("GET", "/first", {}, "localhost", "ftp")},
        {"scheme empty", h2_request("GET", "/first", {}, "localhost", "")},
        {"scheme with host", h2_request("GET", "/first", {}, "localhost", "http://x/")},
    });
    auto client = come_in();
    const auto id = client.open(h2_request("OPTIONS", "*"));
    EXPECT_EQ(client.wait(id).response.status, 200);
}

TEST_P(H2Requests, S8_3_1_Methods) {
    const auto row = [](const std::string& method) {
        return std::pair{"method '" + method + "'", h2_request(method, "/first")};
    };
    expect_malformed({row(""), row("GET "), row("G ET"), row("GET /smuggled HTTP/1.1\r\n\r\n"),
                      row("GET\r\nx"), row("G:T")});
    EXPECT_EQ(seen_text(ask("PURGE", "/echo"), "method"), "PURGE");
    EXPECT_EQ(ask("TRACE", "/first").status, 405);
}

TEST_P(H2Requests, S8_3_1_TheAuthorityIsOneAndAgreesWithHost) {
    const auto row = [](const std::string& authority) {
        return std::pair{"authority '" + authority + "'",
                         h2_request("GET", "/first", {}, authority)};
    };
    expect_malformed({
        {"another host", with({{"host", "other"}})},
        {"another port", with({{"host", "localhost:81"}})},
        {"two hosts", with({{"host", "localhost"}, {"host", "localhost"}})},
        {"neither", {{":method", "GET"}, {":scheme", "http"}, {":path", "/first"}}},
        {"empty host",
         {{":method", "GET"}, {":scheme", "http"}, {":path", "/first"}, {"host", ""}}},
        row(""),
        row("user@localhost"),
        row("user:secret@localhost"),
        row("local host"),
        row("localhost\r\nx: y"),
        row("localhost/first"),
        row("localhost:x"),
        row("[::1"),
    });
    EXPECT_EQ(seen(ask("GET", "/echo", {{"host", "LOCALHOST"}}), "Host"), Strings{"localhost"});
    auto client = come_in();
    const auto id = client.open(
        {{":method", "GET"}, {":scheme", "http"}, {":path", "/echo"}, {"host", "localhost:8080"}});
    EXPECT_EQ(seen(client.wait(id).response, "Host"), Strings{"localhost:8080"});
}

TEST_P(H2Requests, S8_5_ConnectIsRefused) {
    auto client = come_in();
    const auto id = client.open({{":method", "CONNECT"}, {":authority", "localhost:80"}});
    const auto& answer = client.wait(id);
    EXPECT_EQ(answer.response.status, 501);
    const auto more = client.open(h2_request("CONNECT", "/first"));
    EXPECT_EQ(*client.wait(more).reset, H2Code::protocol_error);
}

TEST_P(H2Requests, S8_1_1_ALengthThatDisagreesIsMalformed) {
    struct Row {
        const char* name;
        std::string length;
        std::vector<std::string> pieces;
    };
    const Row rows[] = {
        {"too little", "5", {"abc"}},
        {"too much", "5", {"abcdefg"}},
        {"too much in pieces", "5", {"abc", "def"}},
        {"nothing", "5", {""}},
    };
    for (const auto& row : rows) {
        auto client = come_in();
        const auto id =
            client.open(h2_request("POST", "/upload", {{"content-length", row.length}}), false);
        for (std::size_t i = 0; i < row.pieces.size(); ++i)
            client.send_data(id, row.pieces[i], i + 1 == row.pieces.size());
        const auto& answer = client.wait(id);
        ASSERT_TRUE(answer.reset) << row.name;
        EXPECT_EQ(*answer.reset, H2Code::protocol_error) << row.name;
        EXPECT_FALSE(answer.has_head) << row.name;
        EXPECT_EQ(client.exchange("GET", "/").status, 200);
    }
    EXPECT_TRUE(eventually([this] { return in_flight("/upload") == 0; }));
    const auto books = origin(Colour::blue).books("/upload");
    EXPECT_EQ(books.at("answered").to_number<int>(), 0);
}

TEST_P(H2Requests, S8_1_1_ALengthIsANumberAndSaidOnce) {
    std::vector<std::pair<std::string, Fields>> rows;
    for (const auto& length : {"", "+5", "-5", "0x5", "5 5", "5,5", "5x", "18446744073709551621"}) {
        rows.push_back({"length '"s + length + "'", with({{"content-length", length}})});
    }
    rows.push_back({"two", with({{"content-length", "0"}, {"content-length", "0"}})});
    rows.push_back({"without a body", with({{"content-length", "5"}})});
    expect_malformed(rows);
}

TEST_P(H2Requests, S8_1_TrailersAreNoPseudoHeadersAndEndTheStream) {
    const auto open = headers(1, h2_request("POST", "/upload"), kEndHeaders);
    expect_stream_error(open + headers(1, {{":path", "/smuggled"}}), H2Code::protocol_error);
    expect_stream_error(open + headers(1, {{"x-trailer", "v"}}, kEndHeaders),
                        H2Code::protocol_error);
    expect_stream_error(open + headers(1, {{"X-Trailer", "v"}}), H2Code::protocol_error);
    expect_stream_error(open + headers(1, {{"x-trailer", "a\r\nb"}}), H2Code::protocol_error);
    expect_stream_error(open + headers(1, {{"transfer-encoding", "chunked"}}),
                        H2Code::protocol_error);
}

// -- What a request becomes

TEST_P(H2Requests, HeadsArriveAsTheyAre) {
    const auto echo = ask("GET", "/echo/x?a=b&c=%20d", {{"x-test", "one"}, {"x-test", "two"}});
    EXPECT_EQ(seen_text(echo, "target"), "/echo/x?a=b&c=%20d");
    EXPECT_EQ(seen_text(echo, "version"), "HTTP/1.1");
    EXPECT_EQ(seen(echo, "x-test"), (Strings{"one", "two"}));
    EXPECT_EQ(seen(echo, "Host"), Strings{"localhost"});
    EXPECT_EQ(seen(echo, "Via"), Strings{"2 switchyard"});
    EXPECT_EQ(seen(echo, "X-Forwarded-Proto"),
              Strings{GetParam() == Transport::h2 ? "https" : "http"});
    EXPECT_EQ(seen(echo, "Transfer-Encoding"), Strings{});
    EXPECT_EQ(seen(echo, "Content-Length"), Strings{});
}

TEST_P(H2Requests, S8_2_3_CrumbsOfACookieAreOneFieldAgain) {
    const auto echo =
        ask("GET", "/echo", {{"cookie", "a=1"}, {"x-between", "x"}, {"cookie", "b=2; c=3"}});
    EXPECT_EQ(seen(echo, "cookie"), Strings{"a=1; b=2; c=3"});
}

TEST_P(H2Requests, BodiesWithALengthKeepIt) {
    const auto echo = ask("POST", "/echo", {{"content-length", "5"}}, "hello");
    EXPECT_EQ(seen(echo, "Content-Length"), Strings{"5"});
    EXPECT_EQ(seen_text(echo, "body"), "hello");
    EXPECT_EQ(seen(ask("POST", "/echo", {{"content-length", "0"}}), "Content-Length"),
              Strings{"0"});
}

TEST_P(H2Requests, BodiesWithoutALengthAreChunked) {
    auto client = come_in();
    const auto id = client.open(h2_request("POST", "/echo"), false);
    client.send_data(id, "hel");
    client.settle();
    client.send_data(id, "lo", true);
    const auto& echo = client.wait(id).response;
    EXPECT_EQ(seen(echo, "Transfer-Encoding"), Strings{"chunked"});
    EXPECT_EQ(seen_text(echo, "body"), "hello");
}

TEST_P(H2Requests, AnEmptyBodyMayEndLate) {
    auto client = come_in();
    const auto id = client.open(h2_request("POST", "/echo", {{"content-length", "0"}}), false);
    client.settle();
    client.send(frame(FrameType::data, kEndStream, id));
    EXPECT_EQ(client.wait(id).response.status, 200);
}

TEST_P(H2Requests, TrailersArePassedOn) {
    auto client = come_in();
    const auto id = client.open(h2_request("POST", "/echo"), false);
    client.send_data(id, "hello");
    client.send(headers(id, {{"x-checksum", "abc"}, {"authorization", "no"}}));
    const auto& echo = client.wait(id).response;
    EXPECT_EQ(seen_text(echo, "body"), "hello");
    EXPECT_EQ(seen_text(echo, "trailers"), "x-checksum: abc\r\n");
}

TEST_P(H2Requests, TrailersBehindALengthPassWhereTheyAreAnnounced) {
    // RFC 9112 §7.1.2: in HTTP/1.1 only chunks have trailers; RFC 9110 §6.5.1 lets them be dropped.
    for (const bool announced : {true, false}) {
        auto client = come_in();
        Fields fields{{"content-length", "5"}};
        if (announced) fields.emplace_back("trailer", "x-checksum");
        const auto id = client.open(h2_request("POST", "/echo", fields), false);
        client.send_data(id, "hello");
        client.send(headers(id, {{"x-checksum", "abc"}}));
        const auto& echo = client.wait(id).response;
        ASSERT_EQ(echo.status, 200) << echo.body;
        EXPECT_EQ(seen_text(echo, "body"), "hello");
        EXPECT_EQ(seen_text(echo, "trailers"), announced ? "x-checksum: abc\r\n" : "");
        EXPECT_EQ(seen(echo, "Content-Length"), announced ? Strings{} : Strings{"5"});
        EXPECT_EQ(seen(echo, "Transfer-Encoding"), announced ? Strings{"chunked"} : Strings{});
    }
}

TEST_P(H2Requests, ExpectationsArePassedOn) {
    auto client = come_in();
    const auto id = client.open(
        h2_request("POST", "/continue", {{"expect", "100-continue"}, {"content-length", "5"}}),
        false);
    auto& answer = client.answer(id);
    while (answer.response.interim.empty() && !answer.ended)
        ASSERT_TRUE(client.read_frame());
    ASSERT_EQ(answer.response.interim.size(), 1u);
    EXPECT_EQ(answer.response.interim[0].status, 100);
    client.send_data(id, "hello", true);
    EXPECT_EQ(client.wait(id).response.status, 200);
    EXPECT_EQ(ask("POST", "/continue?refuse=1", {{"expect", "100-continue"}}, "x").status, 417);
}

// -- What a response becomes

TEST_P(H2Requests, AnswersHaveTheirFieldsAndNoneOfAConnection) {
    auto client = come_in();
    const auto answer = client.exchange("GET", "/bytes?n=10&chunked=1");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, blue_bytes(10));
    EXPECT_EQ(answer.field("x-served-by"), "blue");
    EXPECT_EQ(answer.field("via"), "1.1 switchyard");
    EXPECT_TRUE(answer.field("x-request-id"));
    for (const char* name : {"connection", "keep-alive", "transfer-encoding", "upgrade"})
        EXPECT_FALSE(answer.field(name)) << name;
    EXPECT_EQ(client.exchange("GET", "/bytes?n=10").field("content-length"), "10");
    EXPECT_EQ(client.exchange("GET", "/close?n=10").body, blue_bytes(10));
}

TEST_P(H2Requests, TrailersOfAnswersArePassedOn) {
    const auto answer = ask("GET", "/chunked?n=1000");
    EXPECT_EQ(answer.body, blue_bytes(1000));
    EXPECT_EQ(answer.trailers, (Fields{{"x-trailer-bytes", "1000"}, {"x-trailer-colour", "blue"}}));
    EXPECT_EQ(ask("GET", "/chunked?n=0").trailers.size(), 2u) << "behind an empty body";
}

TEST_P(H2Requests, AnswersWithoutABodyEndWithTheirHead) {
    auto client = come_in();
    for (const std::string_view path : {"/status?code=204", "/status?code=304"}) {
        const auto id = client.open(h2_request("GET", path));
        const auto& answer = client.wait(id);
        ASSERT_EQ(answer.frames.size(), 1u) << path;
        EXPECT_TRUE(answer.frames[0].has(kEndStream)) << path;
    }
    const auto id = client.open(h2_request("HEAD", "/bytes?n=1000"));
    const auto& answer = client.wait(id);
    EXPECT_EQ(answer.response.field("content-length"), "1000");
    EXPECT_EQ(answer.response.body, "");
    EXPECT_EQ(answer.frames.size(), 1u);
}

TEST_P(H2Requests, EarlyHintsArePassedOn) {
    const auto answer = ask("GET", "/hints");
    ASSERT_EQ(answer.interim.size(), 1u);
    EXPECT_EQ(answer.interim[0].status, 103);
    EXPECT_EQ(answer.interim[0].field("link"), "</style.css>; rel=preload");
    EXPECT_EQ(answer.status, 200);
}

TEST_P(H2Requests, LargeHeadsGoBothWays) {
    const std::string large(25'000, 'v');
    auto client = come_in();
    const auto block = header_block(h2_request("GET", "/echo", {{"x-large", large}}));
    const auto id = client.next_stream();
    client.send(frame(FrameType::headers, kEndStream, id, block.substr(0, 16384)) +
                frame(FrameType::continuation, kEndHeaders, id, block.substr(16384)));
    EXPECT_EQ(seen(client.wait(id).response, "x-large"), Strings{large});
    const auto back =
        client.exchange("GET", "/status?code=200&field=X-Large:" + std::string(6'000, 'w'));
    EXPECT_EQ(back.field("x-large"), std::string(6'000, 'w'));
}

TEST_P(H2Requests, OurOwnErrorsAreTheSame) {
    auto client = come_in();
    const auto id = client.open(h2_request("GET", "/drop"));
    const auto& answer = client.wait(id);
    EXPECT_EQ(answer.response.status, 502);
    EXPECT_EQ(answer.response.field("x-switchyard-error"), "upstream_closed");
    EXPECT_NE(answer.response.body, "");
}

}  // namespace
}  // namespace switchyard::test
