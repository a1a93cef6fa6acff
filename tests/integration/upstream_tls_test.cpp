// TLS to the targets: over a second daemon that speaks it in front of the origins, and over a
// server that asks for a client's certificate.
#include "integration/harness.hpp"
#include "support/free_port.hpp"
#include "unit/deploy/black_hole.hpp"
#include "unit/net/tls_support.hpp"

#include <thread>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::test {
namespace {

using testing::HasSubstr;

/// Asks for a certificate and answers with its subject and the server name that the client sent.
constexpr const char* kAsksForCertificates = R"(
import http.server, ssl, sys
port, certificate, key, ca = sys.argv[1:]
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        peer = self.connection.getpeercert()
        names = dict(item[0] for item in peer["subject"]) if peer else {}
        body = (names.get("commonName", "nobody") + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *ignored):
        pass
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
context.load_verify_locations(ca)
context.verify_mode = ssl.CERT_REQUIRED
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
)";

class UpstreamTls : public testing::Test {
  protected:
    /// The origin's TLS side.
    std::unique_ptr<Daemon> make_inner(const OriginProcess& origin) const {
        auto daemon = std::make_unique<Daemon>(
            "listeners:\n" + certificates_.listener() +
            "services: {app: {hosts: [\"*\"], slots: {blue: {targets: [\"" + origin.address() +
            "\"]}}}}\n");
        daemon->start();
        return daemon;
    }

    /// `tls`: the value of the key of both slots.
    [[nodiscard]] std::string config(const std::string& tls) const {
        return config(blue_->address(), green_->address(), tls);
    }
    [[nodiscard]] static std::string config(const std::string& blue, const std::string& green,
                                            const std::string& tls) {
        return "listeners: [{address: \"127.0.0.1:0\"}]\n"
               "services:\n"
               "  app:\n"
               "    hosts: [\"*\"]\n"
               "    slots:\n"
               "      blue: {targets: [\"" +
               blue + "\"], tls: " + tls +
               "}\n"
               "      green: {targets: [\"" +
               green + "\"], tls: " + tls +
               "}\n"
               "    health_check: {path: /up, interval: 50ms, healthy_after: 1, "
               "unhealthy_after: 1}\n";
    }
    [[nodiscard]] std::string trusting() const {
        return "{ca_file: \"" + certificates_.ca() + "\"}";
    }

    void start(const std::string& yaml) {
        front_ = std::make_unique<Daemon>(yaml);
        front_->start();
    }
    [[nodiscard]] Response get(std::string_view path) const {
        return test::get(front_->address(), path, {});
    }
    [[nodiscard]] bool healthy(Colour colour, bool wanted = true) const {
        return front_->wait_healthy("app", colour, wanted);
    }

    TestCertificates certificates_{std::vector<std::string>{"app.internal"}};
    OriginProcess blue_origin_{Colour::blue, {.name = "blue-origin"}};
    OriginProcess green_origin_{Colour::green, {.name = "green-origin"}};
    std::unique_ptr<Daemon> blue_ = make_inner(blue_origin_);
    std::unique_ptr<Daemon> green_ = make_inner(green_origin_);
    std::unique_ptr<Daemon> front_;
};

TEST_F(UpstreamTls, RequestsGoThroughVerifiedConnections) {
    start(config(trusting()));
    ASSERT_TRUE(healthy(Colour::blue));
    ASSERT_TRUE(healthy(Colour::green));
    Client client(front_->address());
    for (int i = 0; i < 50; ++i)
        EXPECT_EQ(exchange(client, "GET", "/").body, "blue blue-origin\n");
    EXPECT_EQ(exchange(client, "GET", "/bytes?n=3000000").body.size(), 3'000'000U);
    const auto stored = exchange(client, "POST", "/upload", {}, std::string(3'000'000, 'u'));
    EXPECT_THAT(stored.body, HasSubstr("3000000"));
    EXPECT_EQ(front_->cli({"switch", "app"}).exit.code, 0);
    EXPECT_EQ(exchange(client, "GET", "/").body, "green green-origin\n");
    EXPECT_THAT(front_->cli({"status", "--json"}).out, HasSubstr("\"tls\":true"));
}

TEST_F(UpstreamTls, ACertificateThatNobodyVouchesForIsRefusedEverywhere) {
    start(config("{}"));
    const auto answer = get("/");
    EXPECT_EQ(answer.status, 502);
    EXPECT_EQ(answer.field("X-Switchyard-Error"), "upstream_tls_failed");
    ASSERT_TRUE(healthy(Colour::blue, false));
    EXPECT_THAT(front_->cli({"status"}).out, HasSubstr("the certificate is not trusted"));
    const auto refused = front_->cli({"switch", "app", "green"});
    EXPECT_EQ(refused.exit.code, 1);
    EXPECT_THAT(refused.err + refused.out, HasSubstr("the certificate is not trusted"));
}

