#include "h2/outgoing_field.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::h2 {
namespace {

/// HPACK's two sides, as the library has them, and what a block costs on the wire.
class Hpack {
  public:
    Hpack() {
        nghttp2_hd_deflate_new(&deflater_, 4096);
        nghttp2_hd_inflate_new(&inflater_);
    }
    ~Hpack() {
        nghttp2_hd_deflate_del(deflater_);
        nghttp2_hd_inflate_del(inflater_);
    }
    Hpack(const Hpack&) = delete;
    Hpack& operator=(const Hpack&) = delete;

    /// The fields that come out at the other end.
    std::vector<std::string> pass(std::vector<nghttp2_nv> fields) {
        std::array<std::uint8_t, 4096> block{};
        const ssize_t size = nghttp2_hd_deflate_hd(deflater_, block.data(), block.size(),
                                                   fields.data(), fields.size());
        size_ = static_cast<std::size_t>(size);
        std::vector<std::string> out;
        never_indexed_.clear();
        for (std::size_t at = 0;;) {
            nghttp2_nv field{};
            int flags = 0;
            const ssize_t used =
                nghttp2_hd_inflate_hd2(inflater_, &field, &flags, block.data() + at, size_ - at, 1);
            if (used < 0) return {};
            at += static_cast<std::size_t>(used);
            if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
                const std::string name(reinterpret_cast<char*>(field.name), field.namelen);
                out.push_back(name + ": " +
                              std::string(reinterpret_cast<char*>(field.value), field.valuelen));
                if ((field.flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0) never_indexed_.push_back(name);
            }
            if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
        }
        nghttp2_hd_inflate_end_headers(inflater_);
        return out;
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] const std::vector<std::string>& never_indexed() const { return never_indexed_; }
    [[nodiscard]] std::size_t entries() {
        return nghttp2_hd_deflate_get_num_table_entries(deflater_);
    }

  private:
    nghttp2_hd_deflater* deflater_ = nullptr;
    nghttp2_hd_inflater* inflater_ = nullptr;
    std::size_t size_ = 0;
    std::vector<std::string> never_indexed_;
};

TEST(OutgoingField, WhatComesAgainIsIndexedAndARequestsIdIsNot) {
    Hpack hpack;
    std::size_t before = 0;
    for (int i = 0; i < 100; ++i) {
        const std::string id = "0123456789abcdef0123456789abcd" + std::to_string(10 + i % 90);
        const auto out =
            hpack.pass({outgoing_field("x-served-by", "blue"), outgoing_field("X-Request-Id", id),
                        outgoing_field("server", "an origin of some name")});
        ASSERT_EQ(out.size(), 3U);
        EXPECT_EQ(out[0], "x-served-by: blue");
        EXPECT_EQ(out[2], "server: an origin of some name");
        EXPECT_EQ(hpack.never_indexed().size(), 1U);
        if (i == 0) before = hpack.entries();
        // 62 and up are the dynamic table's: nothing came in, so nothing went out.
        EXPECT_EQ(hpack.entries(), before);
    }
    // Two octets for the two that are known, and the id.
    EXPECT_LT(hpack.size(), 48U);
}

}  // namespace
}  // namespace switchyard::h2
