// WebSockets of clients that speak HTTP/2 otherwise: over HTTP/1.1, on the same listener.
#include "conformance/h2_wire.hpp"
#include "support/raw_origin.hpp"

namespace switchyard::test {
namespace {

/// Accepts every upgrade, says "first", and sends nine octets back.
void accept_upgrades(int fd) {
    std::string read;
    const auto fill = [&] {
        char buffer[4096];
        const auto got = ::recv(fd, buffer, sizeof buffer, 0);
        if (got > 0) read.append(buffer, static_cast<std::size_t>(got));
        return got > 0;
    };
    for (;;) {
        std::size_t end = 0;
        while ((end = read.find("\r\n\r\n")) == std::string::npos) {
            if (!fill()) return;
        }
        const bool health = read.starts_with("GET /up ");
        read.erase(0, end + 4);
        if (health) {
            if (!RawOrigin::send_all(fd, kHealthy)) return;
            continue;
        }
        RawOrigin::send_all(fd,
                            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                            "Upgrade: websocket\r\n\r\nfirst");
        while (read.size() < 9) {
            if (!fill()) return;
        }
        RawOrigin::send_all(fd, read);
        return;
    }
}

class H2Upgrade : public H2Wire {};
INSTANTIATE_TEST_SUITE_P(Over, H2Upgrade, both_transports(), transport_name);

TEST_P(H2Upgrade, ATunnelBeginsWithTheOctetsThatTheConnectionLookedAt) {
    const RawOrigin raw(accept_upgrades);
    auto yaml = config();
    const auto& blue = origin(Colour::blue).address();
    yaml.replace(yaml.find(blue), blue.size(), raw.address());
    start_wire_as(yaml);
    // RFC 8441 §3: not announced, so no client tries it over HTTP/2.
    auto beside = come_in();
    beside.settle();
    EXPECT_FALSE(beside.settings().contains(8));

    auto client = knock({"http/1.1"});
    client.send(request_text("GET", "/tunnel",
                             {{"Connection", "Upgrade"},
                              {"Upgrade", "websocket"},
                              {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
                              {"Sec-WebSocket-Version", "13"}}) +
                "early");
    const auto head = client.read_until("\r\n\r\n");
    EXPECT_TRUE(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n")) << head;
    EXPECT_EQ(client.read_exactly(5), "first");
    client.send("late");
    EXPECT_EQ(client.read_exactly(9), "earlylate");
    EXPECT_TRUE(beside.goaways().empty());
}

TEST_P(H2Upgrade, OverHttp2TheFieldIsRefusedAndA101IsAnError) {
    const RawOrigin raw(accept_upgrades);
    auto yaml = config();
    const auto& blue = origin(Colour::blue).address();
    yaml.replace(yaml.find(blue), blue.size(), raw.address());
    start_wire_as(yaml);
    auto client = come_in();
    const auto refused = client.open(h2_request("GET", "/tunnel", {{"upgrade", "websocket"}}));
    EXPECT_TRUE(client.wait(refused).reset);
    // Nobody asked for it.
    EXPECT_EQ(client.exchange("GET", "/tunnel").status, 502);
    EXPECT_TRUE(client.goaways().empty());
}

}  // namespace
}  // namespace switchyard::test
