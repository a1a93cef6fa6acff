// The PROXY protocol on a listener, with headers whole, in pieces, and as they must not be.
#include "base/proxy_protocol.hpp"

#include "conformance/wire.hpp"
#include "integration/metrics_page.hpp"
#include "support/h2_client.hpp"

#include <gmock/gmock.h>

namespace switchyard::test {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;
using testing::Not;

const std::string kHeader = "PROXY TCP4 192.0.2.7 203.0.113.5 40000 443\r\n";
const std::string kBinary =
    std::string(kProxySignature) + "\x21\x11\0\x0C\xC0\0\2\x07\xCB\0\x71\x05\x9C\x40\x01\xBB"s;

/// Plain, TLS and h2c on 127.0.0.1 to 127.0.0.3, for balancers on 127.0.0.1; and another listener
/// on 127.0.0.4, for balancers of networks that no test comes from.
class ProxyProtocol : public FrontDoor {
  protected:
    void start_behind(std::string_view top = {}, std::string_view service = {}) {
        std::string yaml =
            config(service, "admin: {socket: \"${DIR}/admin.sock\", metrics: \"127.0.0.1:0\"}\n" +
                                std::string(top));
        const std::string from = "proxy_protocol: {from: [\"127.0.0.1\", \"fd00::/8\"]}";
        const std::string tls =
            "  - {address: \"127.0.0.2:0\", " + from + ", tls: {certificates: [{certificate: \"" +
            certificates_.certificate() + "\", key: \"" + certificates_.key() + "\"}]}}\n";
        yaml.replace(yaml.find("  - address"), yaml.find("services:") - yaml.find("  - address"),
                     "  - {address: \"127.0.0.1:0\", " + from + "}\n" + tls +
                         "  - {address: \"127.0.0.3:0\", h2c: true, " + from +
                         "}\n  - {address: \"127.0.0.4:0\", proxy_protocol: {from: "
                         "[\"192.0.2.0/24\", \"10.0.0.0/8\"]}}\n");
        start(yaml);
    }

    [[nodiscard]] Client knock(std::string_view preamble, std::size_t listener = 0) {
        Client client(daemon().address(listener));
        client.send(preamble);
        return client;
    }
    [[nodiscard]] TlsOptions tls(std::string preamble,
                                 std::vector<std::string> alpn = {"http/1.1"}) const {
        return {.server_name = "localhost",
                .ca_file = certificates_.ca(),
                .alpn = std::move(alpn),
                .preamble = std::move(preamble)};
    }
    /// What the application is told of the client, after a header.
    [[nodiscard]] std::string client_after(std::string_view preamble) {
        auto client = knock(preamble);
        return Strings(seen(exchange(client, "GET", "/echo"), "X-Forwarded-For")).at(0);
    }
    [[nodiscard]] MetricsPage page() const {
        const auto status = admin().get("/v1/status").json();
        return MetricsPage(
            test::get(std::string(status.at("metrics_address").as_string()), "/metrics").body);
    }
    [[nodiscard]] double failures(const std::string& reason) const {
        return page().value("switchyard_proxy_protocol_failures_total", {{"reason", reason}});
    }
    /// After these octets the connection ends without an answer, for this reason.
    void expect_refused(std::string_view octets, const std::string& reason) {
        SCOPED_TRACE(octets);
        const double before = failures(reason);
        auto client = knock(octets);
        EXPECT_TRUE(client.ended());
        EXPECT_EQ(client.buffered(), "");
        EXPECT_EQ(failures(reason), before + 1);
    }