TEST_F(UpstreamTls, ACertificateForAnotherNameIsRefused) {
    start(config("{ca_file: \"" + certificates_.ca() + "\", server_name: other.internal}"));
    EXPECT_EQ(get("/").field("X-Switchyard-Error"), "upstream_tls_failed");
    ASSERT_TRUE(healthy(Colour::blue, false));
    EXPECT_THAT(front_->cli({"status"}).out,
                HasSubstr("the certificate is not for other.internal"));
}

TEST_F(UpstreamTls, TheServerNameIsSentAndExpected) {
    // By that name the other side shows another certificate than for its address.
    start(config("{ca_file: \"" + certificates_.ca() + "\", server_name: app.internal}"));
    ASSERT_TRUE(healthy(Colour::blue));
    EXPECT_EQ(get("/").status, 200);
}

TEST_F(UpstreamTls, VerificationCanBeTurnedOffLoudly) {
    start(config("{verify: false}"));
    ASSERT_TRUE(healthy(Colour::blue));
    EXPECT_EQ(get("/").status, 200);
    EXPECT_THAT(front_->log(), HasSubstr("level=warning event=target_tls_unverified "
                                         "service=app slot=blue"));
}

TEST_F(UpstreamTls, APlainTargetIsAFailureAndNothingIsSentToIt) {
    Daemon plain(
        "listeners: [{address: \"127.0.0.1:0\"}]\n"
        "services: {app: {hosts: [\"*\"], slots: {blue: {targets: [\"" +
        blue_origin_.address() + "\"]}}}}\n");
    plain.start();
    start(config(plain.address(), green_->address(), trusting()));
    const auto answer = get("/");
    EXPECT_EQ(answer.status, 502);
    EXPECT_EQ(answer.field("X-Switchyard-Error"), "upstream_tls_failed");
    ASSERT_TRUE(healthy(Colour::blue, false));
    EXPECT_THAT(front_->cli({"status"}).out, HasSubstr("TLS: wrong version number"));
    EXPECT_EQ(blue_origin_.books("/").at("started").to_number<int>(), 0);
}

TEST_F(UpstreamTls, AHandshakeThatHangsEndsWithTheConnectTimeout) {
    const SilentServer hole;
    start(config("127.0.0.1:" + std::to_string(hole.port()), green_->address(), trusting()) +
          "    timeouts: {connect: 200ms}\n    retries: 0\n");
    const auto answer = get("/");
    EXPECT_EQ(answer.status, 504);
    EXPECT_EQ(answer.field("X-Switchyard-Error"), "connect_timeout");
}

TEST_F(UpstreamTls, AReloadTakesANewCaAndAnUnreadableOneChangesNothing) {
    start(config(trusting()));
    ASSERT_TRUE(healthy(Colour::blue));
    Client client(front_->address());
    EXPECT_EQ(exchange(client, "GET", "/").status, 200);
    const std::string good = front_->dir().write("ca.pem", read_file(certificates_.ca()));
    front_->write_config(config("{ca_file: none.pem}"));
    const auto refused = front_->cli({"reload"});
    EXPECT_EQ(refused.exit.code, 1);
    EXPECT_THAT(refused.err + refused.out,
                HasSubstr("service app, slot blue: TLS to the targets: cannot read CA file"));
    EXPECT_EQ(exchange(client, "GET", "/").status, 200);
    front_->write_config(config("{ca_file: \"" + good + "\"}"));
    EXPECT_EQ(front_->cli({"reload"}).exit.code, 0);
    EXPECT_EQ(exchange(client, "GET", "/").status, 200);
    // The same path with another CA: connections that the old one vouched for are not used again.
    const TestCertificates others;
    front_->dir().write("ca.pem", read_file(others.ca()));
    EXPECT_EQ(front_->cli({"reload"}).exit.code, 0);
    EXPECT_EQ(exchange(client, "GET", "/").status, 502);
    EXPECT_EQ(front_->check({"--offline"}).exit.code, 0);
}

TEST_F(UpstreamTls, OurCertificateIsShownToWhoAsksForIt) {
    const TempDir dir;
    const auto ours = net::test::make_certificate(dir.path().string(), "proxy", {});
    const std::uint16_t port = free_port();
    ProcessOptions options;
    options.arguments = {"/usr/bin/python3",   dir.write("server.py", kAsksForCertificates),
                         std::to_string(port), certificates_.certificate(),
                         certificates_.key(),  ours.certificate};
    options.output_file = dir.file("server.log");
    const Process server(options);
    const std::string address = "127.0.0.1:" + std::to_string(port);
    start(config(address, green_->address(), trusting()));
    ASSERT_TRUE(eventually([&] {
        return front_->cli({"status"}).out.find("certificate required") != std::string::npos;
    })) << front_->cli({"status"}).out;
    front_->write_config(config(address, green_->address(),
                                "{ca_file: \"" + certificates_.ca() + "\", certificate: \"" +
                                    ours.certificate + "\", key: \"" + ours.key + "\"}"));
    EXPECT_EQ(front_->cli({"reload"}).exit.code, 0);
    ASSERT_TRUE(healthy(Colour::blue)) << front_->cli({"status"}).out;
    EXPECT_EQ(get("/").body, "proxy\n");
}

}  // namespace
}  // namespace switchyard::test
