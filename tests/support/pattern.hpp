#pragma once

#include "base/colour.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

/// The bytes of every long test body. Origins send them, clients check them: a body that is cut,
/// shifted, repeated or spliced together from two slots does not fit the pattern.
///
/// The body is a row of 64-bit words in little-endian order; word w is seed(colour) + w * kStep
/// (modulo 2^64). kStep is odd, so no word occurs twice, and the two seeds are so far apart on this
/// row that no offset that can occur makes one colour's bytes look like the other's.
namespace switchyard::test {

inline constexpr std::uint64_t kPatternStep = 0x9e3779b97f4a7c15u;

constexpr std::uint64_t pattern_seed(Colour colour) noexcept {
    return colour == Colour::blue ? 0x243f6a8885a308d3u : 0xd31319826a2e0370u;
}

constexpr std::uint64_t pattern_word(Colour colour, std::uint64_t index) noexcept {
    return pattern_seed(colour) + index * kPatternStep;
}

/// Byte `offset` of a body of this colour.
constexpr char pattern_byte(Colour colour, std::uint64_t offset) noexcept {
    return static_cast<char>(pattern_word(colour, offset / 8) >> (8 * (offset % 8)));
}

/// Writes bytes offset .. offset + out.size() of a body of this colour. Runs at memory speed.
inline void fill_pattern(Colour colour, std::uint64_t offset, std::span<char> out) noexcept {
    static_assert(std::endian::native == std::endian::little);
    std::size_t at = 0;
    for (; at < out.size() && (offset + at) % 8 != 0; ++at) {
        out[at] = pattern_byte(colour, offset + at);
    }
    std::uint64_t word = pattern_word(colour, (offset + at) / 8);
    for (; out.size() - at >= 8; at += 8, word += kPatternStep) {
        std::memcpy(out.data() + at, &word, 8);
    }
    for (; at < out.size(); ++at) {
        out[at] = pattern_byte(colour, offset + at);
    }
}

/// Checks a body piece by piece. Not thread-safe.
class PatternChecker {
  public:
    explicit PatternChecker(Colour colour, std::uint64_t start = 0) noexcept
        : colour_(colour), offset_(start) {}

    /// Takes the next piece. Returns the offset in the body of the first byte that does not fit.
    std::optional<std::uint64_t> feed(std::string_view piece) noexcept {
        char expected[4096];
        while (!piece.empty()) {
            const std::size_t n = std::min(piece.size(), sizeof expected);
            fill_pattern(colour_, offset_, {expected, n});
            if (std::memcmp(expected, piece.data(), n) != 0) {
                const auto [mine, theirs] = std::mismatch(expected, expected + n, piece.data());
                return offset_ + static_cast<std::uint64_t>(mine - expected);
            }
            offset_ += n;
            piece.remove_prefix(n);
        }
        return std::nullopt;
    }

    /// How many bytes fitted so far (counted from byte 0 of the body).
    [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }

  private:
    Colour colour_;
    std::uint64_t offset_;
};

}  // namespace switchyard::test
