#include "upstream/health_probe.hpp"

#include "health_origin.hpp"
#include "upstream/resolver.hpp"

#include <filesystem>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::upstream {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using test::ip_target;
using test::Origin;
using test::response;

using testing::StartsWith;

std::shared_ptr<route::Target> target_of(const config::Target& config) {
    auto target = std::make_shared<route::Target>(1, "app", Colour::blue, config, 1);
    EXPECT_TRUE(fill_static_address(*target));
    return target;
}

class HealthProbe : public testing::Test {
  protected:
    HealthProbe() {
        check_.kind = config::HealthCheck::Kind::http;
        check_.path = "/up?full=1";
        check_.timeout = 10s;
    }

    ProbeResult run(std::shared_ptr<route::Target> target) {
        std::optional<ProbeResult> result;
        asio::co_spawn(context_, probe(context_, std::move(target), check_, "app.example"),
                       [&result](const std::exception_ptr& error, ProbeResult found) {
                           EXPECT_FALSE(error);
                           result = std::move(found);
                       });
        EXPECT_TRUE(test::run_until(context_, [&] { return result.has_value(); }));
        return result.value_or(ProbeResult{});
    }
    ProbeResult run() { return run(target_of(ip_target(origin_.port()))); }

    asio::io_context context_;
    Origin origin_{context_};
    config::HealthCheck check_;
};

TEST_F(HealthProbe, AsksForThePath) {
    const ProbeResult result = run();
    EXPECT_TRUE(result.ok);
    EXPECT_EQ(result.status, 200U);
    EXPECT_EQ(result.error, "");
    EXPECT_GT(result.duration, 0us);
    ASSERT_EQ(origin_.requests.size(), 1U);
    EXPECT_EQ(origin_.requests[0],
              "GET /up?full=1 HTTP/1.1\r\nHost: app.example\r\nUser-Agent: switchyard-health\r\n"
              "Accept: */*\r\nConnection: close\r\n\r\n");
}

TEST_F(HealthProbe, ReportsStatusAndFirstLineOfAFailure) {
    origin_.answer = response(503, "\r\ndatabase is migrating\nand more\n");
    const ProbeResult result = run();
    EXPECT_FALSE(result.ok);
    EXPECT_EQ(result.status, 503U);
    EXPECT_EQ(result.error, "");
    EXPECT_EQ(result.body_line, "database is migrating");
}

TEST_F(HealthProbe, TheExpectedRangeIsInclusive) {
    check_.expect_min = 200;
    check_.expect_max = 404;
    origin_.answers = {response(404), response(405), response(200)};
    EXPECT_TRUE(run().ok);
    EXPECT_FALSE(run().ok);
    EXPECT_TRUE(run().ok);
}

TEST_F(HealthProbe, TheBodyLineIsShortAndPrintable) {
    origin_.answer = response(500, "\x1b[2J\xff" + std::string(5000, 'x'));
    EXPECT_EQ(run().body_line, "?[2J?" + std::string(195, 'x'));
}

TEST_F(HealthProbe, ReadsNoMoreOfTheBodyThanItNeeds) {
    // Promises more than ever comes; the connection stays open.
    origin_.answer = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + std::string(6000, 'x');
    origin_.close_after_answer = false;
    EXPECT_TRUE(run().ok);
}

TEST_F(HealthProbe, UnderstandsEveryFraming) {
    origin_.answers = {"HTTP/1.0 503 Down\r\n\r\nuntil the end",
                       "HTTP/1.1 503 Down\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "4\r\nin c\r\n6\r\nhunks\n\r\n0\r\n\r\n",
                       "HTTP/1.1 204 No Content\r\n\r\n"};
    EXPECT_EQ(run().body_line, "until the end");
    EXPECT_EQ(run().body_line, "in chunks");
    EXPECT_TRUE(run().ok);
}

TEST_F(HealthProbe, PassesOverInterimResponses) {
    origin_.answer = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + response(200);
    const ProbeResult result = run();
    EXPECT_TRUE(result.ok);
    EXPECT_EQ(result.status, 200U);
}

TEST_F(HealthProbe, SaysConnectionRefused) {
    const ProbeResult result = run(target_of(ip_target(test::closed_port(context_))));
    EXPECT_FALSE(result.ok);
    EXPECT_EQ(result.status, 0U);
    EXPECT_EQ(result.error, "connection refused");
}

