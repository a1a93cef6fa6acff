#include "admin/print/time.hpp"

#include <array>
#include <cctype>
#include <cstdio>

namespace switchyard::admin {

namespace {

using namespace std::chrono;

/// `count` digits at `at`, or -1.
int digits(std::string_view text, std::size_t at, std::size_t count) {
    if (at + count > text.size()) return -1;
    int value = 0;
    for (const char c : text.substr(at, count)) {
        if (std::isdigit(static_cast<unsigned char>(c)) == 0) return -1;
        value = value * 10 + (c - '0');
    }
    return value;
}

std::string two(long long whole, const char* unit, long long part, const char* part_unit) {
    return std::to_string(whole) + unit + " " + std::to_string(part) + part_unit;
}

std::string decimal(double value, int places, const char* unit) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.*f %s", places, value, unit);
    return text.data();
}

}  // namespace

std::optional<Instant> parse_time(std::string_view text) {
    constexpr std::string_view kShape = "0000-00-00T00:00:00";
    if (text.size() < kShape.size() + 1 || text.back() != 'Z') return std::nullopt;
    for (const std::size_t at : {4U, 7U, 10U, 13U, 16U}) {
        if (text[at] != kShape[at]) return std::nullopt;
    }
    const int y = digits(text, 0, 4), mo = digits(text, 5, 2), d = digits(text, 8, 2);
    const int h = digits(text, 11, 2), mi = digits(text, 14, 2), s = digits(text, 17, 2);
    if (y < 0 || mo < 0 || d < 0 || h < 0 || mi < 0 || s < 0) return std::nullopt;
    const year_month_day date{year(y), month(static_cast<unsigned>(mo)),
                              day(static_cast<unsigned>(d))};
    if (!date.ok() || h > 23 || mi > 59 || s > 60) return std::nullopt;
    int fraction_ms = 0;
    if (const auto fraction = text.substr(19, text.size() - 20); !fraction.empty()) {
        if (fraction[0] != '.' || fraction.size() < 2) return std::nullopt;
        const std::size_t count = fraction.size() - 1;
        if (digits(fraction, 1, count < 9 ? count : 9) < 0) return std::nullopt;
        fraction_ms = digits(std::string(fraction.substr(1)).append("00").substr(0, 3), 0, 3);
    }
    return Instant(sys_days(date) + hours(h) + minutes(mi) + seconds(s) +
                   milliseconds(fraction_ms));
}

std::string format_time(std::string_view rfc3339, bool with_milliseconds) {
    const auto time = parse_time(rfc3339);
    if (!time) return "-";
    const auto midnight = floor<days>(*time);
    const year_month_day date(midnight);
    const hh_mm_ss clock(*time - midnight);
    std::array<char, 64> text{};
    const int length =
        std::snprintf(text.data(), text.size(), "%04d-%02u-%02u %02d:%02d:%02d", int(date.year()),
                      unsigned(date.month()), unsigned(date.day()), int(clock.hours().count()),
                      int(clock.minutes().count()), int(clock.seconds().count()));
    std::string out(text.data(), static_cast<std::size_t>(length));
    if (with_milliseconds) {
        std::snprintf(text.data(), text.size(), ".%03d", int(clock.subseconds().count()));
        out += text.data();
    }
    return out + " UTC";
}

std::string format_span(milliseconds span) {
    const long long ms = span.count() > 0 ? span.count() : 0;
    if (ms < 1000) return std::to_string(ms) + " ms";
    if (ms < 9950 && ms % 1000 != 0) return decimal(static_cast<double>(ms) / 1000, 1, "s");
    const long long s = (ms + 500) / 1000;
    if (s < 60) return std::to_string(s) + " s";
    if (s < 3600) return two(s / 60, "m", s % 60, "s");
    if (s < 86400) return two(s / 3600, "h", s % 3600 / 60, "m");
    return two(s / 86400, "d", s % 86400 / 3600, "h");
}

std::string format_micros(microseconds span) {
    const long long us = span.count() > 0 ? span.count() : 0;
    if (us < 1000) return std::to_string(us) + " us";
    if (us < 100'000) return decimal(static_cast<double>(us) / 1000, 2, "ms");
    return format_span(duration_cast<milliseconds>(span));
}

std::string format_since(std::string_view from, std::string_view to) {
    const auto begin = parse_time(from);
    const auto end = parse_time(to);
    if (!begin || !end) return "-";
    return format_span(*end - *begin);
}

std::optional<milliseconds> parse_duration(std::string_view text) {
    if (text.empty()) return std::nullopt;
    milliseconds total{0};
    while (!text.empty()) {
        long long number = 0;
        std::size_t at = 0;
        while (at < text.size() && at < 10 &&
               std::isdigit(static_cast<unsigned char>(text[at])) != 0) {
            number = number * 10 + (text[at++] - '0');
        }
        if (at == 0) return std::nullopt;
        text.remove_prefix(at);
        long long unit_ms = 0;
        std::size_t unit_size = 1;
        if (text.starts_with("ms")) {
            unit_ms = 1;
            unit_size = 2;
        } else if (text.starts_with('s')) {
            unit_ms = 1000;
        } else if (text.starts_with('m')) {
            unit_ms = 60'000;
        } else if (text.starts_with('h')) {
            unit_ms = 3'600'000;
        } else {
            return std::nullopt;
        }
        text.remove_prefix(unit_size);
        total += milliseconds(number * unit_ms);
        if (total > hours(24)) return std::nullopt;
    }
    return total;
}

}  // namespace switchyard::admin
