// Connections of HTTP/2 to the targets: how they are shared, left, and given up (RFC 9113 §5.1.2,
// §6.8, §8.7).
#include "conformance/h2_origin.hpp"

#include <condition_variable>
#include <future>
#include <set>

#include <gmock/gmock.h>

namespace switchyard::test {
namespace {

using testing::HasSubstr;

TEST_F(H2Origin, RequestsShareAConnectionUpToTheOriginsLimit) {
    std::mutex mutex;
    std::condition_variable changed;
    int waiting = 0;
    const RawH2Origin target(
        [&](H2OriginConnection& to, const Request& request) {
            if (request.path() != "/wait") {
                to.answer_with(request.stream, std::to_string(to.number()));
                return true;
            }
            // Each connection takes two at once: both are seen before the first is answered.
            std::unique_lock lock(mutex);
            ++waiting;
            changed.notify_all();
            if (request.stream % 4 == 3) {  // The second of a pair.
                changed.wait(lock, [&] { return waiting >= 4; });
                for (const std::uint32_t stream : {request.stream - 2, request.stream})
                    to.answer_with(stream, std::to_string(to.number()));
            }
            return true;
        },
        setting(3, 2));
    auto yaml = config_for(target.address());
    yaml += "workers: 1\n";
    start(yaml);
    auto client = come_in();
    std::vector<std::uint32_t> ids;
    for (int i = 0; i < 4; ++i)
        ids.push_back(client.open(h2_request("GET", "/wait")));
    std::multiset<std::string> connections;
    for (const auto id : ids)
        connections.insert(client.wait(id).response.body);
    EXPECT_EQ(connections, (std::multiset<std::string>{"1", "1", "2", "2"}));
    EXPECT_EQ(client.exchange("GET", "/").status, 200);
    EXPECT_EQ(target.connections(), 2);
}

TEST_F(H2Origin, C10_ARefusedStreamIsTriedAgainWhateverItsMethod) {
    const RawH2Origin target([](H2OriginConnection& to, const Request& request) {
        const auto body = to.rest_of(request);
        if (request.stream == 1) {
            to.send(rst_stream(request.stream, H2Code::refused_stream));
        } else {
            to.answer_with(request.stream, body);
        }
        return true;
    });
    start_with(target);
    auto client = connect();
    const auto response = exchange(client, "POST", "/", {}, "once and only once");
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "once and only once");
    EXPECT_EQ(target.requests(), 2);
}

TEST_F(H2Origin, C10_AStreamAboveTheLastOneOfAGoawayGoesToAnotherConnection) {
    const RawH2Origin target([](H2OriginConnection& to, const Request& request) {
        const auto body = to.rest_of(request);
        if (to.number() == 1 && request.stream > 1) {
            to.goaway(1);
            return true;
        }
        to.answer_with(request.stream, body + " " + std::to_string(to.number()));
        return true;
    });
    auto yaml = config_for(target.address());
    start(yaml + "workers: 1\n");
    auto client = connect();
    EXPECT_EQ(exchange(client, "POST", "/", {}, "a").body, "a 1");
    EXPECT_EQ(exchange(client, "POST", "/", {}, "b").body, "b 2");
    EXPECT_EQ(exchange(client, "POST", "/", {}, "c").body, "c 2");
}

TEST_F(H2Origin, C10_AResetOfAnotherKindIsTriedAgainOnlyForIdempotentRequests) {
    const RawH2Origin target([](H2OriginConnection& to, const Request& request) {
        to.send(rst_stream(request.stream, H2Code::internal_error));
        return true;
    });
    start_with(target, "    retries: 2\n");
    auto client = connect();
    EXPECT_EQ(exchange(client, "POST", "/", {}, "x").status, 502);
    EXPECT_EQ(target.requests(), 1);
    EXPECT_EQ(exchange(client, "GET", "/").status, 502);
    // A reused connection is no reason for a failure, so that try is not counted.
    EXPECT_EQ(target.requests(), 5);
}

TEST_F(H2Origin, C10_AConnectionThatTheOriginClosedIsNeverA502) {
    const RawH2Origin target([](H2OriginConnection& to, const Request& request) {
        to.answer_with(request.stream, "ok");
        return false;  // And closes, without a word.
    });
    start_with(target);
    auto client = connect();
    for (int i = 0; i < 100; ++i)
        ASSERT_EQ(exchange(client, "GET", "/").status, 200) << i;
}

TEST_F(H2Origin, C07_AfterASwitchTheOldConnectionsEnd) {
    std::promise<bool> said_goodbye;
    const RawH2Origin target([&](H2OriginConnection& to, const Request& request) {
        to.answer_with(request.stream, "ok");
        bool goaway = false;
        while (const auto got = to.next_frame()) {
            to.handle(*got);
            goaway = goaway || got->type == FrameType::goaway;
        }
        said_goodbye.set_value(goaway);
        return false;
    });
    start_with(target);
    auto client = connect();
    EXPECT_EQ(exchange(client, "GET", "/").body, "ok");
    switch_to(Colour::green);
    auto future = said_goodbye.get_future();
    ASSERT_EQ(future.wait_for(kPatience), std::future_status::ready);
    EXPECT_TRUE(future.get());
    EXPECT_EQ(colour_of(exchange(client, "GET", "/")), "green");
}

TEST_F(H2Origin, C12_ACutTellsTheClientAndTheOrigin) {
    std::promise<H2Code> reset;
    const RawH2Origin target([&](H2OriginConnection& to, const Request& request) {
        while (const auto got = to.next_frame()) {
            to.handle(*got);
            if (got->type != FrameType::rst_stream || got->stream != request.stream) continue;
            reset.set_value(static_cast<H2Code>(got->payload.back()));
            return true;
        }
        return false;
    });
    start_with(target, "    drain: {timeout: 200ms}\n");
    auto client = connect();
    client.send(request_text("GET", "/"));
    ASSERT_TRUE(eventually([&] { return target.requests() == 1; }));
    switch_to(Colour::green);
    const auto response = read_response(client);
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(response.field("X-Switchyard-Error"), "drained");
    EXPECT_EQ(reset.get_future().get(), H2Code::cancel);
}

TEST_F(H2Origin, AClientThatLeavesIsToldToTheOrigin) {
    std::promise<H2Code> reset;
    const RawH2Origin target([&](H2OriginConnection& to, const Request& request) {
        while (const auto got = to.next_frame()) {
            to.handle(*got);
            if (got->type != FrameType::rst_stream || got->stream != request.stream) continue;
            reset.set_value(static_cast<H2Code>(got->payload.back()));
            return true;
        }
        return false;
    });
    start_with(target);
    auto client = come_in();
    const auto id = client.open(h2_request("GET", "/"));
    ASSERT_TRUE(eventually([&] { return target.requests() == 1; }));
    client.send(rst_stream(id, H2Code::cancel));
    auto future = reset.get_future();
    ASSERT_EQ(future.wait_for(kPatience), std::future_status::ready);
    EXPECT_EQ(future.get(), H2Code::cancel);
}

TEST_F(H2Origin, AConnectionThatSwallowsRequestsIsFoundOut) {
    const RawH2Origin target([](H2OriginConnection& to, const Request& request) {
        if (to.number() > 1) {
            to.answer_with(request.stream, "alive");
            return true;
        }
        to.acknowledges = false;
        while (to.next_frame()) {
        }
        return false;
    });
    start(config_for(target.address(),
                     "    retries: 0\n    timeouts: {response_head: 200ms}\n"
                     "    http2: {ping_timeout: 200ms}\n") +
          "workers: 1\n");
    auto client = connect();
    const auto late = exchange(client, "GET", "/");
    EXPECT_EQ(late.status, 504);
    EXPECT_EQ(late.field("X-Switchyard-Error"), "response_timeout");
    // It is asked for a sign of life, and nothing new is sent to it meanwhile.
    EXPECT_TRUE(eventually([&] { return exchange(client, "GET", "/").body == "alive"; }));
    EXPECT_EQ(target.connections(), 2);
}

TEST_F(H2Origin, ThatSpeaksHttp1IsFoundOut) {
    auto yaml = config_for(origin(Colour::blue).address());
    Daemon front(yaml);
    front.start();
    ASSERT_TRUE(front.wait_healthy("app", Colour::green));
    const auto response = test::get(front.address(), "/");
    EXPECT_EQ(response.status, 502);
    EXPECT_EQ(response.field("X-Switchyard-Error"), "upstream_not_http2");
    ASSERT_TRUE(front.wait_healthy("app", Colour::blue, false));
    EXPECT_THAT(front.cli({"status"}).out, HasSubstr("no HTTP/2"));
    // The right protocol, by a reload.
    yaml.erase(yaml.find("        protocol: h2c\n"), 22);
    front.write_config(yaml);
    ASSERT_EQ(front.cli({"reload"}).exit.code, 0);
    ASSERT_TRUE(front.wait_healthy("app", Colour::blue));
    EXPECT_EQ(test::get(front.address(), "/").status, 200);
}

TEST_F(H2Origin, ThatNeverSaysAWordIsATimeOut) {
    const RawOrigin silent([](int fd) {
        char octet = 0;
        while (::recv(fd, &octet, 1, 0) > 0) {
        }
    });
    Daemon front(config_for(silent.address(), "    retries: 0\n    timeouts: {connect: 200ms}\n"));
    front.start();
    const auto response = test::get(front.address(), "/");
    EXPECT_EQ(response.status, 504);
    EXPECT_EQ(response.field("X-Switchyard-Error"), "connect_timeout");
}

}  // namespace
}  // namespace switchyard::test
