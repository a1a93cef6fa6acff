// What a stream makes of calls that are for tunnels.
#include "h2/server_session.hpp"
#include "unit/h2/session_host.hpp"
#include "unit/net/support.hpp"

#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace switchyard::h2 {
namespace {

using http::Fault;

/// A POST of "/" on stream 1, whose body never comes.
const std::string kPost("\0\0\x0e\x01\x04\0\0\0\x01\x83\x86\x84\x41\x09localhost", 23);

/// Runs a session for one client that sends kPost. Gives back the code of the RST_STREAM that it
/// got.
int reset_code(http::Handler& handler, net::EventLoop& loop) {
    net::test::Pair pair = net::test::Pair::tcp();
    net::Stream stream(loop);
    if (!stream.open(pair.take_ours())) return -1;
    session::ClientFacts facts{net::Address()};
    test::Host host(handler);
    StreamStore store;
    ServerSession session(stream, host, store, facts);
    int code = -1;
    std::thread thread([&] {
        pair.send(std::string(test::kPreface) + kPost);
        for (;;) {
            const std::string head = pair.receive(9);
            if (head.size() < 9) break;
            const auto size = static_cast<std::size_t>(static_cast<unsigned char>(head[1]) * 256 +
                                                       static_cast<unsigned char>(head[2]));
            const std::string payload = pair.receive(size);
            if (head[3] != 3 || payload.size() != 4) continue;
            code = payload[3];
            break;
        }
        pair.shut();
    });
    net::test::run(loop, session.run());
    thread.join();
    return code;
}

class Accepting final : public http::Handler {
  public:
    Task<void> handle(http::Exchange& exchange) override {
        EXPECT_TRUE(exchange.request().upgrade.empty());
        http::OutgoingResponse head;
        head.status = 101;
        fault = co_await exchange.accept_upgrade(head, "websocket");
    }
    Task<void> refuse(http::Exchange& /*exchange*/, unsigned /*status*/,
                      std::string_view /*code*/) override {
        co_return;
    }
    Fault fault = Fault::none;
};

TEST(Upgrade, OfAStreamThatDidNotAskEndsIt) {
    net::EventLoop loop;
    Accepting handler;
    EXPECT_EQ(reset_code(handler, loop), 2);  // INTERNAL_ERROR
    EXPECT_EQ(handler.fault, Fault::reset);
}

Task<void> interrupt_soon(net::EventLoop& loop, http::Body& body) {
    co_await loop.yield();
    body.interrupt();
}

class Interrupting final : public http::Handler {
  public:
    explicit Interrupting(net::EventLoop& loop) : loop_(loop) {}
    Task<void> handle(http::Exchange& exchange) override {
        http::Body& body = exchange.request_body();
        body.interrupt();  // Nobody waits: nothing to end.
        Fork fork;
        fork.start(interrupt_soon(loop_, body));
        piece = co_await body.next();
        co_await fork.join();
        waits = !body.try_next(piece);
        exchange.abort();
    }
    Task<void> refuse(http::Exchange& /*exchange*/, unsigned /*status*/,
                      std::string_view /*code*/) override {
        co_return;
    }
    http::Chunk piece{"untouched", true, Fault::closed};
    bool waits = false;

  private:
    net::EventLoop& loop_;
};

TEST(Interrupt, EndsAWaitForTheBodyWithAnEmptyPiece) {
    net::EventLoop loop;
    Interrupting handler(loop);
    EXPECT_EQ(reset_code(handler, loop), 2);
    EXPECT_TRUE(handler.piece.data.empty());
    EXPECT_FALSE(handler.piece.last);
    EXPECT_EQ(handler.piece.fault, Fault::none);
    EXPECT_TRUE(handler.waits) << "nothing came, and nothing has ended";
}

}  // namespace
}  // namespace switchyard::h2