TEST_F(HealthProbe, SaysWhatItWaitedForWhenTheTimeIsUp) {
    check_.timeout = 30ms;
    origin_.close_after_answer = false;
    origin_.answers = {"", "HTTP/1.1 200 OK\r\nContent-Le",
                       "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"};
    EXPECT_EQ(run().error, "timed out after 30 ms while waiting for the response head");
    EXPECT_EQ(run().error, "timed out after 30 ms while waiting for the response head");
    const ProbeResult result = run();
    EXPECT_EQ(result.error, "timed out after 30 ms while reading the response body");
    EXPECT_FALSE(result.ok);
    EXPECT_EQ(result.status, 200U);
}

TEST_F(HealthProbe, SaysWhenTheConnectionWasClosed) {
    origin_.answers = {"HTTP/1.1 200 OK\r\nContent-Le",
                       "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"};
    EXPECT_EQ(run().error, "connection closed while waiting for the response head");
    EXPECT_EQ(run().error, "connection closed while reading the response body");
}

TEST_F(HealthProbe, SaysWhenTheAnswerIsNotHttp) {
    for (const char* answer : {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 9999 What\r\n\r\n"}) {
        origin_.answer = answer;
        const ProbeResult result = run();
        EXPECT_FALSE(result.ok);
        EXPECT_THAT(result.error, StartsWith("not a valid HTTP response: ")) << answer;
    }
}

TEST_F(HealthProbe, BoundsTheHead) {
    origin_.answer = "HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n";
    EXPECT_FALSE(run().ok);
}

TEST_F(HealthProbe, GivesUpAfterManyInterimResponses) {
    std::string answer;
    for (int i = 0; i < 50; ++i)
        answer += "HTTP/1.1 103 Early Hints\r\n\r\n";
    origin_.answer = answer + response(200);
    EXPECT_FALSE(run().ok);
}

TEST_F(HealthProbe, ATcpCheckOnlyConnects) {
    check_.kind = config::HealthCheck::Kind::tcp;
    const ProbeResult result = run();
    EXPECT_TRUE(result.ok);
    EXPECT_EQ(result.status, 0U);
    EXPECT_TRUE(test::run_until(context_, [&] { return origin_.accepted == 1; }));
    EXPECT_TRUE(origin_.requests.empty());
    EXPECT_EQ(run(target_of(ip_target(test::closed_port(context_)))).error, "connection refused");
}

TEST_F(HealthProbe, TriesTheNextAddress) {
    const auto target = target_of(ip_target(test::closed_port(context_)));
    auto addresses = target->addresses();
    addresses.push_back(target_of(ip_target(origin_.port()))->addresses()[0]);
    target->set_addresses(std::move(addresses));
    EXPECT_TRUE(run(target).ok);
}

TEST_F(HealthProbe, ChecksAUnixSocket) {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "switchyard-probe-XXXXXX").string();
    const std::filesystem::path folder = ::mkdtemp(pattern.data());
    config::Target target;
    target.kind = config::Target::Kind::unix_socket;
    target.host = (folder / "app.sock").string();
    target.address = "unix:" + target.host;
    const auto reached = target_of(target);
    EXPECT_EQ(to_string(reached->addresses()[0]), target.host);
    EXPECT_EQ(run(reached).error, "no such file or directory");
    {
        test::BasicOrigin<asio::local::stream_protocol> origin(context_, {target.host});
        EXPECT_TRUE(run(reached).ok);
    }
    std::filesystem::remove_all(folder);
}

TEST(ProbeHost, IsTheFirstExactHost) {
    config::Service service;
    service.hosts = {"*.example.com", "www.example.com", "example.com"};
    const config::Target target = ip_target(8000);
    EXPECT_EQ(probe_host(service, target), "www.example.com");
    service.health_check.host = "health.internal";
    EXPECT_EQ(probe_host(service, target), "health.internal");
    service.health_check.host.clear();
    service.hosts = {"*"};
    EXPECT_EQ(probe_host(service, target), "127.0.0.1:8000");
    config::Target socket;
    socket.kind = config::Target::Kind::unix_socket;
    EXPECT_EQ(probe_host(service, socket), "localhost");
}

}  // namespace
}  // namespace switchyard::upstream
