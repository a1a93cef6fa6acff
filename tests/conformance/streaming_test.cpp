// Bodies of any length pass with a bounded amount of memory, however slow the other side is.
#include "conformance/wire.hpp"
#include "support/crc32.hpp"

#include <string>
#include <vector>

namespace switchyard::test {
namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;
#if defined(SWITCHYARD_ASAN) || defined(SWITCHYARD_TSAN)
constexpr std::uint64_t kLong = 64 * kMiB;
constexpr std::size_t kGrowth = 512 * kMiB;  // Freed memory is kept in quarantine.
#else
constexpr std::uint64_t kLong = 1024 * kMiB;
constexpr std::size_t kGrowth = 32 * kMiB;
#endif

Deadline long_time() {
    return Deadline(240s);
}

class Streaming : public Wire {
  protected:
    void start_measured() {
        start_wire();
        // What the first requests cost once is not what is measured.
        for (int i = 0; i < 3; ++i)
            EXPECT_EQ(ask("GET", "/bytes?n=1000000").status, 200);
        before_ = daemon().resident_bytes();
    }
    void expect_bounded(const char* when) {
        const std::size_t now = daemon().resident_bytes();
        EXPECT_LT(now, before_ + kGrowth)
            << when << ": from " << before_ / kMiB << " MiB to " << now / kMiB << " MiB";
    }

  private:
    std::size_t before_ = 0;
};

TEST_P(Streaming, ADownloadOfAGibibyteIsWholeAndTakesNoMemory) {
    start_measured();
    for (const char* framing : {"", "&chunked=1"}) {
        if (GetParam() == Transport::tls && *framing != '\0') continue;
        auto client = open();
        client.send(request_text("GET", "/bytes?n=" + std::to_string(kLong) + framing));
        auto response = read_head(client);
        EXPECT_EQ(response.status, 200);
        PatternChecker checker(Colour::blue);
        bool fits = true;
        std::uint64_t checked_at = 0;
        read_body(
            client, response, "GET",
            [&](std::string_view piece) {
                fits = fits && !checker.feed(piece);
                if (checker.offset() - checked_at < kLong / 8) return;
                checked_at = checker.offset();
                expect_bounded("during the download");
            },
            long_time());
        EXPECT_TRUE(fits);
        EXPECT_EQ(checker.offset(), kLong);
    }
    expect_bounded("after the download");
}

TEST_P(Streaming, AnUploadOfAGibibyteIsWholeAndTakesNoMemory) {
    start_measured();
    auto client = open();
    client.send(request_text("POST", "/upload", {{"Content-Length", std::to_string(kLong)}}));
    std::string piece(kMiB, '\0');
    Crc32 crc;
    for (std::uint64_t at = 0; at < kLong; at += piece.size()) {
        fill_pattern(Colour::green, at, piece);
        crc.feed(piece);
        client.send(piece, long_time());
        if (at % (kLong / 8) == 0) expect_bounded("during the upload");
    }
    const auto response = read_response(client, "POST", long_time());
    const auto json = boost::json::parse(response.body);
    EXPECT_EQ(json.at("bytes").to_number<std::uint64_t>(), kLong);
    EXPECT_EQ(json.at("crc32").to_number<std::uint32_t>(), crc.value());
    expect_bounded("after the upload");
}

TEST_P(Streaming, SlowReadersHoldABoundedAmountOfMemory) {
    start_measured();
    constexpr int kReaders = 8;
    std::vector<Client> readers;
    for (int i = 0; i < kReaders; ++i) {
        readers.push_back(open());
        readers.back().send(request_text("GET", "/bytes?n=10000000000"));
    }
    ASSERT_TRUE(eventually([this] { return started("/bytes") >= kReaders; }));
    // They read a little, with the rest of the ten gigabytes pressing.
    for (int turn = 0; turn < 20; ++turn) {
        for (auto& reader : readers)
            static_cast<void>(reader.read_exactly(50'000));
        expect_bounded("while readers are slow");
    }
    // Then nothing at all.
    for (auto& reader : readers)
        reader.consume(reader.buffered().size());
    EXPECT_FALSE(eventually(
        [this] {
            expect_bounded("while readers stand still");
            return HasFailure();
        },
        Deadline(1s)));
    // And the others are served meanwhile.
    EXPECT_EQ(ask("GET", "/").status, 200);
}

TEST_P(Streaming, SlowOriginsHoldABoundedAmountOfMemory) {
    start_measured();
    std::vector<Client> senders;
    const std::string piece(kMiB, 'x');
    for (int i = 0; i < 8; ++i) {
        senders.push_back(open());
        senders.back().send(
            request_text("POST", "/upload?rate=100000", {{"Content-Length", "1000000000"}}));
    }
    for (auto& sender : senders) {
        // As much as is taken, until nobody takes more.
        std::size_t sent = 0;
        for (int i = 0; i < 64; ++i) {
            const std::size_t taken = sender.send_some(piece, Deadline(100ms));
            sent += taken;
            if (taken < piece.size()) break;
        }
        EXPECT_LT(sent, 64 * kMiB) << "nothing held the sender back";
        expect_bounded("while the origin is slow");
    }
    EXPECT_EQ(ask("GET", "/").status, 200);
}

TEST_P(Streaming, BothDirectionsFlowAtOnce) {
    start_measured();
    // The origin answers before the body came; the body is sent while the answer is read.
    auto client = open();
    client.send(
        request_text("POST", "/bytes?n=20000000&unread=1", {{"Transfer-Encoding", "chunked"}}) +
        chunk("hello"));
    auto response = read_head(client);
    EXPECT_EQ(response.status, 200);
    PatternChecker checker(Colour::blue);
    bool fits = true;
    read_body(client, response, "POST",
              [&](std::string_view piece) { fits = fits && !checker.feed(piece); });
    EXPECT_TRUE(fits);
    EXPECT_EQ(checker.offset(), 20'000'000U);
}

INSTANTIATE_TEST_SUITE_P(Over, Streaming, both_transports(), transport_name);

}  // namespace
}  // namespace switchyard::test
