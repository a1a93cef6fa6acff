// The client against a server that answers with given bytes; TLS is in the integration tests.
#include "cloud/http_client.hpp"

#include <optional>
#include <string>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::cloud {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using asio::ip::tcp;
using testing::HasSubstr;

class HttpClientTest : public testing::Test {
  protected:
    [[nodiscard]] config::HttpUrl url() const {
        return {false, "127.0.0.1", acceptor_.local_endpoint().port(), "/base"};
    }

    /// Takes one connection, reads a head, sends `bytes`; then closes or keeps it open.
    static asio::awaitable<void> serve(HttpClientTest* test, std::string bytes, bool close) {
        test->socket_ = co_await test->acceptor_.async_accept(asio::use_awaitable);
        co_await asio::async_read_until(*test->socket_, asio::dynamic_buffer(test->head_),
                                        "\r\n\r\n", asio::use_awaitable);
        co_await asio::async_write(*test->socket_, asio::buffer(bytes), asio::use_awaitable);
        if (close) test->socket_->close();
    }

    HttpResult ask(std::string bytes, bool close = true, HttpRequest request = {},
                   std::chrono::milliseconds limit = 10s) {
        head_.clear();
        asio::co_spawn(context_, serve(this, std::move(bytes), close), [](std::exception_ptr) {});
        return send(std::move(request), limit);
    }

    HttpResult send(HttpRequest request, std::chrono::milliseconds limit) {
        HttpClient client(context_, url());
        std::optional<HttpResult> result;
        asio::co_spawn(context_, client.send(std::move(request), limit),
                       [&](const std::exception_ptr& error, HttpResult answer) {
                           EXPECT_FALSE(error);
                           result = std::move(answer);
                       });
        while (!result)
            context_.run_one();
        return *result;
    }

    asio::io_context context_{1};
    tcp::acceptor acceptor_{context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
    std::optional<tcp::socket> socket_;
    std::string head_;
};

TEST_F(HttpClientTest, SendsOneRequestAndReadsItsAnswer) {
    HttpRequest request;
    request.method = "POST";
    request.target = "/v2/x?y=1";
    request.fields = {{"Authorization", "Bearer t"}};
    request.body = "{}";
    const auto result =
        ask("HTTP/1.1 201 Created\r\nContent-Length: 5\r\nRateLimit-Reset: 7\r\n\r\nhello", false,
            request);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->status, 201u);
    EXPECT_EQ(result->body, "hello");
    EXPECT_EQ(result->field("ratelimit-reset"), "7");
    EXPECT_EQ(result->field("retry-after"), std::nullopt);
    EXPECT_THAT(head_, testing::StartsWith("POST /base/v2/x?y=1 HTTP/1.1\r\n"));
    EXPECT_THAT(
        head_,
        HasSubstr("Host: 127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "\r\n"));
    EXPECT_THAT(head_, HasSubstr("Authorization: Bearer t\r\n"));
    EXPECT_THAT(head_, HasSubstr("Content-Type: application/json\r\n"));
    EXPECT_THAT(head_, HasSubstr("Content-Length: 2\r\n"));
    EXPECT_THAT(head_, HasSubstr("Connection: close\r\n"));
}

TEST_F(HttpClientTest, ReadsChunksAndUntilTheEnd) {
    EXPECT_EQ(
        ask("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n"
            "\r\n")
            ->body,
        "hello");
    EXPECT_EQ(ask("HTTP/1.1 200 OK\r\n\r\nhello")->body, "hello");
}

TEST_F(HttpClientTest, TakesNoAnswerThatIsTooLong) {
    const auto body = ask("HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n");
    ASSERT_FALSE(body);
    EXPECT_THAT(body.error().message, HasSubstr("the answer is too long"));
    EXPECT_TRUE(body.error().sent);
    const auto head = ask("HTTP/1.1 200 OK\r\nX: " + std::string(40'000, 'x') + "\r\n\r\n");
    ASSERT_FALSE(head);
    EXPECT_THAT(head.error().message, HasSubstr("the answer is too long"));
}

TEST_F(HttpClientTest, SaysWhatWentWrong) {
    const auto cut = ask("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    ASSERT_FALSE(cut);
    EXPECT_THAT(cut.error().message, HasSubstr("closed while waiting for the answer"));
    const auto other = ask("SSH-2.0-OpenSSH\r\n\r\n");
    ASSERT_FALSE(other);
    EXPECT_THAT(other.error().message, HasSubstr("not HTTP"));
    EXPECT_TRUE(other.error().sent);
}

TEST_F(HttpClientTest, GivesUpAtTheDeadline) {
    const auto late = ask("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", false, {}, 100ms);
    ASSERT_FALSE(late);
    EXPECT_THAT(late.error().message, HasSubstr("no answer within 100 ms"));
    EXPECT_TRUE(late.error().sent);
}

TEST_F(HttpClientTest, ARefusedConnectionWasNotSent) {
    const auto gone = url();
    acceptor_.close();
    HttpClient client(context_, gone);
    std::optional<HttpResult> result;
    asio::co_spawn(context_, client.send({}, 10s),
                   [&](const std::exception_ptr&, HttpResult answer) { result = answer; });
    context_.run();
    ASSERT_TRUE(result && !*result);
    EXPECT_FALSE(result->error().sent);
    EXPECT_THAT(result->error().message, HasSubstr("refused (connecting)"));
}

TEST_F(HttpClientTest, AbortEndsWhatIsUnderWay) {
    HttpClient client(context_, url());
    std::optional<HttpResult> result;
    asio::co_spawn(context_, client.send({}, 1h),
                   [&](const std::exception_ptr&, HttpResult answer) { result = answer; });
    asio::co_spawn(context_, serve(this, "", false),
                   [&client](const std::exception_ptr&) { client.abort(); });
    context_.run();
    ASSERT_TRUE(result && !*result);
    EXPECT_THAT(result->error().message, HasSubstr("given up"));

    // Whoever ends does not want to begin anew: what was about to be asked is not asked any more.
    result.reset();
    context_.restart();
    asio::co_spawn(context_, client.send({}, 1h),
                   [&](const std::exception_ptr&, HttpResult answer) { result = answer; });
    context_.run();
    ASSERT_TRUE(result && !*result);
    EXPECT_FALSE(result->error().sent);
    EXPECT_THAT(result->error().message, HasSubstr("given up"));
}

TEST_F(HttpClientTest, TlsNeedsCasThatCanBeRead) {
    HttpClient client(context_, {true, "127.0.0.1", 1, ""});
    const auto trusted = client.trust("/nonexistent/ca.pem");
    ASSERT_FALSE(trusted);
    EXPECT_THAT(trusted.error().message, HasSubstr("/nonexistent/ca.pem"));
    std::optional<HttpResult> result;
    asio::co_spawn(context_, client.send({}, 10s),
                   [&](const std::exception_ptr&, HttpResult answer) { result = answer; });
    context_.run();
    ASSERT_TRUE(result && !*result);
    EXPECT_THAT(result->error().message, HasSubstr("/nonexistent/ca.pem"));
    EXPECT_FALSE(result->error().sent);
}

}  // namespace
}  // namespace switchyard::cloud
