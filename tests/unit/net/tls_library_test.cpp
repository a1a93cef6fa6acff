#include "net/tls_library.hpp"

#include "net/tls_client_context.hpp"
#include "net/tls_context.hpp"
#include "support/temp_dir.hpp"
#include "unit/net/tls_support.hpp"

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/objects.h>
#include <openssl/rand.h>

namespace switchyard::net {
namespace {

/// Whose implementation of a digest this thread gets.
const OSSL_PROVIDER* provider() {
    EVP_MD* const digest = EVP_MD_fetch(nullptr, "SHA2-256", nullptr);
    const OSSL_PROVIDER* const found = EVP_MD_get0_provider(digest);
    EVP_MD_free(digest);
    return found;
}

const OSSL_PROVIDER* provider_with(const TlsLibrary& library) {
    const OSSL_PROVIDER* found = nullptr;
    std::thread([&] {
        library.use();
        found = provider();
    }).join();
    return found;
}

TEST(TlsLibrary, EachThreadLooksAlgorithmsUpByItself) {
    const TlsLibrary one;
    const TlsLibrary two;
    const OSSL_PROVIDER* const first = provider_with(one);
    const OSSL_PROVIDER* const second = provider_with(two);
    ASSERT_NE(first, nullptr);
    ASSERT_NE(second, nullptr);
    EXPECT_NE(first, second);
    EXPECT_NE(first, provider());
    EXPECT_NE(second, provider());
}

TEST(TlsLibrary, TheNextThreadGetsWhatOneHasLeft) {
    const OSSL_PROVIDER* before = nullptr;
    {
        const TlsLibrary library;
        before = provider_with(library);
    }
    const TlsLibrary library;
    EXPECT_EQ(provider_with(library), before);
}

TEST(TlsLibrary, WhatWorksOnceAProcessOnlyLeavesTheThreadWithTheCommonOne) {
    // Those of the tests above, should they have run in this process.
    const TlsLibrary one;
    const TlsLibrary two;
    switchyard::test::TempDir dir;
    const std::string file = (dir.path() / "openssl.cnf").string();
    std::ofstream(file) << "openssl_conf = all\n[all]\noid_section = oids\n"
                        << "[oids]\ntwice = 1.2.3.4.5.6.7\n";
    OBJ_create("1.2.3.4.5.6.7", "twice", "twice");
    ::setenv("OPENSSL_CONF", file.c_str(), 1);
    const TlsLibrary library;
    ::unsetenv("OPENSSL_CONF");
    EXPECT_EQ(provider_with(library), provider());
    EXPECT_NE(provider_with(one), provider());
}

TEST(TlsLibrary, ManyThreadsLeaveOthersRoom) {
    std::vector<std::unique_ptr<const TlsLibrary>> libraries;
    for (int i = 0; i < 130; ++i)
        libraries.push_back(std::make_unique<const TlsLibrary>());
    EXPECT_NE(provider_with(*libraries[0]), provider());
    EXPECT_EQ(provider_with(*libraries[129]), provider());
    unsigned char octet = 0;
    EXPECT_EQ(RAND_bytes(&octet, 1), 1);
}

/// A connection to a target that is given up, on the calling thread.
void make_and_free(const TlsClientContext& context) {
    SSL* const made = context.make("target.example");
    ASSERT_NE(made, nullptr);
    EXPECT_EQ(context.failure(made), "");
    SSL_free(made);
}

TEST(TlsLibrary, ConnectionsToTargetsLeaveNothingInAnyThread) {
    config::TargetTls config;
    config.verify = false;
    auto context = TlsClientContext::create(config).value();
    const std::weak_ptr<const TlsClientContext> seen = context;
    const TlsLibrary library;
    make_and_free(*context);
    std::thread([&] {
        library.use();
        make_and_free(*context);
        make_and_free(*context);
    }).join();
    context.reset();
    EXPECT_TRUE(seen.expired());
}

/// TLS version, and whether the key is one for RSA.
using Kind = std::tuple<int, bool>;

class TlsLibraryHandshake : public testing::TestWithParam<Kind> {
  protected:
    TlsLibraryHandshake() {
        const auto files = test::make_certificate(dir_.path().string(), "site", {"site.example"},
                                                  std::get<bool>(GetParam()));
        config_.certificates.push_back({files.certificate, files.key});
        server_ = TlsContext::create(config_, keys_).value();
        client_ = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_max_proto_version(client_, std::get<int>(GetParam()));
        SSL_CTX_set_session_cache_mode(client_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_set_app_data(client_, this);
        SSL_CTX_sess_set_new_cb(client_, [](SSL* connection, SSL_SESSION* session) {
            auto* const self = static_cast<TlsLibraryHandshake*>(
                SSL_CTX_get_app_data(SSL_get_SSL_CTX(connection)));
            SSL_SESSION_free(self->session_);
            self->session_ = session;
            return 1;
        });
    }
    ~TlsLibraryHandshake() override {
        SSL_SESSION_free(session_);
        SSL_CTX_free(client_);
    }

    /// A handshake and an octet each way, in memory; the client comes with the last session, if
    /// there is one. What went wrong, or "full" or "resumed".
    std::string meet() {
        SSL* const server = SSL_new(server_->start());
        SSL* const client = SSL_new(client_);
        BIO* near = nullptr;
        BIO* far = nullptr;
        BIO_new_bio_pair(&near, 0, &far, 0);
        SSL_set_bio(server, near, near);
        SSL_set_bio(client, far, far);
        SSL_set_accept_state(server);
        SSL_set_connect_state(client);
        if (session_ != nullptr) SSL_set_session(client, session_);
        bool done = false;
        for (int i = 0; i < 10 && !done; ++i) {
            const bool of_client = SSL_do_handshake(client) == 1;
            const bool of_server = SSL_do_handshake(server) == 1;
            done = of_client && of_server;
        }
        char octet = 0;
        std::string result = "no handshake";
        if (done) {
            const bool there =
                SSL_write(client, "a", 1) == 1 && SSL_read(server, &octet, 1) == 1 && octet == 'a';
            const bool back =
                SSL_write(server, "b", 1) == 1 && SSL_read(client, &octet, 1) == 1 && octet == 'b';
            result = !there || !back                   ? "no data"
                     : SSL_session_reused(server) == 1 ? "resumed"
                                                       : "full";
        }
        ERR_clear_error();
        SSL_shutdown(client);  // Or its session would not be one to resume.
        SSL_free(server);
        SSL_free(client);
        return result;
    }

    std::string meet_with(const TlsLibrary& library) {
        std::string result;
        std::thread([&] {
            library.use();
            result = meet();
        }).join();
        return result;
    }

    switchyard::test::TempDir dir_;
    config::Tls config_;
    TicketKeys keys_;
    std::shared_ptr<const TlsContext> server_;
    SSL_CTX* client_ = nullptr;
    SSL_SESSION* session_ = nullptr;
};

TEST_P(TlsLibraryHandshake, AContextServesAllThreadsAndATicketIsGoodInEach) {
    const TlsLibrary one;
    const TlsLibrary two;
    EXPECT_EQ(meet_with(one), "full");
    EXPECT_EQ(meet_with(two), "resumed");
    EXPECT_EQ(meet_with(one), "resumed");
    EXPECT_EQ(meet(), "resumed");
}

INSTANTIATE_TEST_SUITE_P(
    All, TlsLibraryHandshake,
    testing::Combine(testing::Values(TLS1_2_VERSION, TLS1_3_VERSION), testing::Bool()),
    [](const auto& which) {
        return std::string(std::get<int>(which.param) == TLS1_2_VERSION ? "Tls12" : "Tls13") +
               (std::get<bool>(which.param) ? "Rsa" : "P256");
    });

}  // namespace
}  // namespace switchyard::net
