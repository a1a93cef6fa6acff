// The warm-up against real sockets on one loop.
#include "control/warm_up.hpp"

#include <algorithm>
#include <cstring>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::control::testing {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;
using std::chrono::microseconds;
using ::testing::HasSubstr;

/// Answers every request with the same bytes, with a pause at each '|'; with none: takes
/// connections and says nothing.
class Origin {
  public:
    Origin(asio::io_context& context, std::string answer)
        : acceptor_(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
          answer_(std::move(answer)) {
        asio::co_spawn(context, accept(), asio::detached);
    }
    ~Origin() { acceptor_.close(); }

    [[nodiscard]] std::shared_ptr<route::Target> target() const {
        const auto endpoint = acceptor_.local_endpoint();
        config::Target config;
        config.address = "127.0.0.1:" + std::to_string(endpoint.port());
        auto made = std::make_shared<route::Target>(1, "app", Colour::green, config, 1);
        route::SocketAddress address;
        std::memcpy(address.bytes, endpoint.data(), endpoint.size());
        address.size = static_cast<std::uint32_t>(endpoint.size());
        made->set_addresses({address});
        return made;
    }

    std::vector<std::string> heads;
    int connections = 0;

  private:
    asio::awaitable<void> accept() {
        boost::system::error_code failed;
        while (true) {
            tcp::socket socket =
                co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, failed));
            if (failed) co_return;
            ++connections;
            asio::co_spawn(acceptor_.get_executor(), serve(std::move(socket)), asio::detached);
        }
    }
    asio::awaitable<void> serve(tcp::socket socket) {
        boost::system::error_code failed;
        asio::streambuf buffer;
        while (true) {
            const std::size_t size = co_await asio::async_read_until(
                socket, buffer, "\r\n\r\n", asio::redirect_error(asio::use_awaitable, failed));
            if (failed) co_return;
            const char* data = static_cast<const char*>(buffer.data().data());
            heads.emplace_back(data, size);
            buffer.consume(size);
            for (std::size_t begin = 0; begin < answer_.size() && !failed;) {
                const std::size_t end = std::min(answer_.find('|', begin), answer_.size());
                const auto piece = asio::buffer(answer_.data() + begin, end - begin);
                co_await asio::async_write(socket, piece,
                                           asio::redirect_error(asio::use_awaitable, failed));
                asio::steady_timer pause(acceptor_.get_executor(), 2ms);
                co_await pause.async_wait(asio::use_awaitable);
                begin = end + 1;
            }
            if (failed || answer_.find("Connection: close") != std::string::npos) co_return;
        }
    }

    tcp::acceptor acceptor_;
    std::string answer_;
};

class WarmUpTest : public ::testing::Test {
  protected:
    config::WarmUp options(std::chrono::milliseconds limit = 10s) {
        config::WarmUp made;
        made.paths = {"/", "/login?a=b"};
        made.limit = limit;
        return made;
    }
    void run(WarmUp& warm) {
        bool done = false;
        asio::co_spawn(context, warm.run(), [&](const std::exception_ptr& failure) {
            EXPECT_FALSE(failure);
            done = true;
        });
        const auto deadline = Steady::now() + 20s;
        while (!done && Steady::now() < deadline)
            context.run_one_for(10ms);
        ASSERT_TRUE(done);
    }

    asio::io_context context;
};

