#pragma once

#include "base/utf8.hpp"

#include <array>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace switchyard::observe {

/// How text of a client is made harmless.
enum class Escape : std::uint8_t {
    json,    ///< Inside a JSON string: valid UTF-8 stays, other bytes become the text \xHH.
    quoted,  ///< Inside double quotes of a text format: all but printable ASCII becomes \xHH.
    token,   ///< The same without quotes around it: spaces as well.
};

/// A text of the program's own with room behind it, so that it is copied in two moves of fixed
/// size.
struct Label {
    static constexpr std::size_t kRoom = 24;

    template <std::size_t N>
    consteval Label(const char (&literal)[N]) : size(N - 1) {
        static_assert(N - 1 <= kRoom);
        for (std::size_t i = 0; i < N - 1; ++i)
            text[i] = literal[i];
    }

    std::array<char, kRoom> text{};
    std::size_t size;
};

/// Writes text into memory of fixed size, and remembers when it did not fit. Nothing allocates,
/// nothing throws.
class LineWriter {
  public:
    explicit LineWriter(std::span<char> space) noexcept
        : begin_(space.data()), at_(space.data()), end_(space.data() + space.size()) {}

    /// Bytes written so far; meaningless once fits() is false.
    [[nodiscard]] std::size_t size() const noexcept {
        return static_cast<std::size_t>(at_ - begin_);
    }
    [[nodiscard]] bool fits() const noexcept { return fits_; }

    void text(std::string_view text) noexcept {
        if (room() < text.size()) return overflow();
        std::memcpy(at_, text.data(), text.size());
        at_ += text.size();
    }
    template <std::size_t N>
    void literal(const char (&text)[N]) noexcept {
        if (room() < N - 1) return overflow();
        std::memcpy(at_, text, N - 1);
        at_ += N - 1;
    }
    void label(const Label& label) noexcept {
        if (room() < Label::kRoom) return text({label.text.data(), label.size});
        std::memcpy(at_, label.text.data(), Label::kRoom);
        at_ += label.size;
    }
    void character(char c) noexcept {
        if (at_ == end_) return overflow();
        *at_++ = c;
    }
    template <std::integral Number>
    void number(Number value) noexcept {
        const auto [end, error] = std::to_chars(at_, end_, value);
        if (error != std::errc{}) return overflow();
        at_ = end;
    }

    template <Escape kind>
    void escaped(std::string_view text) noexcept {
        const char* from = text.data();
        const char* const stop = from + text.size();
        while (true) {
            from = copy_clean<kind>(from, stop);
            if (from == stop || !fits_) return;
            from = escape_one<kind>(from, stop);
        }
    }

  private:
    [[nodiscard]] std::size_t room() const noexcept { return static_cast<std::size_t>(end_ - at_); }
    void overflow() noexcept {
        fits_ = false;
        at_ = end_;
    }

    /// Bytes that go out as they are: printable ASCII without the quote and the backslash.
    static constexpr std::array<bool, 256> make_clean(unsigned char first) {
        std::array<bool, 256> clean{};
        for (unsigned c = first; c < 0x7f; ++c)
            clean[c] = c != '"' && c != '\\';
        return clean;
    }
    template <Escape kind>
    static constexpr unsigned char kFirst = kind == Escape::token ? 0x21 : 0x20;
    template <Escape kind>
    static constexpr std::array<bool, 256> kClean = make_clean(kFirst<kind>);

    /// Whether all eight bytes are clean.
    template <Escape kind>
    static bool all_clean(std::uint64_t word) noexcept {
        constexpr std::uint64_t ones = 0x0101010101010101;
        constexpr std::uint64_t highs = 0x8080808080808080;
        const auto has_zero = [](std::uint64_t w) { return (w - ones) & ~w; };
        const std::uint64_t dirty = word | ((word - ones * kFirst<kind>)&~word) |
                                    has_zero(word ^ (ones * '"')) | has_zero(word ^ (ones * '\\')) |
                                    has_zero(word ^ (ones * 0x7f));
        return (dirty & highs) == 0;
    }

#if defined(__SSE2__)
    /// The same of sixteen.
    template <Escape kind>
    static bool all_clean(__m128i piece) noexcept {
        // Signed: bytes from 0x80 are negative, and so below the first clean one as well.
        const __m128i low = _mm_cmplt_epi8(piece, _mm_set1_epi8(kFirst<kind>));
        const __m128i quote = _mm_cmpeq_epi8(piece, _mm_set1_epi8('"'));
        const __m128i backslash = _mm_cmpeq_epi8(piece, _mm_set1_epi8('\\'));
        const __m128i del = _mm_cmpeq_epi8(piece, _mm_set1_epi8(0x7f));
        const __m128i dirty = _mm_or_si128(_mm_or_si128(low, quote), _mm_or_si128(backslash, del));
        return _mm_movemask_epi8(dirty) == 0;
    }
#endif

