#include "deploy/line_splitter.hpp"

#include <algorithm>
#include <utility>

namespace switchyard::deploy {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";
/// No escape sequence that means one is longer.
constexpr std::size_t kMaxEscape = 1024;

/// C0 and C1 controls, line and paragraph separators, and marks that change the direction.
bool is_unsafe(char32_t c) {
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x200e || c == 0x200f || c == 0x061c ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/// Printable ASCII.
bool is_plain(char c) {
    return c >= 0x20 && c <= 0x7e;
}

}  // namespace

void LineSplitter::feed(std::string_view octets) {
    std::size_t at = 0;
    while (at < octets.size()) {
        std::size_t end = at;
        // Most of what comes is plain text.
        if (missing_ == 0 && escape_ == Escape::none) {
            while (end < octets.size() && is_plain(octets[end]))
                ++end;
        }
        if (end == at) {
            take(static_cast<unsigned char>(octets[at++]));
        } else {
            after_cr_ = false;
            append_plain(octets.substr(at, end - at));
            at = end;
        }
    }
}

void LineSplitter::finish() {
    if (missing_ > 0) {
        missing_ = 0;
        begun_.clear();
        take_character(U'\ufffd', kReplacement);
    }
    if (!line_.empty()) end_line();
    escape_ = Escape::none;
    after_cr_ = false;
}

/// Well-formed sequences as in table 3-7 of the Unicode standard.
void LineSplitter::take(unsigned char octet) {
    if (missing_ > 0) {
        if (octet >= least_ && octet <= most_) {
            begun_ += static_cast<char>(octet);
            code_ = code_ << 6 | (octet & 0x3f);
            least_ = 0x80;
            most_ = 0xbf;
            if (--missing_ == 0) take_character(code_, std::exchange(begun_, {}));
            return;
        }
        missing_ = 0;
        begun_.clear();
        take_character(U'\ufffd', kReplacement);
    }
    least_ = 0x80;
    most_ = 0xbf;
    if (octet < 0x80) {
        const char c = static_cast<char>(octet);
        take_character(octet, {&c, 1});
        return;
    }
    if (octet < 0xc2 || octet > 0xf4) {
        take_character(U'\ufffd', kReplacement);
        return;
    }
    if (octet < 0xe0) {
        missing_ = 1;
        code_ = octet & 0x1f;
    } else if (octet < 0xf0) {
        missing_ = 2;
        code_ = octet & 0x0f;
        if (octet == 0xe0) least_ = 0xa0;
        if (octet == 0xed) most_ = 0x9f;
    } else {
        missing_ = 3;
        code_ = octet & 0x07;
        if (octet == 0xf0) least_ = 0x90;
        if (octet == 0xf4) most_ = 0x8f;
    }
    begun_.assign(1, static_cast<char>(octet));
}

void LineSplitter::take_character(char32_t character, std::string_view octets) {
    const bool after_cr = std::exchange(after_cr_, false);
    if (character == U'\n') {
        if (!after_cr) end_line();
    } else if (character == U'\r') {
        after_cr_ = true;
        end_line();
    } else if (skip_escape(character)) {
        return;
    } else if (character == U'\t') {
        append(" ");
    } else {
        append(is_unsafe(character) ? kReplacement : octets);
    }
}

/// The grammar of ECMA-48, as far as skipping needs it.
bool LineSplitter::skip_escape(char32_t c) {
    if (c == 0x1b) {
        escape_ = Escape::begun;
        skipped_ = 0;
        return true;
    }
    if (escape_ == Escape::none) return false;
    if (++skipped_ > kMaxEscape) {
        escape_ = Escape::none;
        return false;
    }
    switch (escape_) {
        case Escape::begun:
            if (c == U'[') {
                escape_ = Escape::control_sequence;
            } else if (c == U']' || c == U'P' || c == U'X' || c == U'^' || c == U'_') {
                escape_ = Escape::text;
            } else if (c < 0x20 || c > 0x2f) {
                escape_ = Escape::none;
                return c >= 0x30 && c <= 0x7e;
            }
            return true;
        case Escape::control_sequence:
            if (c >= 0x20 && c <= 0x3f) return true;
            escape_ = Escape::none;
            return c >= 0x40 && c <= 0x7e;
        case Escape::text:
            if (c == 0x07) escape_ = Escape::none;
            return true;
        case Escape::none:
            break;
    }
    return false;
}

std::string harmless(std::string_view text, std::size_t most) {
    std::string line;
    LineSplitter splitter([&line](std::string part) {
        if (!line.empty() && !part.empty()) line += ' ';
        line += part;
    });
    splitter.feed(text.substr(0, most));
    splitter.finish();
    if (line.size() > most) {
        while (most > 0 && (line[most] & 0xc0) == 0x80)
            --most;
        line.resize(most);
    }
    return line;
}

void LineSplitter::append(std::string_view octets) {
    if (line_.size() + octets.size() > kMaxLine) on_line_(std::exchange(line_, {}));
    line_ += octets;
}

void LineSplitter::append_plain(std::string_view text) {
    while (!text.empty()) {
        if (line_.size() == kMaxLine) on_line_(std::exchange(line_, {}));
        const std::size_t size = std::min(text.size(), kMaxLine - line_.size());
        line_ += text.substr(0, size);
        text.remove_prefix(size);
    }
}

void LineSplitter::end_line() {
    escape_ = Escape::none;
    on_line_(std::exchange(line_, {}));
}

}  // namespace switchyard::deploy
