#include "admin/client.hpp"

#include "admin/fields.hpp"
#include "unit/admin/fake_daemon.hpp"

#include <future>

#include <gmock/gmock.h>

namespace switchyard::admin {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// What a client makes of raw bytes followed by the end of the connection.
AnswerResult answer_to(const std::string& bytes, std::vector<std::string>* lines = nullptr) {
    FakeDaemon daemon([&bytes](Conversation& with) { with.send(bytes); });
    const Client client(daemon.socket);
    if (lines == nullptr) return client.call("GET", "/v1/status");
    return client.stream(
        "GET", "/v1/events", {},
        [lines](std::string_view line, const json::value&) { lines->emplace_back(line); });
}

TEST(Client, SendsARequestAndReadsTheAnswer) {
    FakeDaemon daemon([](Conversation& with) { with.answer(409, R"({"error":{"code":"busy"}})"); });
    const auto answer = Client(daemon.socket).call("POST", "/v1/reload", R"({"a":1})");
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->status, 409U);
    EXPECT_FALSE(answer->ok());
    EXPECT_EQ(text(field(answer->json, "error"), "code"), "busy");
    ASSERT_EQ(daemon.requests().size(), 1U);
    const std::string request = daemon.requests()[0];
    EXPECT_THAT(request, StartsWith("POST /v1/reload HTTP/1.1\r\nHost: "));
    EXPECT_THAT(request, HasSubstr("Content-Length: 7\r\n"));
    EXPECT_TRUE(request.ends_with("\r\n\r\n{\"a\":1}"));
}

TEST(Client, ReadsChunkedAndCloseDelimitedAnswers) {
    const auto chunked = answer_to(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
        "chunked\r\n\r\n4\r\n{\"a\"\r\n3\r\n:1}\r\n0\r\n\r\n");
    ASSERT_TRUE(chunked.has_value());
    EXPECT_EQ(chunked->body, R"({"a":1})");
    const auto until_close = answer_to("HTTP/1.1 200 OK\r\n\r\n{\"a\":2}");
    ASSERT_TRUE(until_close.has_value());
    EXPECT_EQ(integer(until_close->json, "a"), 2);
}

TEST(Client, HandsOutLinesAsTheyArrive) {
    std::promise<void> first_seen;
    bool in_time = false;
    FakeDaemon daemon([&](Conversation& with) {
        with.begin_stream();
        with.chunk("{\"n\":1}\n{\"n\"");
        // The rest is sent only when the first line has arrived.
        in_time = first_seen.get_future().wait_for(30s) == std::future_status::ready;
        with.chunk(":2}");
        with.chunk("\n\n{\"n\":3}\n");
        with.end_stream();
    });
    std::vector<std::string> lines;
    const auto answer =
        Client(daemon.socket)
            .stream("GET", "/v1/events", {}, [&](std::string_view line, const json::value& value) {
                lines.emplace_back(line);
                if (integer(value, "n") == 1) first_seen.set_value();
            });
    ASSERT_TRUE(answer.has_value());
    EXPECT_TRUE(in_time);
    EXPECT_THAT(lines, ElementsAre("{\"n\":1}", "{\"n\":2}", "{\"n\":3}"));
    EXPECT_TRUE(answer->body.empty());
}

TEST(Client, AStreamsRefusalIsAnAnswer) {
    FakeDaemon daemon([](Conversation& with) { with.answer(404, R"({"error":{}})"); });
    const auto answer =
        Client(daemon.socket)
            .stream("GET", "/v1/events", {}, [](std::string_view, const json::value&) { FAIL(); });
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->status, 404U);
    EXPECT_EQ(answer->body, R"({"error":{}})");
}

TEST(Client, NoticesADaemonThatDies) {
    const std::string head =
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: "
        "chunked\r\n\r\n";
    const char* cuts[] = {"", "HTTP/1.1 200 OK\r\nContent-", "8\r\n{\"n\":1}\n\r\n",
                          "8\r\n{\"n\":1}\n\r\n9\r\n{\"n\"", "5\r\n{\"n\":\r\n0\r\n\r\n"};
    for (std::size_t i = 0; i < std::size(cuts); ++i) {
        std::vector<std::string> lines;
        const auto answer = answer_to(i < 2 ? cuts[i] : head + cuts[i], &lines);
        ASSERT_FALSE(answer.has_value()) << cuts[i];
        EXPECT_EQ(answer.error().kind, Failure::Kind::broken) << cuts[i];
        EXPECT_EQ(lines.size(), i == 2 || i == 3 ? 1U : 0U) << cuts[i];
    }
    const auto half = answer_to("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"a\":1}");
    ASSERT_FALSE(half.has_value());
    EXPECT_EQ(half.error().kind, Failure::Kind::broken);
}

TEST(Client, RefusesWhatIsNotHttpOrNotJson) {
    const char* answers[] = {
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n{",
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\nnot json\n",
    };
    for (const char* bytes : answers) {
        std::vector<std::string> lines;
        const auto answer = answer_to(bytes, &lines);
        ASSERT_FALSE(answer.has_value()) << bytes;
        EXPECT_EQ(answer.error().kind, Failure::Kind::garbage) << bytes;
        EXPECT_TRUE(lines.empty());
    }
}

TEST(Client, BoundsTheLengthOfALine) {
    FakeDaemon daemon([](Conversation& with) {
        with.begin_stream();
        with.chunk(std::string(5000, 'x'));
        with.wait_for_close();
    });
    Client::Limits limits;
    limits.body_bytes = 1000;
    const auto answer =
        Client(daemon.socket, limits)
            .stream("GET", "/v1/events", {}, [](std::string_view, const json::value&) {});
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().kind, Failure::Kind::garbage);
}

TEST(Client, GivesUpOnASilentDaemon) {
    FakeDaemon daemon([](Conversation& with) {
        with.begin_stream();
        with.wait_for_close();
    });
    Client::Limits limits;
    limits.silence = 30ms;
    const auto answer = Client(daemon.socket, limits).call("GET", "/v1/status");
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().kind, Failure::Kind::silent);
    EXPECT_THAT(answer.error().message, HasSubstr("said nothing for 30 ms"));
}

TEST(Client, EscapesNamesInThePath) {
    EXPECT_EQ(url_segment("shop-1_a.b~"), "shop-1_a.b~");
    EXPECT_EQ(url_segment("a/b ?ü"), "a%2Fb%20%3F%C3%BC");
}

}  // namespace
}  // namespace switchyard::admin
