// Bodies that are compressed while they are pulled: whole, flushed where the origin pauses, and
// never ended where the origin did not end.
#include "compress/compressed_body.hpp"

#include <brotli/decode.h>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <vector>
#include <zlib.h>

#include <gtest/gtest.h>

namespace switchyard::compress {
namespace {

using Algorithm = config::Compression::Algorithm;
using http::Chunk;
using http::Fault;

/// Undoes a coding piece by piece.
class Decoder {
  public:
    explicit Decoder(Algorithm algorithm) : gzip_(algorithm == Algorithm::gzip) {
        if (gzip_) inflateInit2(&inflate_, 15 + 16);
    }
    ~Decoder() {
        if (gzip_) inflateEnd(&inflate_);
        BrotliDecoderDestroyInstance(brotli_);
    }
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;

    /// What this piece adds.
    std::string decode(std::string_view piece) {
        std::string text;
        std::vector<unsigned char> room(64 * 1024);
        const auto* at = reinterpret_cast<const unsigned char*>(piece.data());
        std::size_t left = piece.size();
        for (bool more = true; more && !ended && !failed;) {
            std::size_t free = room.size();
            if (gzip_) {
                inflate_.next_in = const_cast<unsigned char*>(at);
                inflate_.avail_in = static_cast<uInt>(left);
                inflate_.next_out = room.data();
                inflate_.avail_out = static_cast<uInt>(free);
                const int result = inflate(&inflate_, Z_NO_FLUSH);
                at = inflate_.next_in;
                left = inflate_.avail_in;
                free = inflate_.avail_out;
                ended = result == Z_STREAM_END;
                failed = !ended && result != Z_OK && result != Z_BUF_ERROR;
                more = left > 0 || free == 0;
            } else {
                unsigned char* to = room.data();
                const auto result =
                    BrotliDecoderDecompressStream(brotli_, &left, &at, &free, &to, nullptr);
                ended = result == BROTLI_DECODER_RESULT_SUCCESS;
                failed = result == BROTLI_DECODER_RESULT_ERROR;
                more = result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT || free == 0;
            }
            text.append(reinterpret_cast<const char*>(room.data()), room.size() - free);
        }
        if (ended && left > 0) failed = true;
        return text;
    }

    bool ended = false;
    bool failed = false;

  private:
    bool gzip_;
    z_stream inflate_{};
    BrotliDecoderState* brotli_ = BrotliDecoderCreateInstance(nullptr, nullptr, nullptr);
};

/// An origin whose pieces come when the test says so.
class Origin final : public http::Body {
  public:
    bool take_received(Chunk& chunk) override { return try_next(chunk); }
    bool try_next(Chunk& chunk) override {
        if (pieces.empty()) return false;
        current_ = std::move(pieces.front());
        pieces.pop_front();
        chunk = {current_, pieces.empty() && ends, Fault::none};
        if (pieces.empty() && fault != Fault::none) chunk = {{}, false, fault};
        received_ += chunk.data.size();
        return true;
    }
    Task<Chunk> next() override {
        Chunk chunk;
        EXPECT_TRUE(try_next(chunk)) << "nothing would come";
        co_return chunk;
    }
    void interrupt() noexcept override {}
    [[nodiscard]] const http::Fields& trailers() const override { return fields; }
    [[nodiscard]] bool finished() const override { return pieces.empty() && ends; }
    [[nodiscard]] std::uint64_t received() const override { return received_; }

    std::deque<std::string> pieces;
    bool ends = false;  ///< With the last of them.
    Fault fault = Fault::none;
    http::Fields fields;

  private:
    std::string current_;
    std::uint64_t received_ = 0;
};

std::string words(std::size_t size, unsigned seed = 1) {
    std::minstd_rand random(seed);
    std::string text;
    while (text.size() < size)
        text += "word" + std::to_string(random() % 1000) + (random() % 9 == 0 ? ".\n" : " ");
    text.resize(size);
    return text;
}
std::string noise(std::size_t size) {
    std::minstd_rand random(7);
    std::string text(size, '\0');
    for (char& c : text)
        c = static_cast<char>(random() >> 8);
    return text;
}

class CompressedBodyTest : public testing::TestWithParam<Algorithm> {
  protected:
    [[nodiscard]] CompressedBody make(std::optional<std::uint64_t> size = {}) {
        return {origin, make_encoder(GetParam(), options, size)};
    }
    /// Pulls to the end, or to where nothing more is at hand.
    std::string pull(CompressedBody& body) {
        std::string text;
        Chunk chunk;
        while (body.try_next(chunk)) {
            fault = chunk.fault;
            if (fault != Fault::none) break;
            largest = std::max(largest, chunk.data.size());
            text += decoder.decode(chunk.data);
            EXPECT_EQ(decoder.ended, chunk.last);
            if (chunk.last) break;
            EXPECT_FALSE(chunk.data.empty());
        }
        EXPECT_FALSE(decoder.failed);
        return text;
    }

