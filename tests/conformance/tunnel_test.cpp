// What passes through a tunnel octet by octet, and how it ends (RFC 6455, C11).
#include "conformance/upgrades.hpp"

namespace switchyard::test {
namespace {

using namespace std::string_literals;

INSTANTIATE_TEST_SUITE_P(Over, Upgrades, all_transports(), transport_name);

TEST_P(Upgrades, OctetsRightBehindBothHeadsAreNotLost) {
    start_with([](const std::string& head, Peer& peer) {
        peer.send(switching_for(head) + "first");
        peer.send(peer.read(9));
    });
    auto [client, head] = ask_for_tunnel("websocket", "early");
    EXPECT_EQ(head.status, over_http2() ? 200 : 101);
    // RFC 8441 §5: what there is besides the stream is of HTTP/1.1 alone.
    EXPECT_EQ(head.field("Upgrade").has_value(), !over_http2());
    EXPECT_EQ(head.field("Connection").has_value(), !over_http2());
    EXPECT_EQ(head.field("Sec-WebSocket-Accept").has_value(), !over_http2());
    EXPECT_TRUE(head.field("X-Request-Id"));
    EXPECT_FALSE(head.field("Content-Length"));
    EXPECT_EQ(client.read_exactly(5), "first");
    client.send("late");
    EXPECT_EQ(client.read_exactly(9), "earlylate");
}

TEST_P(Upgrades, AHalfIsClosedWithoutTheOther) {
    start_with(
        [](const std::string& head, Peer& peer) {
            peer.send(head.find("Upgrade: foo") == std::string::npos
                          ? switching_for(head)
                          : "HTTP/1.1 101 OK\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n");
            if (head.find("Upgrade: foo") != std::string::npos) {
                peer.send("done");
                peer.shutdown_write();
                peer.read_to_end();
                return;
            }
            const std::string all = peer.read_to_end();
            peer.send("got " + all);
            ::shutdown(peer.fd(), SHUT_RDWR);
        },
        "    upgrade: any\n");
    auto client = tunnel();
    client.send("all of it");
    client.shutdown_write();
    EXPECT_EQ(client.read_to_end(), "got all of it");

    auto other = tunnel("foo");
    EXPECT_EQ(other.read_to_end(), "done");
    EXPECT_TRUE(eventually([&] { return tunnels() == 1; })) << "our half is still open";
    other.send("more");
    EXPECT_EQ(tunnels(), 1);
    other.shutdown_write();
    EXPECT_TRUE(eventually([&] { return tunnels() == 0; }));
}

TEST_P(Upgrades, ASlowReaderCostsNoMemory) {
    start_with([&](const std::string& head, Peer& peer) {
        peer.send(switching_for(head));
        const std::string piece(64 * 1024, '\x82');
        while (peer.send(piece))
            sent_ += piece.size();
    });
    const std::size_t before = daemon().resident_bytes();
    auto client = tunnel();
    // Buffers of sockets fill up; then nothing moves any more.
    std::size_t last = 0;
    int still = 0;
    EXPECT_TRUE(eventually([&] {
        const std::size_t now = sent_;
        still = now != 0 && now == last ? still + 1 : 0;
        last = now;
        return still == 10;
    }));
    EXPECT_LT(daemon().resident_bytes(), before + kNoticeableBytes);
    EXPECT_LT(sent_.load(), 64u * 1024 * 1024);
    // And goes on when it is read.
    const std::size_t stuck = sent_;
    for (int i = 0; i < 64; ++i)
        client.read_exactly(1024 * 1024);
    EXPECT_GT(sent_.load(), stuck);
    client.reset();
    EXPECT_TRUE(eventually([&] { return tunnels() == 0; }));
}

TEST_P(Upgrades, C11_OtherProtocolsLastUntilTheDeadline) {
    start_with(
        [&](const std::string&, Peer& peer) {
            peer.send("HTTP/1.1 101 OK\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n");
            peer.send(peer.read(4));
            end_.set(peer.read_to_end());
        },
        "    upgrade: foo\n");
    auto client = tunnel("foo");
    auto stream = switching(R"("wait":true,"drain_timeout_ms":2000)");
    stream.next_event("committed");
    client.send("ping");
    EXPECT_EQ(client.read_exactly(4), "ping") << "nothing was put in";
    EXPECT_TRUE(client.ended());
    const auto drained = stream.next_event("drained");
    EXPECT_GE(drained.at("elapsed_ms").to_number<int>(), 2000);
    EXPECT_EQ(drained.at("tunnels").at("cut").to_number<int>(), 1);
    EXPECT_EQ(end_.wait(), "");
}

TEST_P(Upgrades, SilenceEndsOtherProtocolsToo) {
    start_with(
        [](const std::string&, Peer& peer) {
            peer.send("HTTP/1.1 101 OK\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n");
            peer.read_to_end();
        },
        "    upgrade: foo\n    timeouts: {tunnel_idle: 300ms}\n");
    auto client = tunnel("foo");
    EXPECT_TRUE(client.ended());
    EXPECT_TRUE(eventually([&] { return tunnels() == 0; }));
}

TEST_P(Upgrades, C11_ACloseIsPutInWhereAFrameMayStand) {
    start_with([&](const std::string& head, Peer& peer) {
        peer.send(switching_for(head) + "\x81\x0a"s + "half ");
        go_.wait();
        peer.send("whole\x81\x03too"s);
        const std::string got = peer.read(3 + 8);
        peer.send("\x88\x02\x03\xe9"s);
        end_.set(got + peer.read_to_end());
    });
    auto client = tunnel();
    EXPECT_EQ(client.read_exactly(7), "\x81\x0ahalf "s);
    auto stream = switching(R"("wait":true,"drain_timeout_ms":60000)");
    stream.next_event("committed");
    EXPECT_TRUE(client.quiet_for(300ms)) << "in the middle of a frame";
    go_.set();
    EXPECT_EQ(client.read_exactly(5), "whole");
    EXPECT_EQ(client.read_exactly(4), "\x88\x02\x03\xe9"s) << "and not the frame behind";
    // What the client still has to say reaches the origin, with its answer last.
    const std::string answer = "\x88\x82\1\2\3\4\x02\xeb"s;
    client.send("\x8a\x80\1\2\3\4"s);
    client.send(answer + "behind"s);
    EXPECT_EQ(stream.next_event("drained").at("tunnels").at("closed").to_number<int>(), 1);
    EXPECT_EQ(end_.wait(), "\x8a\x80\1\2\3\4"s + answer);
    EXPECT_EQ(client.read_to_end(), "") << "the connection ends in good order";
}

TEST_P(Upgrades, C11_AMessageInPiecesIsNotCutWhileItGoesOn) {
    start_with([&](const std::string& head, Peer& peer) {
        peer.send(switching_for(head) + "\x01\x02"s + "a ");
        go_.wait();
        peer.send("\x89\0\x80\x03"s + "end"s + "\x81\x03too"s);
        peer.read_to_end();
        peer.shutdown_write();
    });
    auto client = tunnel();
    EXPECT_EQ(client.read_exactly(4), "\x01\x02"s + "a ");
    auto stream = switching(R"("wait":true,"drain_timeout_ms":60000)");
    stream.next_event("committed");
    EXPECT_TRUE(client.quiet_for(100ms));
    go_.set();
    EXPECT_EQ(client.read_exactly(2 + 5 + 4), "\x89\0\x80\x03"s + "end\x88\x02\x03\xe9"s);
    client.close();
    EXPECT_EQ(stream.next_event("drained").at("tunnels").at("closed").to_number<int>(), 1);
}

TEST_P(Upgrades, C11_AClientThatDoesNotAnswerIsAnsweredFor) {
    start_with([&](const std::string& head, Peer& peer) {
        peer.send(switching_for(head));
        const std::string got = peer.read(8);
        peer.send("\x88\x02\x03\xe9"s);
        end_.set(got);
        peer.read_to_end();
    });
    auto client = tunnel();
    auto stream = switching(R"("wait":true,"drain_timeout_ms":60000)");
    EXPECT_EQ(client.read_exactly(4), "\x88\x02\x03\xe9"s);
    const std::string got = end_.wait();
    ASSERT_EQ(got.size(), 8u);
    EXPECT_EQ(got.substr(0, 2), "\x88\x82"s);
    EXPECT_EQ(static_cast<char>(got[6] ^ got[2]), '\x03');
    EXPECT_EQ(static_cast<char>(got[7] ^ got[3]), '\xe9');
    const auto drained = stream.next_event("drained");
    EXPECT_EQ(drained.at("tunnels").at("closed").to_number<int>(), 1);
    EXPECT_LT(drained.at("elapsed_ms").to_number<int>(), 30'000);
    EXPECT_TRUE(client.ended());
}

TEST_P(Upgrades, C11_WhatIsNoFrameIsCutAtTheDeadline) {
    start_with([](const std::string& head, Peer& peer) {
        peer.send(switching_for(head) + "HTTP/1.1 200 OK\r\n\r\n");
        peer.read_to_end();
    });
    auto client = tunnel();
    EXPECT_EQ(client.read_exactly(19), "HTTP/1.1 200 OK\r\n\r\n");
    auto stream = switching(R"("wait":true,"drain_timeout_ms":500)");
    const auto drained = stream.next_event("drained");
    EXPECT_EQ(drained.at("tunnels").at("cut").to_number<int>(), 1);
    EXPECT_TRUE(client.ended());
    EXPECT_TRUE(client.buffered().empty());
}

}  // namespace
}  // namespace switchyard::test
