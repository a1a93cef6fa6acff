// Reading and writing over one TLS connection at the same time: each side waits for what it needs
// itself, whatever the other one waits for.
#include "net/stream.hpp"
#include "net/ticket_keys.hpp"
#include "net/tls_context.hpp"
#include "support/temp_dir.hpp"
#include "unit/net/support.hpp"
#include "unit/net/tls_support.hpp"

#include <chrono>
#include <future>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace switchyard::net {
namespace {

using namespace std::chrono_literals;
using test::Pair;
using test::TlsClient;

constexpr std::chrono::milliseconds kNoLimit{0};

class TlsDuplex : public testing::Test {
  protected:
    TlsDuplex() {
        const auto files = test::make_certificate(dir_.path().string(), "one", {"one.example"});
        config::Tls config;
        config.certificates.push_back({files.certificate, files.key});
        config.session_tickets = false;  // So that nothing comes but what a test sends.
        context_ = TlsContext::create(config, keys_).value();
        EXPECT_TRUE(stream_.open(pair_.take_ours()));
    }

    switchyard::test::TempDir dir_;
    TicketKeys keys_;
    std::shared_ptr<const TlsContext> context_;
    EventLoop loop_;
    /// Its buffers are full when they say so: TCP's may take more a moment later.
    Pair pair_ = Pair::local();
    Stream stream_{loop_};
};

/// Waits for something to read, and counts how often it was woken before there was.
Task<void> count_wakes(Stream& stream, int& vain, char& octet) {
    for (;;) {
        std::size_t done = 0;
        const IoStatus got = stream.try_read(&octet, 1, done);
        if (got == IoStatus::ok) co_return;
        EXPECT_EQ(got, IoStatus::again);
        const IoStatus waited = co_await stream.readable(kNoLimit);
        EXPECT_EQ(waited, IoStatus::ok);
        if (!stream.may_read()) ++vain;
    }
}

Task<void> read_beside_a_long_write(Stream& stream, const TlsContext& context, std::size_t bytes,
                                    int& vain, char& octet) {
    const IoStatus status = co_await stream.accept_tls(context.start(), 10s);
    EXPECT_EQ(status, IoStatus::ok);
    Fork reader;
    reader.start(count_wakes(stream, vain, octet));
    std::string data(bytes, 'w');
    iovec piece{data.data(), data.size()};
    const Stream::Transfer sent = co_await stream.write_all({&piece, 1}, 10s);
    EXPECT_EQ(sent.status, IoStatus::ok);
    EXPECT_FALSE(reader.done());
    co_await reader.join();
}

TEST_F(TlsDuplex, AReaderIsNotWokenByRoomForTheWriter) {
    // Each vain wake would give the wait its whole time-out again: a client that takes an answer
    // slowly could keep an upload of which nothing comes alive for ever.
    constexpr std::size_t kBytes = 16 * 1024 * 1024;
    int vain = 0;
    char octet = 0;
    std::thread client([&] {
        const TlsClient tls(pair_.take_theirs(), "one.example");
        ASSERT_TRUE(tls.connect());
        EXPECT_EQ(tls.receive(kBytes).size(), kBytes);
        EXPECT_TRUE(tls.send("r"));
    });
    test::run(loop_, read_beside_a_long_write(stream_, *context_, kBytes, vain, octet));
    client.join();
    EXPECT_EQ(octet, 'r');
    EXPECT_EQ(vain, 0);
}

/// Makes the socket take no more, without OpenSSL's knowledge; how much that took.
std::size_t stuff(int fd) {
    const std::string junk(64 * 1024, 'j');
    std::size_t sent = 0;
    for (std::size_t size = junk.size(); size > 0;) {
        const auto count = ::send(fd, junk.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count > 0) {
            sent += static_cast<std::size_t>(count);
        } else {
            size /= 2;
        }
    }
    return sent;
}

Task<void> write_text(Stream& stream, std::string text) {
    iovec piece{text.data(), text.size()};
    const Stream::Transfer sent = co_await stream.write_all({&piece, 1}, 10s);
    EXPECT_EQ(sent.status, IoStatus::ok);
}

/// The client asked for new keys (RFC 8446 §4.6.3), and the answer to that does not fit into the
/// socket: until it does, nothing can be read either, not even what OpenSSL has already.
Task<void> read_what_waits_for_a_write(Stream& stream, const TlsContext& context,
                                       std::promise<std::size_t>& junk) {
    const IoStatus status = co_await stream.accept_tls(context.start(), 10s);
    EXPECT_EQ(status, IoStatus::ok);
    char octet = 0;
    const Stream::Transfer first = co_await stream.read(&octet, 1, 10s);
    EXPECT_EQ(first.status, IoStatus::ok);
    EXPECT_EQ(octet, 'x');
    const std::size_t stuffed = stuff(stream.fd());
    Fork writer;
    writer.start(write_text(stream, "pong"));
    EXPECT_FALSE(writer.done());
    std::size_t done = 0;
    const IoStatus blocked = stream.try_read(&octet, 1, done);
    EXPECT_EQ(blocked, IoStatus::again);
    EXPECT_FALSE(stream.may_read());
    junk.set_value(stuffed);
    const Stream::Transfer second = co_await stream.read(&octet, 1, 10s);
    EXPECT_EQ(second.status, IoStatus::ok);
    EXPECT_EQ(octet, 'y');
    co_await writer.join();
    co_await write_text(stream, "!");
}

TEST_F(TlsDuplex, AReaderThatHasToWriteFirstGoesOnWhenItCan) {
    std::promise<std::size_t> junk;
    std::thread client([&] {
        const TlsClient tls(pair_.take_theirs(), "one.example");
        ASSERT_TRUE(tls.connect());
        ASSERT_EQ(SSL_key_update(tls.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
        // All of it arrives at once: after 'x', OpenSSL holds 'y' and the socket nothing.
        const std::string first = tls.encrypt("x");
        tls.send_raw(first + tls.encrypt("y"));
        std::string dropped(junk.get_future().get(), '\0');
        ASSERT_EQ(::recv(tls.fd(), dropped.data(), dropped.size(), MSG_WAITALL),
                  static_cast<ssize_t>(dropped.size()));
        EXPECT_EQ(dropped.find_first_not_of('j'), std::string::npos);
        // To the end: that it went would be news for the reader too.
        EXPECT_EQ(tls.receive(5), "pong!");
    });
    test::run(loop_, read_what_waits_for_a_write(stream_, *context_, junk));
    stream_.close();
    client.join();
}

}  // namespace
}  // namespace switchyard::net
