#include "h1/chunk_decoder.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::h1 {
namespace {

using namespace std::string_literals;
using Status = ChunkDecoder::Status;

struct Decoded {
    Status status = Status::more;
    std::string data;
    std::size_t consumed = 0;
    std::string trailers;
    bool operator==(const Decoded&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Decoded& d) {
    return out << "status " << static_cast<int>(d.status) << ", consumed " << d.consumed
               << ", data '" << d.data << "', trailers '" << d.trailers << "'";
}

/// Decodes the octets, which arrive in pieces that end at `ends`.
Decoded decode(std::string_view octets, const std::vector<std::size_t>& ends) {
    ChunkDecoder decoder;
    decoder.start();
    Decoded out;
    std::size_t at = 0;
    for (const std::size_t end : ends) {
        std::vector<char> piece(octets.begin() + static_cast<std::ptrdiff_t>(at),
                                octets.begin() + static_cast<std::ptrdiff_t>(end));
        const ChunkDecoder::Step step = decoder.decode(piece.data(), piece.size());
        EXPECT_LE(step.produced, step.consumed);
        EXPECT_LE(step.consumed, piece.size());
        out.status = step.status;
        if (step.status == Status::failed) return {Status::failed, "", 0, ""};
        out.data.append(piece.data(), step.produced);
        out.consumed += step.consumed;
        if (step.status == Status::done) {
            for (const http::Field& field : decoder.trailers()) {
                out.trailers.append(field.name).append("=").append(field.value).append(";");
            }
            return out;
        }
        EXPECT_EQ(step.consumed, piece.size());
        at = end;
    }
    return out;
}

Decoded decode(std::string_view octets) {
    return decode(octets, {octets.size()});
}

void expect_same_for_all_splits(const std::string& octets) {
    const Decoded whole = decode(octets);
    for (std::size_t at = 1; at < octets.size(); ++at) {
        EXPECT_EQ(decode(octets, {at, octets.size()}), whole) << "split at " << at;
    }
    std::vector<std::size_t> each;
    for (std::size_t at = 1; at <= octets.size(); ++at)
        each.push_back(at);
    EXPECT_EQ(decode(octets, each), whole) << "octet by octet";
}

struct Good {
    const char* name;
    std::string octets;
    std::string data;
    std::string trailers;
    std::size_t left = 0;  ///< Octets that belong to the next message.
};
std::ostream& operator<<(std::ostream& out, const Good& c) {
    return out << c.name;
}

class GoodChunks : public testing::TestWithParam<Good> {};

TEST_P(GoodChunks, AreDecodedHoweverTheyArrive) {
    const Good& c = GetParam();
    const Decoded decoded = decode(c.octets);
    EXPECT_EQ(decoded.status, Status::done);
    EXPECT_EQ(decoded.data, c.data);
    EXPECT_EQ(decoded.trailers, c.trailers);
    EXPECT_EQ(decoded.consumed, c.octets.size() - c.left);
    expect_same_for_all_splits(c.octets);
}

INSTANTIATE_TEST_SUITE_P(
    All, GoodChunks,
    testing::Values(
        Good{"empty", "0\r\n\r\n", "", ""}, Good{"one", "5\r\nhello\r\n0\r\n\r\n", "hello", ""},
        Good{"many", "1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n", "abcdef", ""},
        Good{"hex", "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", ""},
        Good{"leading_zeros", "0005\r\nhello\r\n000\r\n\r\n", "hello", ""},
        Good{"line_ends_as_data", "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", ""},
        Good{"extension", "5;a=b;c=\"d\"\r\nhello\r\n0;last\r\n\r\n", "hello", ""},
        Good{"extension_with_blanks", "5; a = b\r\nhello\r\n0\r\n\r\n", "hello", ""},
        Good{"trailer", "0\r\nX-Sum: 1 \r\n\r\n", "", "X-Sum=1;"},
        Good{"trailers", "1\r\na\r\n0\r\nX-Sum:1\r\nX-Other:\t2\r\n\r\n", "a",
             "X-Sum=1;X-Other=2;"},
        Good{"empty_trailer", "0\r\nX-Sum:\r\n\r\n", "", "X-Sum=;"},
        Good{"forbidden_trailers_are_dropped",
             "0\r\nContent-Length: 5\r\nX-Sum: 1\r\ntransfer-encoding: chunked\r\nHost: b\r\n"
             "X-Forwarded-For: c\r\nSet-Cookie: d\r\n\r\n",
             "", "X-Sum=1;"},
        Good{"pipelined", "1\r\na\r\n0\r\n\r\nGET / HTTP/1.1", "a", "", 14}),
    [](const auto& test) { return std::string(test.param.name); });

struct Bad {
    const char* name;
    std::string octets;
};
std::ostream& operator<<(std::ostream& out, const Bad& c) {
    return out << c.name;
}

class BadChunks : public testing::TestWithParam<Bad> {};

TEST_P(BadChunks, AreRefusedHoweverTheyArrive) {
    EXPECT_EQ(decode(GetParam().octets).status, Status::failed);
    expect_same_for_all_splits(GetParam().octets);
}

INSTANTIATE_TEST_SUITE_P(
    All, BadChunks,
    testing::Values(Bad{"no_size", "\r\nhello\r\n0\r\n\r\n"}, Bad{"letters", "xyz\r\n"},
                    Bad{"plus", "+5\r\nhello\r\n0\r\n\r\n"}, Bad{"minus", "-5\r\nhello\r\n"},
                    Bad{"prefix", "0x5\r\nhello\r\n0\r\n\r\n"},
                    Bad{"space_before", " 5\r\nhello\r\n0\r\n\r\n"},
                    Bad{"space_after", "5 \r\nhello\r\n0\r\n\r\n"},
                    Bad{"space_before_extension", "5 ;a\r\nhello\r\n0\r\n\r\n"},
                    Bad{"tab_after", "5\t\r\nhello\r\n0\r\n\r\n"},
                    Bad{"underscore", "1_0\r\nhello\r\n0\r\n\r\n"},
                    Bad{"bare_lf_after_size", "5\nhello\r\n0\r\n\r\n"},
                    Bad{"bare_cr_after_size", "5\rhello\r\n0\r\n\r\n"},
                    Bad{"bare_lf_after_data", "5\r\nhello\n0\r\n\r\n"},
                    Bad{"no_line_end_after_data", "5\r\nhello0\r\n\r\n"},
                    Bad{"data_longer_than_its_size", "5\r\nhello!\r\n0\r\n\r\n"},
                    Bad{"data_shorter_than_its_size", "6\r\nhello\r\n0\r\n\r\n"},
                    Bad{"overflow_to_five", "10000000000000005\r\nhello\r\n0\r\n\r\n"},
                    Bad{"too_many_digits", "0000000000000000000005\r\nhello\r\n0\r\n\r\n"},
                    Bad{"bare_lf_in_extension", "5;a\nb\r\nhello\r\n0\r\n\r\n"},
                    Bad{"bare_cr_in_extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"},
                    Bad{"nul_in_extension", "5;a\0b\r\nhello\r\n0\r\n\r\n"s},
                    Bad{"bare_lf_at_the_end", "0\r\n\n"}, Bad{"bare_cr_at_the_end", "0\r\n\rX"},
                    Bad{"trailer_without_colon", "0\r\nX-Sum\r\n\r\n"},
                    Bad{"trailer_with_space_before_colon", "0\r\nX-Sum : 1\r\n\r\n"},
                    Bad{"trailer_without_name", "0\r\n: 1\r\n\r\n"},
                    Bad{"folded_trailer", "0\r\nX-Sum: 1\r\n 2\r\n\r\n"},
                    Bad{"trailer_with_bare_lf", "0\r\nX-Sum: 1\nX: 2\r\n\r\n"},
                    Bad{"trailer_with_bare_cr", "0\r\nX-Sum: 1\rX: 2\r\n\r\n"},
                    Bad{"trailer_with_nul", "0\r\nX-Sum: \0\r\n\r\n"s}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(ChunkDecoder, WaitsForMoreAtEveryPlace) {
    const std::string octets = "5;x=y\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n";
    for (std::size_t end = 0; end < octets.size(); ++end) {
        EXPECT_EQ(decode(octets.substr(0, end)).status, Status::more) << end;
    }
}

TEST(ChunkDecoder, MakesOnePieceOfManyChunks) {
    std::string octets;
    std::string expected;
    for (int i = 0; i < 5000; ++i) {
        const std::string part(static_cast<std::size_t>(i % 15 + 1),
                               static_cast<char>('a' + i % 26));
        octets += "0123456789abcdef"[part.size()];
        octets += "\r\n" + part + "\r\n";
        expected += part;
    }
    octets += "0\r\n\r\n";
    EXPECT_EQ(decode(octets).data, expected);
}

TEST(ChunkDecoder, BoundsExtensionsOverTheWholeBody) {
    std::string within;
    for (int i = 0; i < 10; ++i)
        within += "1;" + std::string(1000, 'x') + "\r\na\r\n";
    EXPECT_EQ(decode(within + "0\r\n\r\n").status, Status::done);
    std::string flood;
    for (int i = 0; i < 100; ++i)
        flood += "1;" + std::string(1000, 'x') + "\r\na\r\n";
    EXPECT_EQ(decode(flood).status, Status::failed);
    // A long body may have many: the allowance grows with its data.
    std::string long_body;
    for (int i = 0; i < 5000; ++i)
        long_body += "10;a=b\r\n0123456789abcdef\r\n";
    EXPECT_EQ(decode(long_body + "0\r\n\r\n").status, Status::done);
    EXPECT_EQ(decode("1;" + std::string(2 * ChunkDecoder::kMaxExtensionBytes, 'x')).status,
              Status::failed);
}

TEST(ChunkDecoder, BoundsTrailers) {
    std::string many = "0\r\n";
    for (std::size_t i = 0; i < ChunkDecoder::kMaxTrailers; ++i)
        many += "X: 1\r\n";
    EXPECT_EQ(decode(many + "\r\n").status, Status::done);
    EXPECT_EQ(decode(many + "X: 1\r\n\r\n").status, Status::failed);
    EXPECT_EQ(decode("0\r\nX: " + std::string(2 * ChunkDecoder::kMaxTrailerBytes, 'x')).status,
              Status::failed);
}

TEST(ChunkDecoder, BoundsTrailersThatAreDroppedToo) {
    std::string many = "0\r\n";
    for (std::size_t i = 0; i < 4000; ++i)
        many += "Host: b\r\n";
    EXPECT_EQ(decode(many + "\r\n").status, Status::failed);
}

TEST(ChunkDecoder, StaysFailed) {
    ChunkDecoder decoder;
    decoder.start();
    std::string bad = "x";
    EXPECT_EQ(decoder.decode(bad.data(), bad.size()).status, Status::failed);
    std::string good = "0\r\n\r\n";
    EXPECT_EQ(decoder.decode(good.data(), good.size()).status, Status::failed);
    decoder.start();
    good = "0\r\n\r\n";
    EXPECT_EQ(decoder.decode(good.data(), good.size()).status, Status::done);
}

}  // namespace
}  // namespace switchyard::h1
