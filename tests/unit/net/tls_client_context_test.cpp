#include "net/tls_client_context.hpp"

#include "net/ticket_keys.hpp"
#include "net/tls_context.hpp"
#include "support/temp_dir.hpp"
#include "unit/net/tls_support.hpp"

#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace switchyard::net {
namespace {

/// Connections to a target in memory, by the version of TLS that it speaks at most.
class Resumption : public testing::TestWithParam<int> {
  protected:
    Resumption() {
        const auto files = test::make_certificate(dir_.path().string(), "target", {"target"});
        config::Tls server;
        server.certificates.push_back({files.certificate, files.key});
        server_ = TlsContext::create(server, keys_).value();
        config::TargetTls client;
        client.verify = false;
        client_ = TlsClientContext::create(client).value();
    }

    /// Connects and says an octet each way; whether a session was resumed.
    bool connect(const std::string& host) {
        SSL* const server = SSL_new(server_->start());
        SSL_set_max_proto_version(server, GetParam());
        SSL_set_accept_state(server);
        SSL* const client = client_->make(host);
        BIO* near = nullptr;
        BIO* far = nullptr;
        BIO_new_bio_pair(&near, 0, &far, 0);
        SSL_set_bio(server, near, near);
        SSL_set_bio(client, far, far);
        bool done = false;
        for (int i = 0; i < 10 && !done; ++i) {
            const bool of_client = SSL_do_handshake(client) == 1;
            const bool of_server = SSL_do_handshake(server) == 1;
            done = of_client && of_server;
        }
        EXPECT_TRUE(done);
        char octet = 0;
        EXPECT_EQ(SSL_write(server, "a", 1), 1);
        EXPECT_EQ(SSL_read(client, &octet, 1), 1);
        const bool resumed = SSL_session_reused(client) == 1;
        SSL_shutdown(client);
        SSL_free(client);
        SSL_free(server);
        ERR_clear_error();
        return resumed;
    }

    switchyard::test::TempDir dir_;
    TicketKeys keys_;
    std::shared_ptr<const TlsContext> server_;
    std::shared_ptr<const TlsClientContext> client_;
};

TEST_P(Resumption, EachConnectionToATargetButTheFirst) {
    EXPECT_FALSE(connect("one"));
    EXPECT_TRUE(connect("one"));
    EXPECT_TRUE(connect("one"));
    EXPECT_TRUE(connect("one"));
    EXPECT_FALSE(connect("other"));
    std::thread([this] { EXPECT_TRUE(connect("one")); }).join();
    EXPECT_TRUE(connect("other"));
}

TEST_P(Resumption, SessionsDoNotPileUp) {
    for (int i = 0; i < 40; ++i)
        connect("one");
    EXPECT_LE(client_->sessions(), 16U);
    EXPECT_GE(client_->sessions(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Versions, Resumption, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& which) {
                             return which.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

}  // namespace
}  // namespace switchyard::net
