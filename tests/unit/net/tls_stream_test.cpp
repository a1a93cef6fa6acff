#include "net/stream.hpp"
#include "net/ticket_keys.hpp"
#include "net/tls_client_context.hpp"
#include "net/tls_context.hpp"
#include "support/temp_dir.hpp"
#include "unit/net/support.hpp"
#include "unit/net/tls_meeting.hpp"
#include "unit/net/tls_support.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

namespace switchyard::net {
namespace {

using namespace std::chrono_literals;
using test::Pair;
using test::run;
using test::TlsClient;

constexpr std::chrono::milliseconds kNoLimit{0};

class TlsStream : public test::TlsMeeting {};

Task<void> echo(Stream& stream, const TlsContext& context, std::size_t total) {
    const IoStatus status = co_await stream.accept_tls(context.start(), 10s);
    EXPECT_EQ(status, IoStatus::ok);
    std::string data(64 * 1024, '\0');
    std::size_t echoed = 0;
    while (echoed < total) {
        const Stream::Transfer got = co_await stream.read(data.data(), data.size(), 10s);
        EXPECT_EQ(got.status, IoStatus::ok);
        if (got.status != IoStatus::ok) co_return;
        // In two pieces, which share a record where they are small.
        const std::size_t half = got.bytes / 2;
        iovec pieces[2] = {{data.data(), half}, {data.data() + half, got.bytes - half}};
        const Stream::Transfer sent = co_await stream.write_all(pieces, 10s);
        EXPECT_EQ(sent.status, IoStatus::ok);
        echoed += got.bytes;
    }
    stream.shutdown_send();
}

TEST_F(TlsStream, PassesDataBothWays) {
    meet([this](Stream& stream) { return echo(stream, *context_, 5); },
         [](TlsClient& client) {
             ASSERT_TRUE(client.connect());
             EXPECT_TRUE(client.send("hello"));
             EXPECT_EQ(client.receive(5), "hello");
             EXPECT_EQ(SSL_read(client.ssl(), std::string(1, 'x').data(), 1), 0);
             EXPECT_NE(SSL_get_shutdown(client.ssl()) & SSL_RECEIVED_SHUTDOWN, 0);
         });
}

TEST_F(TlsStream, PassesMegabytesWhole) {
    constexpr std::size_t kSize = 3 * 1024 * 1024 + 17;
    std::string data(kSize, '\0');
    for (std::size_t i = 0; i < kSize; ++i)
        data[i] = static_cast<char>(i * 37 >> 5);
    meet([this](Stream& stream) { return echo(stream, *context_, kSize); },
         [&](TlsClient& client) {
             ASSERT_TRUE(client.connect());
             // Small steps, since the echo waits while nobody reads.
             std::string back;
             for (std::size_t at = 0; at < kSize; at += 20'000) {
                 const auto piece = std::string_view(data).substr(at, 20'000);
                 ASSERT_TRUE(client.send(piece));
                 back += client.receive(piece.size());
             }
             EXPECT_TRUE(back == data);
         });
}

/// Writes much at once to a client that is slow to read.
Task<void> flood(Stream& stream, const TlsContext& context, const std::string& data) {
    const IoStatus status = co_await stream.accept_tls(context.start(), 10s);
    EXPECT_EQ(status, IoStatus::ok);
    auto* const bytes = const_cast<char*>(data.data());
    iovec pieces[3] = {{bytes, 100}, {bytes + 100, 70'000}, {bytes + 70'100, data.size() - 70'100}};
    const Stream::Transfer sent = co_await stream.write_all(pieces, 10s);
    EXPECT_EQ(sent.status, IoStatus::ok);
    EXPECT_EQ(sent.bytes, data.size());
    stream.shutdown_send();
}

TEST_F(TlsStream, WaitsForASlowReader) {
    std::string data(8 * 1024 * 1024, '\0');
    for (std::size_t i = 0; i < data.size(); ++i)
        data[i] = static_cast<char>(i * 41 >> 6);
    meet([&](Stream& stream) { return flood(stream, *context_, data); },
         [&](TlsClient& client) {
             ASSERT_TRUE(client.connect());
             std::string got;
             while (got.size() < data.size()) {
                 const auto piece = client.receive(60'001);
                 if (piece.empty()) break;
                 got += piece;
             }
             EXPECT_TRUE(got == data);
         });
}

/// The first half of a record is here, the rest is not.
Task<void> half_a_record(Stream& stream, const TlsContext& context,
                         std::function<void()> send_first_half,
                         std::function<void()> send_the_rest) {
    const IoStatus status = co_await stream.accept_tls(context.start(), 10s);
    EXPECT_EQ(status, IoStatus::ok);
    send_first_half();
    char text[16];
    std::size_t done = 0;
    IoStatus got = IoStatus::again;
    // Until the half has arrived and was taken in.
    for (int i = 0; i < 3; ++i) {
        const IoStatus waited = co_await stream.readable(200ms);
        static_cast<void>(waited);
        got = stream.try_read(text, sizeof text, done);
        EXPECT_EQ(got, IoStatus::again);
    }
    // Whoever asks before each wait must be told to wait, or would never end.
    EXPECT_FALSE(stream.may_read());
    send_the_rest();
    const Stream::Transfer rest = co_await stream.read(text, sizeof text, 10s);
    EXPECT_EQ(rest.status, IoStatus::ok);
    EXPECT_EQ(std::string_view(text, rest.bytes), "whole");
}

TEST_F(TlsStream, APartOfARecordIsNothingToRead) {
    auto pair = Pair::tcp();
    Stream stream(loop_);
    ASSERT_TRUE(stream.open(pair.take_ours()));
    TlsClient client(pair.take_theirs(), "one.example");
    std::thread connecting([&] { EXPECT_TRUE(client.connect()); });
    std::string wire;
    run(loop_, half_a_record(
                   stream, *context_,
                   [&] {
                       connecting.join();
                       wire = client.encrypt("whole");
                       client.send_raw(std::string_view(wire).substr(0, wire.size() / 2));
                   },
                   [&] { client.send_raw(std::string_view(wire).substr(wire.size() / 2)); }));
}

TEST_F(TlsStream, RecordsThatCameTogetherAreReadWithoutNews) {
    const auto two = [](Stream& stream, const TlsContext& context) -> Task<void> {
        const IoStatus status = co_await stream.accept_tls(context.start(), 10s);
        EXPECT_EQ(status, IoStatus::ok);
        std::string all;
        while (all.size() < 6) {
            char text[2];
            const Stream::Transfer got = co_await stream.read(text, sizeof text, 5s);
            EXPECT_EQ(got.status, IoStatus::ok);
            if (got.status != IoStatus::ok) co_return;
            all.append(text, got.bytes);
        }
        EXPECT_EQ(all, "abcdef");
    };
    meet([&](Stream& stream) { return two(stream, *context_); },
         [](TlsClient& client) {
             ASSERT_TRUE(client.connect());
             const auto first = client.encrypt("abc");
             client.send_raw(first + client.encrypt("def"));
             static_cast<void>(client.receive(1));
         });
}

Task<void> expect_handshake(Stream& stream, const TlsContext& context, IoStatus expected,
                            std::chrono::milliseconds timeout) {
    const IoStatus status = co_await stream.accept_tls(context.start(), timeout);
    EXPECT_EQ(status, expected);
    stream.close();
}

TEST_F(TlsStream, TheWholeHandshakeHasOneDeadline) {
    auto pair = Pair::tcp();
    Stream stream(loop_);
    ASSERT_TRUE(stream.open(pair.take_ours()));
    pair.send("\x16\x03\x01\x01");  // A beginning, then silence.
    run(loop_, expect_handshake(stream, *context_, IoStatus::timed_out, 150ms));
}

TEST_F(TlsStream, CancelEndsAHandshake) {
    auto pair = Pair::tcp();
    Stream stream(loop_);
    ASSERT_TRUE(stream.open(pair.take_ours()));
    loop_.post([&stream] { stream.cancel(); });
    run(loop_, expect_handshake(stream, *context_, IoStatus::cancelled, 10s));
}

/// A handshake that the other side does not take part in.
Task<void> shake_hands_in_vain(Stream& stream, std::shared_ptr<const TlsClientContext> client) {
    ssl_st* const made = client->make("target.example");
    std::shared_ptr<const void> maker = std::move(client);
    EXPECT_NE(co_await stream.connect_tls(made, std::move(maker), 1s), IoStatus::ok);
}

TEST_F(TlsStream, AConnectionToATargetKeepsWhatItPointsTo) {
    config::TargetTls config;
    config.verify = false;
    auto client = TlsClientContext::create(config).value();
    const std::weak_ptr<const TlsClientContext> seen = client;
    auto pair = Pair::tcp();
    Stream stream(loop_);
    ASSERT_TRUE(stream.open(pair.take_ours()));
    ::close(pair.take_theirs());
    run(loop_, shake_hands_in_vain(stream, std::move(client)));
    EXPECT_FALSE(seen.expired());
    stream.close();
    EXPECT_TRUE(seen.expired());
}

TEST_F(TlsStream, NoiseIsAFailedHandshake) {
    auto pair = Pair::tcp();
    Stream stream(loop_);
    ASSERT_TRUE(stream.open(pair.take_ours()));
    pair.send("GET / HTTP/1.1\r\nHost: plain.example\r\n\r\n");
    run(loop_, expect_handshake(stream, *context_, IoStatus::error, 10s));
}

Task<void> read_end(Stream& stream, const TlsContext& context, IoStatus expected) {
    const IoStatus status = co_await stream.accept_tls(context.start(), 10s);
    EXPECT_EQ(status, IoStatus::ok);
    char octet = 0;
    const Stream::Transfer got = co_await stream.read(&octet, 1, 10s);
    EXPECT_EQ(got.status, expected);
    stream.end_tls();
    stream.close();
}

/// Octets until the end of the connection, as they are on the wire.
std::size_t count_until_end(int fd) {
    std::size_t total = 0;
    char octets[256];
    for (;;) {
        const ssize_t count = ::recv(fd, octets, sizeof octets, 0);
        if (count <= 0) return total;
        total += static_cast<std::size_t>(count);
    }
}

TEST_F(TlsStream, CloseNotifyIsAnEndInGoodOrderAndGetsOurs) {
    meet([this](Stream& stream) { return read_end(stream, *context_, IoStatus::eof); },
         [](TlsClient& client) {
             ASSERT_TRUE(client.connect());
             SSL_shutdown(client.ssl());
             ::shutdown(client.fd(), SHUT_WR);
             EXPECT_EQ(client.receive(1), "");
             EXPECT_NE(SSL_get_shutdown(client.ssl()) & SSL_RECEIVED_SHUTDOWN, 0);
         });
}

TEST_F(TlsStream, AnEndWithoutCloseNotifyIsAnErrorAndGetsNoAnswer) {
    config_.session_tickets = false;
    context_ = make_context();
    meet([this](Stream& stream) { return read_end(stream, *context_, IoStatus::error); },
         [](TlsClient& client) {
             ASSERT_TRUE(client.connect());
             ::shutdown(client.fd(), SHUT_WR);
             EXPECT_EQ(count_until_end(client.fd()), 0U);
         });
}

/// What is agreed on with a client that offers these suites of TLS 1.3, in its order.
void agree(TlsClient& client, const char* offered, const char* expected) {
    SSL_set_ciphersuites(client.ssl(), offered);
    ASSERT_TRUE(client.connect());
    EXPECT_STREQ(SSL_get_cipher(client.ssl()), expected);
    SSL_shutdown(client.ssl());
}

TEST_F(TlsStream, PrefersTheCheaperSuiteOfTheSameWorth) {
    meet([this](Stream& stream) { return read_end(stream, *context_, IoStatus::eof); },
         [](TlsClient& client) {
             agree(client, "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256",
                   "TLS_AES_128_GCM_SHA256");
         });
}

TEST_F(TlsStream, TakesTheLongerKeyFromAClientThatWantsIt) {
    meet([this](Stream& stream) { return read_end(stream, *context_, IoStatus::eof); },
         [](TlsClient& client) {
             agree(client, "TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384");
         });
}

TEST_F(TlsStream, AgreesOnHttp11) {
    const auto protocol = [](Stream& stream, const TlsContext& context) -> Task<void> {
        const IoStatus status = co_await stream.accept_tls(context.start(), 10s);
        EXPECT_EQ(status, IoStatus::ok);
        char octet = 0;
        static_cast<void>(co_await stream.read(&octet, 1, 10s));
    };
    meet([&](Stream& stream) { return protocol(stream, *context_); },
         [](TlsClient& client) {
             SSL_set_alpn_protos(client.ssl(),
                                 reinterpret_cast<const unsigned char*>("\x02h2\x08http/1.1"), 12);
             ASSERT_TRUE(client.connect());
             const unsigned char* chosen = nullptr;
             unsigned size = 0;
             SSL_get0_alpn_selected(client.ssl(), &chosen, &size);
             EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(chosen), size), "http/1.1");
         });
}

TEST_F(TlsStream, RefusesAClientThatOffersNothingWeSpeak) {
    meet([this](
             Stream& stream) { return expect_handshake(stream, *context_, IoStatus::error, 10s); },
         [](TlsClient& client) {
             SSL_set_alpn_protos(client.ssl(), reinterpret_cast<const unsigned char*>("\x02h2"), 3);
             EXPECT_FALSE(client.connect());
         });
}

/// One byte each way, so that a TLS 1.3 client has got its ticket.
Task<void> say_hello(Stream& stream, const TlsContext& context, bool& resumed) {
    const IoStatus status = co_await stream.accept_tls(context.start(), 10s);
    EXPECT_EQ(status, IoStatus::ok);
    resumed = SSL_session_reused(stream.tls()) != 0;
    char octet = 'h';
    iovec piece{&octet, 1};
    static_cast<void>(co_await stream.write_all({&piece, 1}, 10s));
    static_cast<void>(co_await stream.read(&octet, 1, 10s));
}

class TlsTickets : public TlsStream, public testing::WithParamInterface<int> {};

TEST_P(TlsTickets, ResumeOnEveryContextWithTheSameKeys) {
    SSL_SESSION* session = nullptr;
    // The second context stands for another worker, or for the one after a reload.
    const std::shared_ptr<const TlsContext> contexts[] = {context_, make_context()};
    bool resumed[2] = {true, false};
    for (int i = 0; i < 2; ++i) {
        auto pair = Pair::tcp();
        EventLoop loop;
        Stream stream(loop);
        ASSERT_TRUE(stream.open(pair.take_ours()));
        std::thread other([&] {
            TlsClient client(pair.take_theirs(), "one.example", GetParam());
            if (session != nullptr) SSL_set_session(client.ssl(), session);
            EXPECT_TRUE(client.connect());
            EXPECT_EQ(client.receive(1), "h");
            SSL_SESSION_free(session);
            session = SSL_get1_session(client.ssl());
            EXPECT_TRUE(client.send("x"));
            SSL_shutdown(client.ssl());
        });
        run(loop, say_hello(stream, *contexts[i], resumed[i]));
        other.join();
    }
    SSL_SESSION_free(session);
    EXPECT_FALSE(resumed[0]);
    EXPECT_TRUE(resumed[1]);
}

INSTANTIATE_TEST_SUITE_P(Versions, TlsTickets, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& test) {
                             return test.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

}  // namespace
}  // namespace switchyard::net
