#pragma once

#include "config/parsed.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Parsers of single values. Each takes the text of a scalar; a refusal's message says what was
/// expected and completes a sentence that starts with the key ("'interval': " + message).
namespace switchyard::config {

/// No phase takes longer than this; a larger number is a mistake of units.
inline constexpr std::chrono::milliseconds kLongestDuration = std::chrono::hours(168);

/// "true" or "false".
[[nodiscard]] Parsed<bool> parse_flag(std::string_view text);

/// A whole decimal number, `least` to `most`.
[[nodiscard]] Parsed<std::uint64_t> parse_number(std::string_view text, std::uint64_t least,
                                                 std::uint64_t most);

/// A whole number with the unit ms, s, m or h: "500ms".
[[nodiscard]] Parsed<std::chrono::milliseconds> parse_duration(std::string_view text,
                                                               std::chrono::milliseconds least,
                                                               std::chrono::milliseconds most);

/// A whole number of bytes, or with the unit B, KB, MB, GB, KiB, MiB or GiB: "32KiB".
[[nodiscard]] Parsed<std::uint64_t> parse_size(std::string_view text, std::uint64_t least,
                                               std::uint64_t most);

/// One of `known`; the result is its index. A near miss gets a suggestion.
[[nodiscard]] Parsed<std::size_t> parse_choice(std::string_view text,
                                               const std::vector<std::string_view>& known);

/// Permissions in octal digits: "0660".
[[nodiscard]] Parsed<std::uint32_t> parse_mode(std::string_view text);

/// A range of status codes within 200 to 599, "200-299" or "204".
struct StatusRange {
    std::uint16_t first;
    std::uint16_t last;
};
[[nodiscard]] Parsed<StatusRange> parse_status_range(std::string_view text);

/// The shortest way to write it: "1h", "90s", "1500ms".
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);

/// The shortest exact way to write it: "32KiB", "100 bytes".
[[nodiscard]] std::string format_size(std::uint64_t bytes);

}  // namespace switchyard::config
