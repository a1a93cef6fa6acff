#include "config/values.hpp"

#include "config/report.hpp"
#include "config/suggest.hpp"

#include <charconv>
#include <limits>
#include <optional>

namespace switchyard::config {
namespace {

using std::chrono::milliseconds;

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr Unit kDurationUnits[] = {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}};
constexpr Unit kSizeUnits[] = {{"", 1},
                               {"B", 1},
                               {"KB", 1'000},
                               {"MB", 1'000'000},
                               {"GB", 1'000'000'000},
                               {"KiB", 1ULL << 10},
                               {"MiB", 1ULL << 20},
                               {"GiB", 1ULL << 30}};

/// Takes the digits off the front of `text`; nothing when there are none. Saturates.
std::optional<std::uint64_t> take_digits(std::string_view& text) {
    std::uint64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error == std::errc::invalid_argument) return std::nullopt;
    if (error == std::errc::result_out_of_range) number = std::numeric_limits<std::uint64_t>::max();
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
    return number;
}

std::uint64_t multiply(std::uint64_t number, std::uint64_t factor) {
    constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
    return number > kMost / factor ? kMost : number * factor;
}

std::string range(const std::string& least, const std::string& most) {
    return "expected " + least + " to " + most;
}

}  // namespace

Parsed<bool> parse_flag(std::string_view text) {
    if (text == "true") return true;
    if (text == "false") return false;
    return refusal(in_quotes(text) + " is neither true nor false");
}

Parsed<std::uint64_t> parse_number(std::string_view text, std::uint64_t least, std::uint64_t most) {
    const std::string_view whole = text;
    const auto number = take_digits(text);
    const std::string expected = range(std::to_string(least), std::to_string(most));
    if (!number || !text.empty()) {
        return refusal(in_quotes(whole) + " is not a whole number; " + expected);
    }
    if (*number < least || *number > most) {
        return refusal(in_quotes(whole) + " is out of range; " + expected);
    }
    return *number;
}

Parsed<milliseconds> parse_duration(std::string_view text, milliseconds least, milliseconds most) {
    const std::string_view whole = text;
    const auto number = take_digits(text);
    while (number && !text.empty() && text.front() == ' ')
        text.remove_prefix(1);
    if (number && text.empty()) {
        return refusal(in_quotes(whole) + " needs a unit: ms, s, m or h, like '30s'");
    }
    for (const Unit& unit : kDurationUnits) {
        if (!number || text != unit.name) continue;
        const std::uint64_t value = multiply(*number, unit.factor);
        if (value < static_cast<std::uint64_t>(least.count()) ||
            value > static_cast<std::uint64_t>(most.count())) {
            return refusal(in_quotes(whole) + " is out of range; " +
                           range(format_duration(least), format_duration(most)));
        }
        return milliseconds(static_cast<milliseconds::rep>(value));
    }
    return refusal(in_quotes(whole) +
                   " is not a duration; expected a whole number with ms, s, m or h, like '30s'");
}

Parsed<std::uint64_t> parse_size(std::string_view text, std::uint64_t least, std::uint64_t most) {
    const std::string_view whole = text;
    const auto number = take_digits(text);
    while (number && !text.empty() && text.front() == ' ')
        text.remove_prefix(1);
    for (const Unit& unit : kSizeUnits) {
        if (!number || text != unit.name) continue;
        const std::uint64_t value = multiply(*number, unit.factor);
        if (value < least || value > most) {
            return refusal(in_quotes(whole) + " is out of range; " +
                           range(format_size(least), format_size(most)));
        }
        return value;
    }
    return refusal(
        in_quotes(whole) +
        " is not a size; expected a whole number of bytes, or one with KiB, MiB, GiB, KB, "
        "MB or GB, like '64KiB'");
}

Parsed<std::size_t> parse_choice(std::string_view text,
                                 const std::vector<std::string_view>& known) {
    std::string list;
    for (std::size_t i = 0; i < known.size(); ++i) {
        if (text == known[i]) return i;
        if (i > 0) list += i + 1 == known.size() ? " or " : ", ";
        list += known[i];
    }
    std::string message = in_quotes(text) + " is not known; expected " + list;
    if (const auto near = nearest(text, known); !near.empty()) {
        message += "; did you mean " + in_quotes(near) + "?";
    }
    return refusal(std::move(message));
}

Parsed<std::uint32_t> parse_mode(std::string_view text) {
    std::uint32_t mode = 0;
    std::string_view digits = text;
    if (digits.starts_with("0o")) digits.remove_prefix(2);
    const char* end = digits.data() + digits.size();
    const auto [rest, error] = std::from_chars(digits.data(), end, mode, 8);
    if (error != std::errc() || rest != end || mode > 0777) {
        return refusal(in_quotes(text) +
                       " is not a file mode; expected octal digits, 0000 to 0777");
    }
    return mode;
}

Parsed<StatusRange> parse_status_range(std::string_view text) {
    constexpr std::uint64_t kLeast = 200;
    constexpr std::uint64_t kMost = 599;
    const std::string_view whole = text;
    const auto first = take_digits(text);
    auto last = first;
    if (text.starts_with('-')) {
        text.remove_prefix(1);
        last = take_digits(text);
    }
    if (!first || !last || !text.empty()) {
        return refusal(in_quotes(whole) +
                       " is no status code or range of them; expected one like 200 or 200-299");
    }
    if (*first < kLeast || *last < kLeast || *first > kMost || *last > kMost) {
        return refusal(in_quotes(whole) + " is out of range; expected status codes of 200 to 599");
    }
    if (*first > *last) {
        return refusal(in_quotes(whole) + " is the wrong way round; expected the lower code first");
    }
    return StatusRange{static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)};
}

std::string format_duration(milliseconds duration) {
    const auto count = static_cast<std::uint64_t>(duration.count());
    if (count == 0) return "0s";
    const Unit* best = kDurationUnits;
    for (const Unit& unit : kDurationUnits) {
        if (count % unit.factor == 0) best = &unit;
    }
    return std::to_string(count / best->factor) + std::string(best->name);
}

std::string format_size(std::uint64_t bytes) {
    const Unit* best = kSizeUnits;
    for (const Unit& unit : kSizeUnits) {
        if (unit.name.ends_with("iB") && bytes > 0 && bytes % unit.factor == 0) best = &unit;
    }
    if (best->factor == 1) return std::to_string(bytes) + " bytes";
    return std::to_string(bytes / best->factor) + std::string(best->name);
}

}  // namespace switchyard::config
