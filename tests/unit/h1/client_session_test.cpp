// The upstream side of a connection, over real sockets.
#include "h1/client_session.hpp"

#include "unit/net/support.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::h1 {
namespace {

using namespace std::chrono_literals;
using http::Fault;
using net::EventLoop;
using net::Stream;
using net::test::Pair;
using net::test::run;

http::OutgoingRequest get() {
    http::OutgoingRequest request;
    request.method = "GET";
    request.target = "/";
    return request;
}

/// What one request of many does: waits for a byte from its client, then goes to its origin.
Task<void> pass_one(Stream& client, ClientSession& origin, std::vector<std::string>& log) {
    char octet = 0;
    const Stream::Transfer got = co_await client.read(&octet, 1, 5s);
    EXPECT_EQ(got.status, net::IoStatus::ok);
    log.emplace_back("read");
    const http::OutgoingRequest request = get();
    const http::Fields none;
    const Fault fault = co_await origin.send_head(request, {}, none, 5s);
    EXPECT_EQ(fault, Fault::none);
    log.emplace_back("sent");
}

TEST(ClientSession, HeadsAreSentWhenAllOfTheRoundWasRead) {
    EventLoop loop;
    std::vector<std::string> log;
    const auto body = [](EventLoop& on, std::vector<std::string>& into) -> Task<void> {
        std::vector<Pair> clients;
        std::vector<Pair> origins;
        std::vector<std::unique_ptr<Stream>> streams;
        std::vector<std::unique_ptr<ClientSession>> sessions;
        std::vector<std::unique_ptr<Fork>> forks;
        for (int i = 0; i < 3; ++i) {
            clients.push_back(Pair::tcp());
            origins.push_back(Pair::tcp());
            streams.push_back(std::make_unique<Stream>(on));
            EXPECT_TRUE(streams.back()->open(clients.back().take_ours()));
            sessions.push_back(std::make_unique<ClientSession>(on));
            EXPECT_TRUE(sessions.back()->stream().open(origins.back().take_ours()));
            forks.push_back(std::make_unique<Fork>());
            forks.back()->start(pass_one(*streams.back(), *sessions.back(), into));
        }
        // All are there before the loop looks: one round of events.
        for (const Pair& client : clients)
            client.send("?");
        for (const auto& fork : forks)
            co_await fork->join();
        for (const Pair& origin : origins)
            EXPECT_EQ(origin.receive(16), "GET / HTTP/1.1\r\n");
    };
    run(loop, body(loop, log));
    EXPECT_EQ(log, (std::vector<std::string>{"read", "read", "read", "sent", "sent", "sent"}));
}

TEST(ClientSession, NothingIsSentOnAConnectionThatTheOriginClosedInTheSameRound) {
    EventLoop loop;
    const auto body = [](EventLoop& on) -> Task<void> {
        Pair client = Pair::tcp();
        Pair origin = Pair::tcp();
        Stream stream(on);
        EXPECT_TRUE(stream.open(client.take_ours()));
        ClientSession session(on);
        EXPECT_TRUE(session.stream().open(origin.take_ours()));
        // Both come with one round, the request first.
        client.send("?");
        origin.shut();
        char octet = 0;
        const Stream::Transfer got = co_await stream.read(&octet, 1, 5s);
        EXPECT_EQ(got.status, net::IoStatus::ok);
        EXPECT_FALSE(session.stream().hung_up());
        const http::OutgoingRequest request = get();
        const http::Fields none;
        const Fault fault = co_await session.send_head(request, {}, none, 5s);
        EXPECT_EQ(fault, Fault::closed);
        EXPECT_EQ(session.bytes_sent(), 0U);
    };
    run(loop, body(loop));
}

Task<void> interrupt_soon(EventLoop& loop, ClientSession& session) {
    co_await loop.yield();
    session.body().interrupt();
}

TEST(ClientSession, A101MakesItATunnel) {
    EventLoop loop;
    const auto body = [](EventLoop& on) -> Task<void> {
        Pair origin = Pair::tcp();
        ClientSession session(on);
        EXPECT_TRUE(session.stream().open(origin.take_ours()));
        http::OutgoingRequest request = get();
        request.upgrade = "websocket";
        const http::Fields none;
        http::Chunk whole;
        whole.last = true;
        Fault fault = co_await session.send_head(request, whole, none, 5s);
        EXPECT_EQ(fault, Fault::none);
        const std::string asked =
            "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        EXPECT_EQ(origin.receive(asked.size()), asked);
        origin.send("HTTP/1.1 101 Yes\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\nat once");
        http::ResponseHead head;
        fault = co_await session.read_head(head, http::Verb::get, "websocket", 5s, 5s);
        EXPECT_EQ(fault, Fault::none);
        EXPECT_EQ(head.framing, http::Framing::tunnel);
        http::Chunk piece = co_await session.body().next();
        EXPECT_EQ(piece.data, "at once");

        // A wait can be ended, and nothing is lost by it.
        Fork fork;
        fork.start(interrupt_soon(on, session));
        piece = co_await session.body().next();
        EXPECT_TRUE(piece.data.empty());
        EXPECT_FALSE(piece.last);
        EXPECT_EQ(piece.fault, Fault::none);
        session.body().interrupt();  // Nobody waits: nothing to end.
        origin.send("later");
        piece = co_await session.body().next();
        EXPECT_EQ(piece.data, "later");

        // One side ends, the other goes on.
        http::Chunk end;
        end.data = "bye";
        end.last = true;
        fault = co_await session.send_body(end, none);
        EXPECT_EQ(fault, Fault::none);
        EXPECT_EQ(origin.receive(3), "bye");
        origin.send("still here");
        piece = co_await session.body().next();
        EXPECT_EQ(piece.data, "still here");
        origin.shut();
        piece = co_await session.body().next();
        EXPECT_TRUE(piece.last);
        EXPECT_EQ(session.body().received(), 22U);
        EXPECT_FALSE(session.make_idle(head)) << "it never speaks HTTP again";
    };
    run(loop, body(loop));
}

}  // namespace
}  // namespace switchyard::h1