    /// Copies up to the first byte that is not clean (or to where it no longer fits); returns where
    /// it stopped reading.
    template <Escape kind>
    const char* copy_clean(const char* from, const char* stop) noexcept {
        const auto size = static_cast<std::size_t>(stop - from);
        if (size >= 4 && room() >= size && copy_if_clean<kind>(from, size)) {
            at_ += size;
            return stop;
        }
        while (from != stop && kClean<kind>[static_cast<unsigned char>(*from)]) {
            if (at_ == end_) {
                overflow();
                return from;
            }
            *at_++ = *from++;
        }
        return from;
    }

    /// Copies `size` bytes (at least 4) to at_, if all of them are clean; otherwise leaves anything
    /// there. Pieces overlap at the end, so that no byte needs a step of its own.
    template <Escape kind>
    bool copy_if_clean(const char* from, std::size_t size) noexcept {
        if (size < 8) {
            std::uint32_t head;
            std::uint32_t tail;
            std::memcpy(&head, from, 4);
            std::memcpy(&tail, from + size - 4, 4);
            std::memcpy(at_, &head, 4);
            std::memcpy(at_ + size - 4, &tail, 4);
            return all_clean<kind>(head | static_cast<std::uint64_t>(tail) << 32);
        }
#if defined(__SSE2__)
        if (size >= 16) {
            for (std::size_t i = 0;;) {
                const __m128i piece = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
                _mm_storeu_si128(reinterpret_cast<__m128i*>(at_ + i), piece);
                if (!all_clean<kind>(piece)) return false;
                if (i == size - 16) return true;
                i = i + 32 <= size ? i + 16 : size - 16;
            }
        }
#endif
        for (std::size_t i = 0;;) {
            std::uint64_t word;
            std::memcpy(&word, from + i, 8);
            std::memcpy(at_ + i, &word, 8);
            if (!all_clean<kind>(word)) return false;
            if (i == size - 8) return true;
            i = i + 16 <= size ? i + 8 : size - 8;
        }
    }

    template <Escape kind>
    const char* escape_one(const char* from, const char* stop) noexcept {
        static constexpr char kHex[] = "0123456789abcdef";
        const auto byte = static_cast<unsigned char>(*from);
        if (byte == '"' || byte == '\\') {
            const char pair[] = {'\\', *from};
            text({pair, 2});
            return from + 1;
        }
        const char high = kHex[byte >> 4];
        const char low = kHex[byte & 15];
        if constexpr (kind == Escape::json) {
            if (byte < 0x80) {
                const char code[] = {'\\', 'u', '0', '0', high, low};
                text({code, 6});
                return from + 1;
            }
            const std::string_view rest(from, static_cast<std::size_t>(stop - from));
            const std::size_t length = utf8_length(rest);
            if (is_c1_control(rest, length)) {
                const auto second = static_cast<unsigned char>(from[1]);
                const char code[] = {'\\', 'u', '0', '0', kHex[second >> 4], kHex[second & 15]};
                text({code, 6});
                return from + 2;
            }
            if (length > 0) {
                text({from, length});
                return from + length;
            }
            const char code[] = {'\\', '\\', 'x', high, low};
            text({code, 5});
            return from + 1;
        } else {
            const char code[] = {'\\', 'x', high, low};
            text({code, 4});
            return from + 1;
        }
    }

    char* begin_;
    char* at_;
    char* end_;
    bool fits_ = true;
};

}  // namespace switchyard::observe