    config::Compression options;
    Origin origin;
    Decoder decoder{GetParam()};
    Fault fault = Fault::none;
    std::size_t largest = 0;
};
INSTANTIATE_TEST_SUITE_P(By, CompressedBodyTest,
                         testing::Values(Algorithm::gzip, Algorithm::brotli), [](const auto& test) {
                             return std::string(config::to_string(test.param));
                         });

TEST_P(CompressedBodyTest, ComesWholeInOnePiece) {
    const std::string text = words(20'000);
    auto body = make(text.size());
    const Chunk chunk = body.begin({text, true, Fault::none});
    EXPECT_TRUE(chunk.last);
    EXPECT_TRUE(body.finished());
    EXPECT_LT(chunk.data.size(), text.size() / 2);
    EXPECT_EQ(body.produced(), chunk.data.size());
    EXPECT_EQ(body.taken(), text.size());
    EXPECT_EQ(decoder.decode(chunk.data), text);
    EXPECT_TRUE(decoder.ended);
}

TEST_P(CompressedBodyTest, ComesWholeHoweverLong) {
    std::string all;
    for (unsigned i = 0; i < 40; ++i) {
        origin.pieces.push_back(i % 3 == 0 ? noise(100'000) : words(100'000, i));
        all += origin.pieces.back();
    }
    origin.ends = true;
    auto body = make(all.size());
    EXPECT_TRUE(pull(body) == all);
    EXPECT_TRUE(decoder.ended);
    EXPECT_EQ(body.received(), all.size());
    // Output that was not handed on does not pile up.
    EXPECT_LT(largest, 400'000U);
}

TEST_P(CompressedBodyTest, APauseHoldsNothingBack) {
    auto body = make();
    Chunk chunk = body.begin({});
    EXPECT_FALSE(chunk.last);
    EXPECT_FALSE(body.try_next(chunk));
    for (int i = 0; i < 20; ++i) {
        const std::string event = "data: " + std::to_string(i) + "\n\n";
        origin.pieces.push_back(event);
        EXPECT_EQ(pull(body), event);
        EXPECT_FALSE(body.try_next(chunk));
    }
    // Also what came with the head.
    origin.pieces.emplace_back("");
    origin.ends = true;
    EXPECT_EQ(pull(body), "");
    EXPECT_TRUE(decoder.ended);
}

TEST_P(CompressedBodyTest, WhatCameWithTheHeadIsFlushedToo) {
    auto body = make();
    std::string text = decoder.decode(body.begin({"first words", false, Fault::none}).data);
    text += pull(body);
    EXPECT_EQ(text, "first words");
    EXPECT_FALSE(decoder.ended);
}

TEST_P(CompressedBodyTest, WhatIsAlwaysTheSameComesAllTheSame) {
    // 1 GiB of zeros would be some hundred octets: the client must not wait for the end.
    for (int i = 0; i < 64; ++i)
        origin.pieces.emplace_back(64 * 1024, '\0');
    auto body = make();
    Chunk chunk;
    ASSERT_TRUE(body.try_next(chunk));
    EXPECT_FALSE(chunk.data.empty());
    EXPECT_LE(body.taken(), 320U * 1024);
    EXPECT_FALSE(origin.pieces.empty());
}

TEST_P(CompressedBodyTest, AFaultIsNoEnd) {
    origin.pieces = {words(50'000), words(50'000), ""};
    origin.fault = Fault::closed;
    auto body = make();
    // What came before it is not held back.
    EXPECT_TRUE(pull(body) == words(50'000) + words(50'000));
    EXPECT_EQ(fault, Fault::closed);
    EXPECT_FALSE(decoder.ended);
    EXPECT_FALSE(body.finished());
}

TEST_P(CompressedBodyTest, TrailersStayButDigestsDoNot) {
    origin.pieces = {words(5'000)};
    origin.ends = true;
    origin.fields = {{http::FieldId::unknown, "X-Sum", "1"},
                     {http::FieldId::unknown, "Repr-Digest", "2"},
                     {http::FieldId::unknown, "X-More", "3"}};
    auto body = make();
    pull(body);
    ASSERT_EQ(body.trailers().size(), 2U);
    EXPECT_EQ(body.trailers()[0].name, "X-Sum");
    EXPECT_EQ(body.trailers()[1].name, "X-More");
}

TEST_P(CompressedBodyTest, EveryLevelIsOne) {
    const std::string text = words(30'000);
    for (int level = 0; level <= 11; ++level) {
        options.brotli_level = level;
        options.gzip_level = std::clamp(level, 1, 9);
        auto body = make(text.size());
        Decoder fresh(GetParam());
        EXPECT_EQ(fresh.decode(body.begin({text, true, Fault::none}).data), text) << level;
    }
}

}  // namespace
}  // namespace switchyard::compress
