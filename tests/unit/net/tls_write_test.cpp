// What Stream makes of a write over TLS: how long its records are, and that all of it arrives.
#include "unit/net/tls_meeting.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::net {
namespace {

using namespace std::chrono_literals;
using test::TlsClient;
using testing::ElementsAre;

class TlsWrite : public test::TlsMeeting {};
class TlsWriteOf : public TlsWrite, public testing::WithParamInterface<int> {
  protected:
    /// Writes more than the sockets hold, in writes of these sizes, to a client that is slow to
    /// read.
    void write_to_slow_client(const std::vector<std::size_t>& sizes, int send_buffer);
};

INSTANTIATE_TEST_SUITE_P(Versions, TlsWriteOf, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) {
                             return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

std::string pattern(std::size_t size) {
    std::string data(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        data[i] = static_cast<char>((i * 2'654'435'761U) >> 11);
    return data;
}

Task<void> write(Stream& stream, std::string_view data) {
    iovec piece{const_cast<char*>(data.data()), data.size()};
    const Stream::Transfer sent = co_await stream.write_all({&piece, 1}, 20s);
    EXPECT_EQ(sent.status, IoStatus::ok);
    EXPECT_EQ(sent.bytes, data.size());
}

/// Octets of application data in each record that comes (TLS 1.3).
struct Lengths {
    std::vector<std::size_t> all;
    std::size_t wire = 0;

    static void note(int, int, int kind, const void* data, std::size_t, SSL*, void* self) {
        auto& lengths = *static_cast<Lengths*>(self);
        const auto* const octets = static_cast<const unsigned char*>(data);
        // A tag of 16 octets, and the kind of the content (RFC 8446 §5.2).
        if (kind == SSL3_RT_HEADER) lengths.wire = octets[3] * 256U + octets[4] - 17;
        if (kind == SSL3_RT_INNER_CONTENT_TYPE && octets[0] == SSL3_RT_APPLICATION_DATA) {
            lengths.all.push_back(lengths.wire);
        }
    }
};

TEST_F(TlsWrite, RecordsBeginSmallAndGrow) {
    constexpr std::size_t kFirst = 70'000;
    constexpr std::size_t kThen = 17'000;
    const std::string data = pattern(kFirst);
    meet(
        [&](Stream& stream) -> Task<void> {
            const IoStatus status = co_await stream.accept_tls(context_->start(), 10s);
            EXPECT_EQ(status, IoStatus::ok);
            // As the SETTINGS of HTTP/2, and an answer to a PING.
            co_await write(stream, "a short one");
            co_await write(stream, "and another");
            co_await write(stream, data);
            co_await write(stream, std::string_view(data).substr(0, kThen));
            // Silent for longer than a second.
            const IoStatus waited = co_await stream.readable(1300ms);
            EXPECT_EQ(waited, IoStatus::timed_out);
            co_await write(stream, std::string_view(data).substr(0, 5'000));
        },
        [&](TlsClient& client) {
            Lengths lengths;
            SSL_set_msg_callback(client.ssl(), &Lengths::note);
            SSL_set_msg_callback_arg(client.ssl(), &lengths);
            ASSERT_TRUE(client.connect());
            EXPECT_EQ(client.receive(22), "a short oneand another");
            EXPECT_TRUE(client.receive(kFirst) == data);
            EXPECT_THAT(lengths.all, ElementsAre(11, 11, 1'350, 2'700, 5'400, 10'800, 16'384,
                                                 16'384, 16'384, 598));
            lengths.all.clear();
            EXPECT_EQ(client.receive(kThen).size(), kThen);
            EXPECT_THAT(lengths.all, ElementsAre(16'384, 616));
            lengths.all.clear();
            EXPECT_EQ(client.receive(5'000).size(), 5'000U);
            EXPECT_THAT(lengths.all, ElementsAre(1'350, 2'700, 950));
        },
        TLS1_3_VERSION);
}

void TlsWriteOf::write_to_slow_client(const std::vector<std::size_t>& sizes, int send_buffer) {
    const std::string data = pattern(2'000'000);
    meet(
        [&](Stream& stream) -> Task<void> {
            EXPECT_EQ(
                ::setsockopt(stream.fd(), SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer),
                0);
            const IoStatus status = co_await stream.accept_tls(context_->start(), 10s);
            EXPECT_EQ(status, IoStatus::ok);
            std::string_view left = data;
            for (std::size_t i = 0; !left.empty(); ++i) {
                const auto part = left.substr(0, sizes[i % sizes.size()]);
                co_await write(stream, part);
                left.remove_prefix(part.size());
            }
            // Nothing says that more would come: what is not in the kernel now is lost.
            stream.close();
        },
        [&](TlsClient& client) {
            ASSERT_TRUE(client.connect());
            std::string got = client.receive(100'000);
            // Longer than what makes records small again, in the middle of one.
            std::this_thread::sleep_for(1300ms);
            while (got.size() < data.size()) {
                const auto piece = client.receive(60'001);
                got += piece;
                if (piece.size() != 60'001) break;
                if (got.size() % 7 == 0) std::this_thread::sleep_for(5ms);
            }
            EXPECT_EQ(got.size(), data.size());
            EXPECT_TRUE(got == data);
        },
        GetParam());
}

TEST_P(TlsWriteOf, AllHasLeftWhenItEnds) {
    write_to_slow_client({9'000, 65'536, 1, 16'385, 250'000}, 20'000);
}

TEST_P(TlsWriteOf, ARecordThatWaitedForLongIsStillTheSame) {
    // The socket never takes a whole one, so that OpenSSL keeps the rest of it.
    write_to_slow_client({16'000}, 1'000);
}

TEST_P(TlsWriteOf, EverySizeNearTheEdgesOfRecords) {
    std::vector<std::size_t> sizes;
    for (const std::size_t edge : {1'350U, 4'050U, 9'450U, 16'384U, 32'768U, 65'536U, 131'072U}) {
        for (std::size_t size = edge - 2; size <= edge + 2; ++size)
            sizes.push_back(size);
    }
    const std::string data = pattern(131'074);
    meet(
        [&](Stream& stream) -> Task<void> {
            const IoStatus status = co_await stream.accept_tls(context_->start(), 10s);
            EXPECT_EQ(status, IoStatus::ok);
            for (const std::size_t size : sizes) {
                // An empty piece, a head, a body in two: as messages are written.
                auto* const octets = const_cast<char*>(data.data());
                iovec pieces[4] = {{octets, 0},
                                   {octets, 200},
                                   {octets + 200, 1'000},
                                   {octets + 1'200, size - 1'200}};
                const Stream::Transfer sent = co_await stream.write_all(pieces, 10s);
                EXPECT_EQ(sent.status, IoStatus::ok);
                EXPECT_EQ(sent.bytes, size);
            }
            stream.shutdown_send();
        },
        [&](TlsClient& client) {
            ASSERT_TRUE(client.connect());
            for (const std::size_t size : sizes)
                EXPECT_TRUE(client.receive(size) == std::string_view(data).substr(0, size)) << size;
        },
        GetParam());
}

}  // namespace
}  // namespace switchyard::net