TEST_F(WarmUpTest, AsksForEveryPathUntilItHasSettled) {
    Origin origin(context, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    WarmUp warm(context.get_executor(), {origin.target()}, "shop.example", options());
    run(warm);
    const WarmUpReport& report = warm.reports().at(0);
    EXPECT_TRUE(warm.answered());
    EXPECT_GE(report.rounds, 3U);
    EXPECT_EQ(report.requests, report.answered);
    EXPECT_EQ(report.requests, 2U * report.rounds);
    EXPECT_EQ(origin.connections, 1);
    EXPECT_THAT(origin.heads.at(1), HasSubstr("GET /login?a=b HTTP/1.1"));
    EXPECT_THAT(origin.heads.at(1), HasSubstr("Host: shop.example"));
}

TEST_F(WarmUpTest, AnAnswerOfAnyStatusIsOne) {
    Origin origin(context,
                  "HTTP/1.1 500 Sorry\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "3\r\nabc\r\n0\r\n\r\n");
    WarmUp warm(context.get_executor(), {origin.target()}, "", options());
    run(warm);
    EXPECT_TRUE(warm.answered());
    EXPECT_EQ(warm.reports().at(0).errors, warm.reports().at(0).answered);
    EXPECT_GT(origin.connections, 3);
    EXPECT_THAT(origin.heads.at(0), HasSubstr("Host: 127.0.0.1:"));
}

TEST_F(WarmUpTest, AnAnswerMayComeInPiecesOfAnySort) {
    const std::string big(40'000, 'x');
    const std::vector<std::string> answers = {
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n|ab|cd",
        "HTTP/1.1 200 OK\r\nContent-Len|gth: 4\r\n\r|\nab|cd",
        "HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n" + big,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
        "chunked\r\n\r\n|4|\r\na|bcd\r\n3\r\n|efg\r\n|0\r\n|\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9C40\r\n" + big + "\r\n|0\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n|HTTP/1.1 200 OK\r\n"
        "Content-Length: 2\r\n\r\nok",
        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"};
    for (const std::string& answer : answers) {
        SCOPED_TRACE(answer.substr(0, 100));
        Origin origin(context, answer);
        WarmUp warm(context.get_executor(), {origin.target()}, "shop.example", options());
        run(warm);
        const WarmUpReport& report = warm.reports().at(0);
        EXPECT_GE(report.rounds, 3U);
        EXPECT_EQ(report.requests, report.answered);
        EXPECT_EQ(report.failure, "");
        EXPECT_EQ(origin.connections, 1);
        EXPECT_EQ(origin.heads.size(), report.requests);
    }
}

TEST_F(WarmUpTest, AnAnswerMayEndWithItsConnection) {
    for (const std::string body : {"", "|", "ab", "|ab|cd"}) {
        SCOPED_TRACE(body);
        Origin origin(context, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body);
        WarmUp warm(context.get_executor(), {origin.target()}, "", options());
        run(warm);
        const WarmUpReport& report = warm.reports().at(0);
        EXPECT_GE(report.rounds, 3U);
        EXPECT_EQ(report.requests, report.answered);
        EXPECT_EQ(origin.connections, static_cast<int>(report.requests));
    }
}

TEST_F(WarmUpTest, WhatFollowsALastAnswerIsNotTheNextConnections) {
    Origin origin(context,
                  "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok and more");
    WarmUp warm(context.get_executor(), {origin.target()}, "", options());
    run(warm);
    EXPECT_EQ(warm.reports().at(0).requests, warm.reports().at(0).answered);
}

TEST_F(WarmUpTest, AnAnswerThatIsCutIsNone) {
    for (const std::string answer :
         {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\n",
          "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\n|abc",
          "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n|ab",
          "HTTP/1.1 200 OK\r\nConnection: close\r\nX-Half"}) {
        SCOPED_TRACE(answer);
        Origin origin(context, answer);
        WarmUp warm(context.get_executor(), {origin.target()}, "", options());
        bool done = false;
        asio::co_spawn(context, warm.run(), [&](const std::exception_ptr&) { done = true; });
        // The first one decides: what is under way at an end is ended by that.
        while (warm.reports().empty() || warm.reports().at(0).failure.empty())
            ASSERT_NE(context.run_one_for(20s), 0U);
        EXPECT_EQ(warm.reports().at(0).failure, "partial message");
        EXPECT_FALSE(warm.answered());
        warm.cancel();
        while (!done)
            ASSERT_NE(context.run_one_for(20s), 0U);
    }
}

TEST_F(WarmUpTest, NothingAnswersIsSaidWithTheReason) {
    std::shared_ptr<route::Target> target;
    {
        Origin gone(context, "");
        target = gone.target();
        context.poll();  // It is accepting, so that closing it ends it.
    }
    WarmUp warm(context.get_executor(), {target}, "", options(200ms));
    run(warm);
    EXPECT_FALSE(warm.answered());
    EXPECT_THAT(warm.summary(), HasSubstr("refused"));
}

TEST_F(WarmUpTest, OneTargetThatAnswersIsEnoughAndBothAreReported) {
    Origin good(context, "HTTP/1.1 204 No Content\r\n\r\n");
    Origin silent(context, "not http\r\n\r\n");
    WarmUp warm(context.get_executor(), {good.target(), silent.target()}, "", options(300ms));
    run(warm);
    EXPECT_TRUE(warm.answered());
    EXPECT_EQ(warm.reports().at(1).answered, 0U);
    EXPECT_NE(warm.reports().at(1).failure, "");
    EXPECT_EQ(warm.to_json().size(), 2U);
}

TEST_F(WarmUpTest, CancelEndsItSoon) {
    Origin silent(context, "");  // Takes the request, and never answers.
    WarmUp warm(context.get_executor(), {silent.target()}, "", options(1h));
    bool done = false;
    asio::co_spawn(context, warm.run(), [&](const std::exception_ptr&) { done = true; });
    while (silent.heads.empty())
        context.run_one_for(10ms);
    warm.cancel();
    const auto deadline = Steady::now() + 10s;
    while (!done && Steady::now() < deadline)
        context.run_one_for(10ms);
    EXPECT_TRUE(done);
}

TEST(Settling, IsSettledWhenItGetsNoBetterTwice) {
    Settling settling;
    EXPECT_FALSE(settling.add(microseconds(900'000)));
    EXPECT_FALSE(settling.add(microseconds(300'000)));
    EXPECT_FALSE(settling.add(microseconds(100'000)));
    EXPECT_FALSE(settling.add(microseconds(95'000)));
    EXPECT_TRUE(settling.add(microseconds(110'000)));
}

TEST(Settling, NeedsThreeRoundsAndDoesNotMindFractionsOfAMillisecond) {
    Settling settling;
    EXPECT_FALSE(settling.add(microseconds(900)));
    EXPECT_FALSE(settling.add(microseconds(500)));
    EXPECT_TRUE(settling.add(microseconds(200)));
}

}  // namespace
}  // namespace switchyard::control::testing