    TestCertificates certificates_;
};

TEST_F(ProxyProtocol, SaysWhoTheClientIs) {
    start_behind("access_log: {path: \"${DIR}/access.log\"}\n");
    for (const std::string& header : {kHeader, kBinary}) {
        auto client = knock(header);
        for (int i = 0; i < 2; ++i) {
            const auto echo = exchange(client, "GET", "/echo");
            EXPECT_EQ(seen(echo, "X-Forwarded-For"), Strings{"192.0.2.7"});
            EXPECT_THAT(seen(echo, "Forwarded").at(0), HasSubstr("for=192.0.2.7"));
        }
    }
    EXPECT_EQ(client_after("PROXY TCP6 2001:db8::7 2001:db8::1 40000 443\r\n"), "2001:db8::7");
    EXPECT_EQ(page().value("switchyard_proxy_protocol_headers_total"), 3);
    EXPECT_TRUE(eventually([this] {
        const auto log = read_file(daemon().dir().file("access.log"));
        return log.find("\"192.0.2.7\"") != std::string::npos &&
               log.find("\"2001:db8::7\"") != std::string::npos;
    })) << read_file(daemon().dir().file("access.log"));
    EXPECT_THAT(read_file(daemon().dir().file("access.log")), Not(HasSubstr("\"127.0.0.1\"")));
}

TEST_F(ProxyProtocol, OfTheBalancersOwnConnectionsNamesNobody) {
    start_behind();
    EXPECT_EQ(client_after("PROXY UNKNOWN\r\n"), "127.0.0.1");
    EXPECT_EQ(client_after(own_proxy_header(switchyard::ProxyProtocol::v2)), "127.0.0.1");
    EXPECT_EQ(
        client_after(std::string(kProxySignature) + "\x21\x31\0\xD8"s + std::string(216, 'u')),
        "127.0.0.1");
}

TEST_F(ProxyProtocol, WhatComesBehindItInOneSegmentIsNotLost) {
    start_behind();
    for (const std::string& header : {kHeader, kBinary}) {
        auto client = knock(header + request_text("GET", "/echo") + request_text("GET", "/"));
        EXPECT_EQ(seen(read_response(client), "X-Forwarded-For"), Strings{"192.0.2.7"});
        EXPECT_EQ(read_response(client).body, "blue blue-origin\n");
        // HTTP/2 with prior knowledge.
        auto h2 = H2Client(knock(header, 2));
        EXPECT_EQ(seen(h2.exchange("GET", "/echo"), "x-forwarded-for"), Strings{"192.0.2.7"});
        auto h1 = knock(header + request_text("GET", "/echo"), 2);
        EXPECT_EQ(seen(read_response(h1), "X-Forwarded-For"), Strings{"192.0.2.7"});
    }
}

TEST_F(ProxyProtocol, MayComeInPieces) {
    start_behind();
    for (const std::string& header : {kHeader, kBinary}) {
        auto client = knock(header.substr(0, 1));
        for (std::size_t i = 1; i < header.size(); ++i) {
            EXPECT_TRUE(client.quiet_for(1ms));
            client.send(header.substr(i, 1));
        }
        EXPECT_EQ(seen(exchange(client, "GET", "/echo"), "X-Forwarded-For"), Strings{"192.0.2.7"});
    }
}

TEST_F(ProxyProtocol, StandsBeforeTls) {
    start_behind();
    for (const std::string& header : {kHeader, kBinary}) {
        Client client(daemon().address(1), tls(header));
        EXPECT_EQ(seen(exchange(client, "GET", "/echo"), "X-Forwarded-For"), Strings{"192.0.2.7"});
        auto h2 = H2Client(Client(daemon().address(1), tls(header, {"h2"})));
        EXPECT_EQ(seen(h2.exchange("GET", "/echo"), "x-forwarded-for"), Strings{"192.0.2.7"});
    }
    // And nowhere else: within TLS it is a bad request.
    Client client(daemon().address(1), tls(kHeader));
    client.send(kHeader + request_text("GET", "/"));
    EXPECT_EQ(read_response(client).status, 400);
    EXPECT_THROW(Client(daemon().address(1), tls("")), ClientError);
    EXPECT_EQ(failures("absent"), 1);
}

TEST_F(ProxyProtocol, HeaderAndHelloOfTlsMayComeInOneSegment) {
    start_behind();
    constexpr const char* kProgram = R"(
import socket, ssl, sys
host, port, header, ca = sys.argv[1], int(sys.argv[2]), bytes.fromhex(sys.argv[3]), sys.argv[4]
context = ssl.create_default_context(cafile=ca)
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
wire = socket.create_connection((host, port))
wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
def until(step, first=b""):
    while True:
        try:
            result, wait = step(), False
        except ssl.SSLWantReadError:
            wait = True
        octets, first = first + outgoing.read(), b""
        if octets:
            wire.sendall(octets)
        if not wait:
            return result
        incoming.write(wire.recv(65536))
until(tls.do_handshake, header)
until(lambda: tls.write(b"GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
answer = b""
while True:
    piece = until(lambda: tls.read(65536))
    if not piece:
        break
    answer += piece
    if b"X-Forwarded-For" in answer and answer.endswith(b"}"):
        break
print(answer.decode())
)";
    const std::string address = daemon().address(1);
    const auto colon = address.rfind(':');
    for (const std::string& header : {kHeader, kBinary}) {
        std::string hex;
        for (const char c : header) {
            constexpr const char* kDigits = "0123456789abcdef";
            hex += kDigits[static_cast<unsigned char>(c) >> 4];
            hex += kDigits[static_cast<unsigned char>(c) & 15];
        }
        const auto run = run_program({"/usr/bin/python3", "-c", kProgram, address.substr(0, colon),
                                      address.substr(colon + 1), hex, certificates_.ca()});
        EXPECT_THAT(run.out, HasSubstr("192.0.2.7")) << run.err;
    }
}

TEST_F(ProxyProtocol, ThatIsNoneEndsTheConnectionWithoutAnAnswer) {
    start_behind();
    expect_refused(request_text("GET", "/"), "absent");
    expect_refused("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "absent");
    expect_refused("PROXY TCP4 192.0.2.7 203.0.113.5 40000\r\n" + request_text("GET", "/"),
                   "malformed");
    expect_refused("PROXY TCP4 " + std::string(200, '1'), "malformed");
    expect_refused(std::string(kProxySignature) + "\x21\x11\xFF\xFF", "malformed");
    expect_refused(std::string(kProxySignature) + "\x21\x11\0\4"s, "malformed");
    EXPECT_EQ(page().value("switchyard_proxy_protocol_headers_total"), 0);
    EXPECT_EQ(origin(Colour::blue).books("/").at("started").to_number<int>(), 0);
}

TEST_F(ProxyProtocol, IsSaidInTheLogNowAndThen) {
    start_behind("workers: 1\n");
    for (int i = 0; i < 20; ++i)
        expect_refused("PROXY ME\r\n", "malformed");
    const std::string log = daemon().log();
    const auto first = log.find("event=proxy_header_refused peer=127.0.0.1 reason=malformed");
    ASSERT_NE(first, std::string::npos) << log;
    EXPECT_EQ(log.find("event=proxy_header_refused", first + 1), std::string::npos) << log;
}

TEST_F(ProxyProtocol, HasToComeInTime) {
    start_behind("timeouts: {request_head: 300ms}\n");
    expect_refused("PROXY TCP4 192.0.2.7", "timed_out");
    expect_refused("", "timed_out");
    expect_refused(kBinary.substr(0, 20), "timed_out");
    // Not what follows it: that has times of its own.
    auto client = knock(kHeader);
    EXPECT_TRUE(client.quiet_for(800ms));
    EXPECT_EQ(exchange(client, "GET", "/").status, 200);
}

TEST_F(ProxyProtocol, ThatEndsEarlyIsCountedUnlessItNeverBegan) {
    start_behind();
    {
        auto client = knock(kHeader.substr(0, 20));
        client.shutdown_write();
        EXPECT_TRUE(client.ended());
    }
    EXPECT_TRUE(eventually([this] { return failures("cut_off") == 1; }));
    // So balancers look whether we are there.
    for (int i = 0; i < 5; ++i)
        Client(address()).close();
    EXPECT_TRUE(eventually([this] { return page().value("switchyard_connections") == 0; }));
    EXPECT_EQ(page().sum("switchyard_proxy_protocol_failures_total"), 1);
    EXPECT_THAT(daemon().log(), HasSubstr("reason=cut_off"));
}

TEST_F(ProxyProtocol, OfAnybodyElseIsABadRequest) {
    start_behind();
    auto client = knock(kHeader + request_text("GET", "/"), 3);
    const auto response = read_response(client);
    EXPECT_EQ(response.status, 400);
    EXPECT_TRUE(client.ended());
    auto honest = knock("", 3);
    EXPECT_EQ(seen(exchange(honest, "GET", "/echo"), "X-Forwarded-For"), Strings{"127.0.0.1"});
    EXPECT_EQ(page().sum("switchyard_proxy_protocol_failures_total"), 0);
}

TEST_F(ProxyProtocol, TrustIsAskedOfTheClientItNames) {
    start_behind("trusted_proxies: [\"127.0.0.1\", \"198.51.100.0/24\"]\n");
    const Fields claim = {{"X-Forwarded-For", "203.0.113.99"}};
    // The balancer is trusted, who came through it is not.
    auto stranger = knock(kHeader);
    EXPECT_EQ(seen(exchange(stranger, "GET", "/echo", claim), "X-Forwarded-For"),
              Strings{"192.0.2.7"});
    // A trusted proxy that came through it is.
    auto proxy = knock("PROXY TCP4 198.51.100.1 203.0.113.5 40000 443\r\n");
    EXPECT_EQ(seen(exchange(proxy, "GET", "/echo", claim), "X-Forwarded-For"),
              Strings{"203.0.113.99, 198.51.100.1"});
    // Its own connections are its own.
    auto own = knock("PROXY UNKNOWN\r\n");
    EXPECT_EQ(seen(exchange(own, "GET", "/echo", claim), "X-Forwarded-For"),
              Strings{"203.0.113.99, 127.0.0.1"});
}

TEST_F(ProxyProtocol, LimitsCountTheClientsItNames) {
    start_behind("limits: {connections_per_address: 2}\n");
    const std::string other = "PROXY TCP4 192.0.2.8 203.0.113.5 40000 443\r\n";
    auto first = knock(kHeader);
    auto second = knock(kBinary);
    EXPECT_EQ(exchange(first, "GET", "/").status, 200);
    EXPECT_EQ(exchange(second, "GET", "/").status, 200);
    auto third = knock(kHeader);
    expect_own_error(exchange(third, "GET", "/"), 503, "too_many_connections");
    auto neighbour = knock(other);
    EXPECT_EQ(exchange(neighbour, "GET", "/").status, 200);
    // The balancer itself may have as many as it needs.
    std::vector<Client> own;
    for (int i = 0; i < 6; ++i) {
        own.push_back(knock("PROXY UNKNOWN\r\n"));
        EXPECT_EQ(exchange(own.back(), "GET", "/").status, 200);
    }
    first.close();
    second.close();
    EXPECT_TRUE(eventually([&] {
        auto again = knock(kHeader);
        return exchange(again, "GET", "/").status == 200;
    }));
    // Far beyond the limit nobody is answered.
    std::vector<Client> crowd;
    for (int i = 0; i < 40; ++i)
        crowd.push_back(knock(kHeader));
    EXPECT_TRUE(crowd.back().ended());
    EXPECT_EQ(exchange(neighbour, "GET", "/").status, 200);
}

TEST_F(ProxyProtocol, AReloadHoldsForNewConnections) {
    start_behind();
    auto old = knock(kHeader);
    EXPECT_EQ(exchange(old, "GET", "/").status, 200);
    std::string yaml = read_file(daemon().config_path());
    const std::string from = "\"127.0.0.1\", \"fd00::/8\"";
    for (auto at = yaml.find(from); at != std::string::npos; at = yaml.find(from))
        yaml.replace(at, from.size(), "\"10.9.0.0/16\"");
    daemon().write_config(yaml);
    const auto reload = daemon().cli({"reload"});
    ASSERT_EQ(reload.exit.code, 0) << reload.err;
    EXPECT_EQ(get("/").status, 200);
    EXPECT_EQ(seen(exchange(old, "GET", "/echo"), "X-Forwarded-For"), Strings{"192.0.2.7"});
}

TEST_F(ProxyProtocol, AStopDoesNotWaitForHeaders) {
    start_behind("timeouts: {request_head: 60s, shutdown: 60s}\n");
    auto silent = knock("");
    auto idle = knock(kHeader);
    EXPECT_EQ(exchange(idle, "GET", "/").status, 200);
    // One whose header is under way is served.
    auto begun = knock(kHeader.substr(0, 20));
    EXPECT_TRUE(eventually([this] { return page().value("switchyard_connections") == 3; }));
    daemon().signal(SIGTERM);
    EXPECT_TRUE(silent.ended());
    EXPECT_TRUE(idle.ended());
    begun.send(kHeader.substr(20) + request_text("GET", "/"));
    EXPECT_EQ(read_response(begun).status, 200);
    EXPECT_EQ(daemon().wait_exit().value_or(Exit{}).code, 0);
}

}  // namespace
}  // namespace switchyard::test
