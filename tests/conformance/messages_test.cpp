// Messages as HTTP/1.1 and HTTP/1.0 have them: connections, pipelining, bodies, interim responses.
#include "conformance/wire.hpp"

namespace switchyard::test {
namespace {

const std::string kHost = "Host: localhost\r\n";

class Messages : public Wire {};

TEST_P(Messages, KeepTheConnection) {
    start_wire();
    auto client = open();
    for (int i = 0; i < 20; ++i) {
        const auto response = exchange(client, "GET", "/");
        EXPECT_EQ(response.status, 200);
        EXPECT_TRUE(response.keep_alive());
        EXPECT_FALSE(response.field("Connection"));
    }
}

TEST_P(Messages, EndTheConnectionWhenTheClientAsksForIt) {
    start_wire();
    auto client = open();
    const auto response = exchange(client, "GET", "/", {{"Connection", "close"}});
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.field("Connection"), "close");
    EXPECT_TRUE(client.ended());
}

TEST_P(Messages, OfHttp10EndTheConnectionUnlessAskedNotTo) {
    start_wire();
    auto once = open();
    once.send("GET / HTTP/1.0\r\n\r\n");
    const auto first = read_response(once);
    EXPECT_EQ(first.status, 200);
    EXPECT_FALSE(first.chunked);
    EXPECT_TRUE(once.ended());

    auto kept = open();
    for (int i = 0; i < 3; ++i) {
        kept.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        const auto response = read_response(kept);
        EXPECT_EQ(response.status, 200);
        EXPECT_EQ(response.field("Connection"), "keep-alive");
    }
}

TEST_P(Messages, OfHttp10AreNeverChunked) {
    start_wire();
    for (const char* target : {"/chunked?n=5000", "/close?n=5000"}) {
        auto client = open();
        client.send("GET " + std::string(target) + " HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        const auto response = read_response(client);
        EXPECT_FALSE(response.field("Transfer-Encoding")) << target;
        EXPECT_TRUE(response.close_delimited) << target;
        EXPECT_EQ(response.body.size(), 5000U) << target;
        PatternChecker checker(Colour::blue);
        EXPECT_FALSE(checker.feed(response.body)) << target;
    }
}

TEST_P(Messages, OfHttp10GetNoInterimResponses) {
    start_wire();
    const auto response = ask_raw("GET /hints HTTP/1.0\r\n\r\n");
    EXPECT_EQ(response.status, 200);
    EXPECT_TRUE(response.interim.empty());
}

TEST_P(Messages, ArePipelinedInOrder) {
    start_wire();
    auto client = open();
    std::string requests;
    for (int i = 0; i < 50; ++i) {
        // The first ones are slower than the last ones.
        requests += request_text("GET", "/sleep?ms=" + std::to_string(i < 3 ? 30 - i * 10 : 0));
        requests += request_text("GET", "/item-" + std::to_string(i));
        requests += request_text("POST", "/upload", {{"Content-Length", "5"}}) + "hello";
        requests += request_text("PUT", "/upload", {{"Transfer-Encoding", "chunked"}}) +
                    chunk("abc") + chunk("");
    }
    client.send(requests);
    for (int i = 0; i < 50; ++i) {
        EXPECT_EQ(read_response(client).status, 200);
        EXPECT_NE(read_response(client).body.find("/item-" + std::to_string(i) + "\n"),
                  std::string::npos);
        EXPECT_NE(read_response(client, "POST").body.find("\"bytes\":5"), std::string::npos);
        EXPECT_NE(read_response(client, "PUT").body.find("\"bytes\":3"), std::string::npos);
    }
    EXPECT_TRUE(client.buffered().empty());
}

TEST_P(Messages, PipelinedBehindAnErrorAreAnswered) {
    start_wire();
    auto client = open();
    client.send(request_text("GET", "/status?code=500") + request_text("GET", "/drop") +
                request_text("GET", "/last"));
    EXPECT_EQ(read_response(client).status, 500);
    EXPECT_EQ(read_response(client).status, 502);
    EXPECT_NE(read_response(client).body.find("/last"), std::string::npos);
}

TEST_P(Messages, ThatArriveOctetByOctetAreUnderstood) {
    start_wire();
    auto client = open();
    const std::string request =
        request_text("POST", "/upload", {{"Transfer-Encoding", "chunked"}}) + chunk("hello") +
        "0\r\nX-Sum: 1\r\n\r\n";
    for (const char octet : request)
        client.send(std::string(1, octet));
    EXPECT_NE(read_response(client, "POST").body.find("\"bytes\":5"), std::string::npos);
}

TEST_P(Messages, WithAnAbsoluteTargetTakeTheHostFromIt) {
    start_wire();
    const auto response =
        ask_raw("GET http://other.example:81/echo/a?b HTTP/1.1\r\n" + kHost + "\r\n");
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(seen(response, "Host"), Strings{"other.example:81"});
    EXPECT_EQ(seen_text(response, "target"), "/echo/a?b");
}

TEST_P(Messages, OptionsOfTheServerPass) {
    start_wire();
    const auto response = ask_raw("OPTIONS * HTTP/1.1\r\n" + kHost + "\r\n", "OPTIONS");
    EXPECT_EQ(response.status, 200);
    EXPECT_NE(response.body.find("*"), std::string::npos);
}

TEST_P(Messages, ToHeadHaveALengthButNoBody) {
    start_wire();
    auto client = open();
    const auto head = exchange(client, "HEAD", "/bytes?n=12345");
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.field("Content-Length"), "12345");
    EXPECT_EQ(exchange(client, "HEAD", "/chunked?n=10").status, 200);
    EXPECT_EQ(exchange(client, "HEAD", "/close?n=10").status, 200);
    EXPECT_EQ(exchange(client, "GET", "/").body, "blue blue-origin\n");
    const auto error = exchange(client, "HEAD", "/drop");
    EXPECT_EQ(error.status, 502);
    EXPECT_TRUE(error.field("Content-Length"));
    EXPECT_EQ(exchange(client, "GET", "/").body, "blue blue-origin\n");
}

TEST_P(Messages, WithoutContentHaveNoBody) {
    start_wire();
    auto client = open();
    for (const int code : {204, 304}) {
        const auto response = exchange(client, "GET", "/status?code=" + std::to_string(code));
        EXPECT_EQ(response.status, code);
        EXPECT_EQ(response.body, "");
        EXPECT_TRUE(response.keep_alive());
    }
    EXPECT_EQ(exchange(client, "GET", "/").body, "blue blue-origin\n");
}

TEST_P(Messages, KeepTheStatusAndReasonOfTheOrigin) {
    start_wire();
    const auto response =
        ask("POST", "/raw", {}, "HTTP/1.1 299 Quite Fine\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(response.status, 299);
    EXPECT_EQ(response.reason, "Quite Fine");
}

TEST_P(Messages, ThatEndWithTheConnectionAreChunkedForTheClient) {
    start_wire();
    auto client = open();
    const auto response = exchange(client, "GET", "/close?n=100000");
    EXPECT_TRUE(response.chunked);
    PatternChecker checker(Colour::blue);
    EXPECT_FALSE(checker.feed(response.body));
    EXPECT_EQ(response.body.size(), 100'000U);
    EXPECT_EQ(exchange(client, "GET", "/").status, 200);
}

TEST_P(Messages, CarryTrailersBothWays) {
    start_wire();
    auto client = open();
    const auto response = exchange(client, "GET", "/chunked?n=70000");
    EXPECT_TRUE(response.chunked);
    EXPECT_EQ(response.body.size(), 70'000U);
    EXPECT_EQ(response.trailers,
              (Fields{{"X-Trailer-Bytes", "70000"}, {"X-Trailer-Colour", "blue"}}));

    client.send(
        request_text("POST", "/echo", {{"Transfer-Encoding", "chunked"}, {"Trailer", "X-Sum"}}) +
        chunk("hello") +
        "0\r\nX-Sum: 7\r\nContent-Length: 99\r\nX_Forwarded_For: 1.2.3.4\r\n"
        "\r\n");
    const auto echo = read_response(client, "POST");
    EXPECT_EQ(seen_text(echo, "trailers"), "X-Sum: 7\r\n");
    EXPECT_EQ(seen_text(echo, "body"), "hello");
}

TEST_P(Messages, WaitForContinueWhenTheClientAsks) {
    start_wire();
    auto client = open();
    client.send(
        request_text("POST", "/continue", {{"Expect", "100-continue"}, {"Content-Length", "5"}}));
    EXPECT_EQ(read_head(client).status, 100);
    client.send("hello");
    EXPECT_NE(read_response(client, "POST").body.find("\"bytes\":5"), std::string::npos);
    EXPECT_EQ(exchange(client, "GET", "/").status, 200);
}

TEST_P(Messages, CanBeRefusedInsteadOfContinued) {
    start_wire();
    auto client = open();
    client.send(request_text("POST", "/continue?refuse=1",
                             {{"Expect", "100-continue"}, {"Content-Length", "5"}}));
    const auto response = read_response(client, "POST");
    EXPECT_EQ(response.status, 417);
    EXPECT_TRUE(response.interim.empty());
    // The body never comes, so the connection can't go on.
    EXPECT_FALSE(response.keep_alive());
    EXPECT_TRUE(client.ended());
}

TEST_P(Messages, PassEarlyHintsOnBeforeTheAnswer) {
    start_wire();
    const auto response = ask("GET", "/hints");
    ASSERT_EQ(response.interim.size(), 1U);
    EXPECT_EQ(response.interim[0].status, 103);
    EXPECT_EQ(response.interim[0].field("Link"), "</style.css>; rel=preload");
    EXPECT_EQ(response.body, "blue blue-origin\n");
}

TEST_P(Messages, AnsweredEarlyEndTheUpload) {
    start_wire();
    auto client = open();
    // More than any buffer on the way takes: the answer must come before the body is sent.
    client.send(request_text("POST", "/early", {{"Content-Length", "1000000000"}}));
    static_cast<void>(client.send_some(std::string(1'000'000, 'x'), Deadline(2s)));
    const auto response = read_response(client, "POST");
    EXPECT_EQ(response.status, 413);
    EXPECT_EQ(colour_of(response), "blue");
    EXPECT_FALSE(response.keep_alive());
}

TEST_P(Messages, AnsweredEarlyReachAClientThatReadsLate) {
    start_wire("    limits: {body_bytes: 1000}\n");
    auto client = open();
    // All that the socket buffers hold is on its way before the client looks for an answer.
    client.send(request_text("POST", "/upload", {{"Content-Length", "10000000"}}));
    client.send(std::string(10'000'000, 'x'));
    expect_own_error(read_response(client, "POST"), 413, "body_too_large");
}

TEST_P(Messages, OfEverySizeAndFramingComeWhole) {
    start_wire();
    auto client = open();
    for (const std::size_t size : {0U, 1U, 4095U, 4096U, 16'383U, 16'384U, 16'385U, 65'536U,
                                   262'144U, 262'145U, 1'000'003U}) {
        for (const char* framing : {"", "&chunked=1"}) {
            const auto target = "/bytes?n=" + std::to_string(size) + framing;
            const auto response = exchange(client, "GET", target);
            EXPECT_EQ(response.body.size(), size) << target;
            PatternChecker checker(Colour::blue);
            EXPECT_FALSE(checker.feed(response.body)) << target;
        }
        std::string body(size, '\0');
        fill_pattern(Colour::blue, 0, body);
        const auto expected = "\"bytes\":" + std::to_string(size) + ",";
        client.send(request_text("POST", "/upload", {{"Content-Length", std::to_string(size)}}) +
                    body);
        const auto counted = read_response(client, "POST").body;
        EXPECT_NE(counted.find(expected), std::string::npos) << counted;
        std::string chunks;
        for (std::size_t at = 0; at < size; at += 10'007) {
            chunks += chunk(std::string_view(body).substr(at, 10'007));
        }
        client.send(request_text("POST", "/upload", {{"Transfer-Encoding", "chunked"}}) + chunks +
                    chunk(""));
        // The same bytes and the same checksum.
        EXPECT_EQ(read_response(client, "POST").body, counted);
    }
}

INSTANTIATE_TEST_SUITE_P(Over, Messages, both_transports(), transport_name);

}  // namespace
}  // namespace switchyard::test
