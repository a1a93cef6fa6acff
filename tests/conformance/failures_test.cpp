// Origins that fail: what the client gets, and what is tried again (C9, C10).
#include "conformance/wire.hpp"

#include <algorithm>

namespace switchyard::test {
namespace {

class Failures : public Wire {
  protected:
    int tally(std::string_view path, std::string_view what) {
        return origin(Colour::blue).books(path).at(what).to_number<int>();
    }
};

TEST_P(Failures, BeforeTheHeadAreA502) {
    start_wire("    retries: 0\n");
    auto client = open();
    for (const char* target : {"/drop", "/reset"}) {
        const auto response = exchange(client, "GET", target);
        expect_own_error(response, 502, "upstream_closed");
        EXPECT_TRUE(response.keep_alive());
        EXPECT_FALSE(response.field("X-Served-By").value_or("") == "green");
        EXPECT_EQ(tally(target, "started"), 1);
    }
    EXPECT_EQ(exchange(client, "GET", "/").status, 200);
}

TEST_P(Failures, C09_AfterTheHeadBreakTheConnectionOff) {
    start_wire();
    for (const char* target :
         {"/truncate?n=1000", "/truncate?n=1000000", "/truncate?n=1000&chunked=1",
          "/truncate?n=1000&at=0", "/reset?n=1000", "/reset?n=1000000&chunked=1"}) {
        SCOPED_TRACE(target);
        auto client = open();
        try {
            client.send(request_text("GET", target));
            auto response = read_head(client);
            // The reset may overtake the head on the origin's side: then it is a 502.
            if (response.status == 502) {
                read_body(client, response, "GET", [](std::string_view) {});
                EXPECT_TRUE(response.field("X-Switchyard-Error"));
                continue;
            }
            EXPECT_EQ(response.status, 200);
            read_body(client, response, "GET", [](std::string_view) {});
            ADD_FAILURE() << "a part was passed off as the whole";
        } catch (const ClientError& error) {
            // Nothing that could be taken for an end in good order.
            EXPECT_EQ(error.kind, ClientError::Kind::broken) << error.what();
        }
    }
}

TEST_P(Failures, C09_OfAChunkInTheMiddleBreakTheConnectionOff) {
    start_wire();
    auto client = open();
    const std::string bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40000\r\n" +
                              std::string(0x40000, 'x') + "\r\nbad\r\n";
    EXPECT_THROW(exchange(client, "POST", "/raw", {}, bytes), ClientError);
}

TEST_P(Failures, C10_OfIdempotentRequestsAreTriedAgain) {
    start_wire("    retries: 2\n");
    auto client = open();
    EXPECT_EQ(exchange(client, "GET", "/drop").status, 502);
    EXPECT_EQ(tally("/drop", "started"), 3);
    EXPECT_EQ(exchange(client, "GET", "/reset").status, 502);
    EXPECT_EQ(tally("/reset", "started"), 3);
}

TEST_P(Failures, C10_OfOtherRequestsAreNot) {
    start_wire("    retries: 2\n");
    auto client = open();
    for (const char* method : {"POST", "PATCH", "BREW"}) {
        origin(Colour::blue).reset_books();
        expect_own_error(exchange(client, method, "/drop", {}, "hello"), 502, "upstream_closed");
        EXPECT_EQ(tally("/drop", "started"), 1) << method;
    }
}

TEST_P(Failures, C10_OfRequestsWhoseBodyIsGoneAreNot) {
    start_wire("    retries: 2\n");
    auto client = open();
    // Too long to be at hand.
    client.send(request_text("PUT", "/drop", {{"Content-Length", "3000000"}}));
    client.send(std::string(3'000'000, 'x'));
    EXPECT_EQ(read_response(client, "PUT").status, 502);
    EXPECT_EQ(tally("/drop", "started"), 1);
}

TEST_P(Failures, C10_AStaleConnectionIsNeverA502ForAnIdempotentRequest) {
    start_wire("    retries: 0\n");
    auto client = open();
    for (const char* when : {"now", "next", "reset"}) {
        for (int i = 0; i < 10; ++i) {
            const auto target = "/stale?when=" + std::string(when);
            ASSERT_EQ(exchange(client, "GET", target).status, 200) << when << ' ' << i;
            for (const char* method : {"GET", "HEAD", "DELETE"}) {
                ASSERT_EQ(exchange(client, method, "/").status, 200) << when << ' ' << i;
                ASSERT_EQ(exchange(client, "GET", target).status, 200) << when << ' ' << i;
            }
            ASSERT_EQ(exchange(client, "PUT", "/upload", {}, "hello").status, 200)
                << when << ' ' << i;
        }
    }
}

TEST_P(Failures, C10_AStaleConnectionIsNeverA502ForAnIdempotentUpload) {
    start_wire("    retries: 0\n");
    auto client = open();
    // Bodies that come behind their head, in pieces: too long to be kept, or of unknown length.
    const auto send_length = [&](std::size_t size) {
        client.send(request_text("PUT", "/upload", {{"Content-Length", std::to_string(size)}}));
        for (std::size_t sent = 0; sent < size;) {
            const std::size_t part = std::min<std::size_t>(size - sent, 50'000);
            client.send(std::string(part, 'x'));
            sent += part;
        }
        return read_response(client, "PUT");
    };
    const auto send_chunks = [&](std::size_t size) {
        client.send(request_text("PUT", "/upload", {{"Transfer-Encoding", "chunked"}}));
        client.send(chunk(std::string(size, 'x')));
        client.send(chunk(""));
        return read_response(client, "PUT");
    };
    for (const char* when : {"now", "next", "reset"}) {
        const auto target = "/stale?when=" + std::string(when);
        for (int i = 0; i < 10; ++i) {
            for (const std::size_t size : {5UL, 60'000UL, 200'000UL, 3'000'000UL}) {
                ASSERT_EQ(exchange(client, "GET", target).status, 200);
                const auto response = send_length(size);
                ASSERT_EQ(response.status, 200) << when << ' ' << size << ' ' << response.body;
                const auto json = boost::json::parse(response.body);
                ASSERT_EQ(json.at("bytes").to_number<std::size_t>(), size) << when;
            }
            ASSERT_EQ(exchange(client, "GET", target).status, 200);
            ASSERT_EQ(send_chunks(1000).status, 200) << when;
        }
    }
    EXPECT_EQ(origin(Colour::blue).books().at("malformed").to_number<int>(), 0);
}

TEST_P(Failures, C10_OfAnUploadWhoseBodyIsStillAtHandAreTriedAgain) {
    start_wire("    retries: 2\n");
    auto client = open();
    client.send(request_text("PUT", "/drop", {{"Content-Length", "10"}}));
    ASSERT_TRUE(eventually([&] { return tally("/drop", "started") >= 1; }));
    client.send("0123456789");
    EXPECT_EQ(read_response(client, "PUT").status, 502);
    EXPECT_EQ(tally("/drop", "started"), 3);
}

TEST_P(Failures, SayThatTheConnectionEndsWhenMuchOfTheRequestIsLeft) {
    start_wire("    retries: 0\n    ejection: {failures: 0}\n");
    origin(Colour::blue).kill();
    for (const Fields& framing :
         {Fields{{"Content-Length", "3000000"}}, Fields{{"Transfer-Encoding", "chunked"}}}) {
        auto client = open();
        client.send(request_text("PUT", "/upload", framing));
        const auto response = read_response(client, "PUT");
        expect_own_error(response, 502, "connect_failed");
        EXPECT_FALSE(response.keep_alive());
    }
    // A little is read and thrown away.
    auto client = open();
    client.send(request_text("PUT", "/upload", {{"Content-Length", "10"}}));
    EXPECT_TRUE(read_response(client, "PUT").keep_alive());
    client.send("0123456789");
    EXPECT_EQ(exchange(client, "GET", "/").status, 502);
}

TEST_P(Failures, C10_APostOnAStaleConnectionIsNotSentTwice) {
    start_wire("    retries: 2\n");
    auto client = open();
    int answered = 0;
    for (int i = 0; i < 20; ++i) {
        ASSERT_EQ(exchange(client, "GET", "/stale?when=next").status, 200);
        const auto response = exchange(client, "POST", "/upload", {}, "hello");
        if (response.status == 200) {
            ++answered;
        } else {
            expect_own_error(response, 502, "upstream_closed");
        }
    }
    EXPECT_EQ(tally("/upload", "started"), answered);
}

TEST_P(Failures, C10_APostAfterTheOriginClosedIsSentOnANewConnection) {
    start_wire("    retries: 0\n");
    auto client = open();
    for (int i = 0; i < 20; ++i) {
        ASSERT_EQ(exchange(client, "GET", "/stale?when=now").status, 200);
        // The origin's end has arrived once its books say that the connection is closed.
        ASSERT_TRUE(eventually([&] {
            return origin(Colour::blue).books("/stale").at("in_flight").to_number<int>() == 0;
        }));
        const auto response = exchange(client, "POST", "/upload", {}, "hello");
        EXPECT_EQ(response.status, 200) << i << ' ' << response.body;
    }
}

TEST_P(Failures, ToConnectAreA502ForEveryMethod) {
    start_wire("    ejection: {failures: 0}\n");
    auto client = open();
    EXPECT_EQ(exchange(client, "GET", "/").status, 200);
    origin(Colour::blue).kill();
    expect_own_error(exchange(client, "GET", "/"), 502, "connect_failed");
    // Nothing was sent, so that is so for every method.
    expect_own_error(exchange(client, "POST", "/", {}, "hello"), 502, "connect_failed");
    origin(Colour::blue).restart();
    EXPECT_TRUE(eventually([&] { return exchange(client, "GET", "/").status == 200; }));
}

TEST_P(Failures, OfOneTargetAreCoveredByTheOther) {
    OriginProcess second(Colour::blue, {.name = "second"});
    auto yaml_service = std::string("    retries: 1\n    ejection: {failures: 0}\n");
    // Two targets for blue, no health checks that would take one out.
    auto text = config(yaml_service);
    const auto at = text.find("targets: [\"" + origin(Colour::blue).address() + "\"]");
    ASSERT_NE(at, std::string::npos);
    text.replace(
        at, 12 + origin(Colour::blue).address().size(),
        "targets: [\"" + origin(Colour::blue).address() + "\", \"" + second.address() + "\"");
    text.replace(text.find("interval: 50ms"), 14, "interval: 10m");
    start(text);
    Client client(address());
    origin(Colour::blue).kill();
    for (int i = 0; i < 50; ++i) {
        EXPECT_EQ(exchange(client, "GET", "/").body, "blue second\n");
        EXPECT_EQ(exchange(client, "POST", "/upload", {}, "hello").status, 200);
    }
}

TEST_P(Failures, OfAClientInTheMiddleEndTheRequest) {
    start_wire();
    {
        auto client = open();
        client.send(request_text("GET", "/sleep?ms=60000"));
        ASSERT_TRUE(eventually([&] { return started("/sleep") == 1; }));
        client.reset();
    }
    EXPECT_TRUE(eventually([&] { return tally("/sleep", "aborted") == 1; }));
    {
        auto client = open();
        client.send(request_text("POST", "/upload", {{"Content-Length", "1000"}}) + "hello");
        ASSERT_TRUE(eventually([&] { return started("/upload") == 1; }));
        client.close();
    }
    EXPECT_TRUE(eventually([&] { return tally("/upload", "aborted") == 1; }));
    {
        // The body came behind its head; then the client goes while the answer is awaited.
        auto client = open();
        client.send(request_text("POST", "/hang", {{"Content-Length", "5"}}));
        ASSERT_TRUE(eventually([&] { return started("/hang") == 1; }));
        client.send("hello");
        ASSERT_TRUE(client.quiet_for(50ms));
        client.reset();
    }
    EXPECT_TRUE(eventually([&] {
        return admin()
                   .service("app")
                   .at("slots")
                   .at("blue")
                   .at("books")
                   .at("client_abort")
                   .to_number<int>() == 3;
    }));
    {
        auto client = open();
        client.send(request_text("GET", "/bytes?n=1000000000"));
        static_cast<void>(client.read_exactly(100'000));
        client.reset();
    }
    EXPECT_TRUE(eventually([&] { return tally("/bytes", "aborted") == 1; }));
    EXPECT_EQ(ask("GET", "/").status, 200);
}

TEST_P(Failures, OfAnOriginThatAnswersBeforeItReads) {
    start_wire("    timeouts: {request_write: 10m}\n");
    auto client = open();
    // More than sockets take at once, all there before the origin says no: its answer is seen.
    client.send(request_text("POST", "/early?code=413", {{"Content-Length", "50000000"}}));
    send_until_answered(client, 50'000'000);
    const auto response = read_response(client, "POST");
    EXPECT_EQ(response.status, 413);
    EXPECT_FALSE(response.field("X-Switchyard-Error")) << response.body;
}

TEST_P(Failures, AreToldInTheFormTheClientPrefers) {
    start_wire("    retries: 0\n");
    const auto html = ask("GET", "/drop", {{"Accept", "text/html"}});
    EXPECT_EQ(html.field("Content-Type"), "text/html; charset=utf-8");
    EXPECT_NE(html.body.find("<!doctype html>"), std::string::npos);
    EXPECT_NE(html.body.find(html.field("X-Request-Id").value()), std::string::npos);
    EXPECT_EQ(html.field("Cache-Control"), "no-store");

    const auto json = ask("GET", "/drop", {{"Accept", "application/json"}});
    EXPECT_EQ(json.field("Content-Type"), "application/json");
    const auto error = boost::json::parse(json.body).at("error");
    EXPECT_EQ(error.at("status").to_number<int>(), 502);
    EXPECT_EQ(error.at("code").as_string(), "upstream_closed");
    EXPECT_EQ(std::string(error.at("request_id").as_string()), json.field("X-Request-Id"));
}

TEST_P(Failures, ShowTheOperatorsOwnPages) {
    const TempDir dir;
    const auto page = dir.write("502.html", "<h1>{{status}} our own {{request_id}}</h1>");
    const auto any = dir.write("any.html", "<h1>any {{status}}</h1>");
    start_wire("    retries: 0\n    limits: {body_bytes: 1}\n",
               "error_pages: {502: \"" + page + "\", default: \"" + any + "\"}\n");
    const auto response = ask("GET", "/drop");
    EXPECT_EQ(response.body, "<h1>502 our own " + response.field("X-Request-Id").value() + "</h1>");
    EXPECT_EQ(ask("POST", "/upload", {}, "hello").body, "<h1>any 413</h1>");
    // The application's own errors stay as they are.
    EXPECT_EQ(ask("GET", "/status?code=500").body, "blue 500\n");
}

INSTANTIATE_TEST_SUITE_P(Over, Failures, both_transports(), transport_name);

}  // namespace
}  // namespace switchyard::test
