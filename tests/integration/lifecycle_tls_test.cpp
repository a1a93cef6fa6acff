// TLS at the front door: versions, names, tickets, protocols.
#include "integration/harness.hpp"

#include <cstdlib>
#include <fstream>

#include <boost/json.hpp>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

namespace switchyard::test {
namespace {

class Tls : public FrontDoor {
  protected:
    /// One TLS listener; `more` is added to it (lines indented by six blanks).
    void start_tls(std::string_view more = {}) { start(tls_config(more)); }

    [[nodiscard]] std::string tls_config(std::string_view more = {}) const {
        auto yaml = config();
        return yaml.replace(0, yaml.find("services:"),
                            "listeners:\n" + certificates_.listener() + std::string(more));
    }

    [[nodiscard]] Client handshake(TlsOptions options = {}, const void* session = nullptr) const {
        options.ca_file = certificates_.ca();
        return Client(address(), options, session);
    }

    /// A connection whose client got a ticket.
    [[nodiscard]] Client with_ticket(const TlsOptions& options = {}) const {
        auto client = handshake(options);
        EXPECT_EQ(exchange(client, "GET", "/").status, 200);
        EXPECT_NE(client.session(), nullptr);
        return client;
    }

    TestCertificates certificates_{std::vector<std::string>{"scores.example", "api.example"}};
};

TEST_F(Tls, TheNameChoosesTheCertificate) {
    start_tls();
    for (const std::string name : {"localhost", "scores.example", "api.example"}) {
        auto client = handshake({.server_name = name, .ca_file = {}, .alpn = {}});
        EXPECT_EQ(client.tls().subject, name);
        EXPECT_EQ(exchange(client, "GET", "/").body, "blue blue-origin\n");
    }
    auto upper = handshake({.server_name = "SCORES.example", .ca_file = {}, .alpn = {}});
    EXPECT_EQ(upper.tls().subject, "scores.example");
    // Unknown names and clients that name none get the first one.
    for (const std::string name : {"unknown.example", ""}) {
        const Client client(address(), TlsOptions{.server_name = name, .ca_file = {}, .alpn = {}});
        EXPECT_EQ(client.tls().subject, "localhost") << name;
    }
}

TEST_F(Tls, TheMachinesSuitesOfTls13AreKept) {
    // What is agreed on with a client to which both are fine.
    const auto agreed = [this] {
        const auto done =
            run_program({"/usr/bin/openssl", "s_client", "-connect", address(), "-ciphersuites",
                         "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384"});
        const auto at = done.out.find("Cipher is ");
        return at == std::string::npos ? done.out : done.out.substr(at + 10, 22);
    };
    start_tls();
    EXPECT_EQ(agreed(), "TLS_AES_128_GCM_SHA256");

    const TempDir directory;
    const auto path = directory.path() / "openssl.cnf";
    std::ofstream(path) << "openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\n"
                           "system_default = system\n[system]\n"
                           "Ciphersuites = TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256\n";
    ::setenv("OPENSSL_CONF", path.c_str(), 1);
    start_tls();
    ::unsetenv("OPENSSL_CONF");
    EXPECT_EQ(agreed(), "TLS_AES_256_GCM_SHA384");
}

TEST_F(Tls, SpeaksBothVersions) {
    start_tls();
    auto newest = handshake();
    EXPECT_EQ(newest.tls().version, "TLSv1.3");
    EXPECT_EQ(exchange(newest, "GET", "/").status, 200);
    auto older = handshake({.ca_file = {}, .alpn = {}, .max_version = TLS1_2_VERSION});
    EXPECT_EQ(older.tls().version, "TLSv1.2");
    EXPECT_EQ(exchange(older, "GET", "/").status, 200);
    EXPECT_THROW(handshake({.ca_file = {}, .alpn = {}, .max_version = TLS1_1_VERSION}),
                 ClientError);
}

TEST_F(Tls, TheOlderVersionCanBeTurnedOff) {
    start_tls("      min_version: \"1.3\"\n");
    EXPECT_THROW(handshake({.ca_file = {}, .alpn = {}, .max_version = TLS1_2_VERSION}),
                 ClientError);
    EXPECT_EQ(handshake().tls().version, "TLSv1.3");
}

TEST_F(Tls, AgreesOnAProtocol) {
    start_tls();
    EXPECT_EQ(handshake({.ca_file = {}, .alpn = {"http/1.1", "h2"}}).tls().alpn, "h2");
    EXPECT_EQ(handshake({.ca_file = {}, .alpn = {"http/1.1"}}).tls().alpn, "http/1.1");
    EXPECT_EQ(handshake().tls().alpn, "");
    // RFC 7301 §3.2: no common protocol ends the handshake.
    EXPECT_THROW(handshake({.ca_file = {}, .alpn = {"http/1.0"}}), ClientError);
}

TEST_F(Tls, TicketsResumeOnEveryWorker) {
    start_tls();
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        const TlsOptions options{.ca_file = {}, .alpn = {}, .max_version = version};
        auto last = with_ticket(options);
        EXPECT_FALSE(last.tls().resumed);
        // The kernel spreads connections over the workers: with two of them, twelve connections
        // that all meet the same one happen once in two thousand times (and then prove nothing).
        for (int i = 0; i < 12; ++i) {
            auto next = handshake(options, last.session());
            EXPECT_TRUE(next.tls().resumed) << next.tls().version << " connection " << i;
            EXPECT_EQ(exchange(next, "GET", "/").status, 200);
            // A ticket of TLS 1.3 is used once, and a resumption brings the next one.
            if (version == TLS1_2_VERSION) continue;
            ASSERT_NE(next.session(), nullptr);
            last = std::move(next);
        }
    }
}

TEST_F(Tls, TicketsResumeAcrossAReloadAndASwitch) {
    start_tls();
    const auto first = with_ticket();
    ASSERT_EQ(admin().post("/v1/reload").status, 200);
    switch_to(Colour::green);
    auto next = handshake({}, first.session());
    EXPECT_TRUE(next.tls().resumed);
    EXPECT_EQ(colour_of(exchange(next, "GET", "/")), "green");
}

TEST_F(Tls, TicketsCanBeTurnedOff) {
    start_tls("      session_tickets: false\n");
    auto first = handshake();
    EXPECT_EQ(exchange(first, "GET", "/").status, 200);
    EXPECT_EQ(first.session(), nullptr);
}

TEST_F(Tls, AReloadBringsNewCertificatesToNewConnectionsOnly) {
    start_tls();
    auto old = handshake();
    ASSERT_EQ(exchange(old, "GET", "/").status, 200);
    auto slow = handshake();
    slow.send(request_text("GET", "/bytes?n=1500000&rate=3000000"));
    auto head = read_head(slow);
    const auto serial = old.tls().serial;

    certificates_.renew();
    EXPECT_EQ(daemon().cli({"reload"}).exit.code, 0);
    EXPECT_NE(handshake().tls().serial, serial);
    EXPECT_EQ(exchange(old, "GET", "/").status, 200);
    PatternChecker checker(Colour::blue);
    read_body(slow, head, "GET",
              [&](std::string_view piece) { ASSERT_FALSE(checker.feed(piece)); });
    EXPECT_EQ(checker.offset(), 1'500'000u);
}

TEST_F(Tls, AReloadWithAnUnreadableCertificateChangesNothing) {
    start_tls();
    const auto serial = handshake().tls().serial;
    std::filesystem::remove(certificates_.key("api.example"));
    const auto answer = admin().post("/v1/reload");
    EXPECT_EQ(answer.error_code(), "invalid_config");
    EXPECT_NE(answer.response.body.find(certificates_.key("api.example")), std::string::npos);
    EXPECT_EQ(handshake().tls().serial, serial);
}

TEST_F(Tls, PlainHttpOnATlsPortAndTlsOnAPlainPortFailWithoutHarm) {
    start_tls();
    auto plain = connect();
    plain.send(request_text("GET", "/"));
    EXPECT_TRUE(plain.ended() || !plain.buffered().empty());
    auto yaml = config();
    yaml.insert(yaml.find("services:"), certificates_.listener("127.0.0.2:0"));
    Daemon both(yaml);
    both.start();
    EXPECT_THROW(Client(both.address(0), TlsOptions{}), ClientError);
    EXPECT_NO_THROW(Client(both.address(1), TlsOptions{}));
    EXPECT_EQ(handshake().tls().version, "TLSv1.3");
}

TEST_F(Tls, RedirectsToHttps) {
    auto yaml = tls_config();
    yaml.insert(yaml.find("services:"),
                "  - {address: \"127.0.0.2:0\", redirect_to_https: true, https_port: 8443}\n");
    start(yaml);
    const auto plain = daemon().address(1);
    auto client = Client(plain);
    auto response = exchange(client, "GET", "/a?b=c", {{"Host", "scores.example:8080"}});
    EXPECT_EQ(response.status, 301);
    EXPECT_EQ(response.field("Location"), "https://scores.example:8443/a?b=c");
    response = exchange(client, "POST", "/a", {{"Host", "scores.example"}}, "body");
    EXPECT_EQ(response.status, 308);
    EXPECT_EQ(origin(Colour::blue).books("/a").at("started").to_number<int>(), 0);
}

}  // namespace
}  // namespace switchyard::test
