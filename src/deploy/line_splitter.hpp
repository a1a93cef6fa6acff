#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace switchyard::deploy {

/// Makes lines out of whatever a program prints, harmless for terminals, logs and JSON: valid
/// UTF-8; escape sequences of terminals are left out, other control characters, what reverses the
/// direction of writing, and octets that are no UTF-8 become U+FFFD, a tab becomes a space. LF, CR
/// and CR LF end a line. A longer line than kMaxLine octets is cut into several. How the octets are
/// divided into calls makes no difference.
class LineSplitter {
  public:
    static constexpr std::size_t kMaxLine = 4096;
    using OnLine = std::function<void(std::string)>;

    explicit LineSplitter(OnLine on_line) : on_line_(std::move(on_line)) {}

    void feed(std::string_view octets);
    /// There is no more: the last line may have no end.
    void finish();

  private:
    enum class Escape : std::uint8_t { none, begun, control_sequence, text };

    void take(unsigned char octet);
    void take_character(char32_t character, std::string_view octets);
    /// True when the character belongs to an escape sequence.
    bool skip_escape(char32_t character);
    void append(std::string_view octets);
    void append_plain(std::string_view text);
    void end_line();

    OnLine on_line_;
    std::string line_;
    // A character whose octets have not all come.
    std::string begun_;
    unsigned missing_ = 0;
    unsigned char least_ = 0x80;
    unsigned char most_ = 0xbf;
    char32_t code_ = 0;
    Escape escape_ = Escape::none;
    std::size_t skipped_ = 0;
    bool after_cr_ = false;
};

/// A text of somebody else's, made harmless likewise, in one line of at most `most` octets.
[[nodiscard]] std::string harmless(std::string_view text, std::size_t most);

}  // namespace switchyard::deploy
