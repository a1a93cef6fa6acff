#pragma once

#include <cstddef>
#include <string_view>

namespace switchyard {

/// Length of the valid UTF-8 sequence of two to four bytes that a text, which is not empty, begins
/// with (RFC 3629 §4), or 0.
[[nodiscard]] constexpr std::size_t utf8_length(std::string_view text) noexcept {
    const auto at = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto tail = [&at](std::size_t i) { return (at(i) & 0xc0) == 0x80; };
    const std::size_t left = text.size();
    const unsigned char first = at(0);
    if (first >= 0xc2 && first <= 0xdf) return left >= 2 && tail(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        if (left < 3 || !tail(1) || !tail(2)) return 0;
        if (first == 0xe0 && at(1) < 0xa0) return 0;   // overlong
        if (first == 0xed && at(1) >= 0xa0) return 0;  // a surrogate
        return 3;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        if (left < 4 || !tail(1) || !tail(2) || !tail(3)) return 0;
        if (first == 0xf0 && at(1) < 0x90) return 0;   // overlong
        if (first == 0xf4 && at(1) >= 0x90) return 0;  // beyond U+10FFFF
        return 4;
    }
    return 0;
}

/// Of a sequence of that length at the begin of a text: U+0080 to U+009F. They are control
/// characters: some terminals obey them.
[[nodiscard]] constexpr bool is_c1_control(std::string_view text, std::size_t length) noexcept {
    return length == 2 && text[0] == '\xc2' && static_cast<unsigned char>(text[1]) < 0xa0;
}

/// Whether it is valid UTF-8 without control characters (U+0000 to U+001F, U+007F to U+009F).
[[nodiscard]] constexpr bool is_plain_text(std::string_view text) noexcept {
    while (!text.empty()) {
        const auto first = static_cast<unsigned char>(text.front());
        std::size_t length = first >= 0x20 && first < 0x7f ? 1 : 0;
        if (first >= 0x80) length = utf8_length(text);
        if (length == 0 || is_c1_control(text, length)) return false;
        text.remove_prefix(length);
    }
    return true;
}

}  // namespace switchyard
