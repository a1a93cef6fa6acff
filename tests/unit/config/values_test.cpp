#include "config/values.hpp"

#include <gtest/gtest.h>

namespace switchyard::config {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();

TEST(Values, Durations) {
    const auto parse = [](std::string_view text) { return parse_duration(text, 0ms, 24h); };
    EXPECT_EQ(*parse("500ms"), 500ms);
    EXPECT_EQ(*parse("2s"), 2s);
    EXPECT_EQ(*parse("10m"), 10min);
    EXPECT_EQ(*parse("1h"), 1h);
    EXPECT_EQ(*parse("30 s"), 30s);
    EXPECT_EQ(*parse("0s"), 0s);
    for (const char* bad : {"", "s", "-1s", "1.5s", "1m30s", "1d", "1S", " 1s", "1s ", "auto",
                            "0x10s", "+1s", "25h", "99999999999999999999h"}) {
        EXPECT_FALSE(parse(bad)) << bad;
    }
    EXPECT_EQ(parse("30").error().message, "'30' needs a unit: ms, s, m or h, like '30s'");
    EXPECT_EQ(parse("25h").error().message, "'25h' is out of range; expected 0s to 24h");
}

TEST(Values, Sizes) {
    const auto parse = [](std::string_view text) { return parse_size(text, 0, kMost); };
    EXPECT_EQ(*parse("0"), 0u);
    EXPECT_EQ(*parse("1234"), 1234u);
    EXPECT_EQ(*parse("7B"), 7u);
    EXPECT_EQ(*parse("32KiB"), 32u * 1024);
    EXPECT_EQ(*parse("10 MiB"), 10u << 20);
    EXPECT_EQ(*parse("3GiB"), 3ULL << 30);
    EXPECT_EQ(*parse("5KB"), 5'000u);
    EXPECT_EQ(*parse("5MB"), 5'000'000u);
    EXPECT_EQ(*parse("5GB"), 5'000'000'000u);
    EXPECT_EQ(*parse("9223372036854775807"), kMost);
    for (const char* bad : {"", "KiB", "1k", "1kb", "1.5MiB", "-1", "1 000", "1TiB",
                            "9223372036854775808", "18446744073709551615GiB"}) {
        EXPECT_FALSE(parse(bad)) << bad;
    }
    EXPECT_EQ(parse_size("100", 1024, 1 << 20).error().message,
              "'100' is out of range; expected 1KiB to 1MiB");
}

TEST(Values, Numbers) {
    EXPECT_EQ(*parse_number("0", 0, 9), 0u);
    EXPECT_EQ(*parse_number("18446744073709551615", 0, UINT64_MAX), UINT64_MAX);
    for (const char* bad : {"", "-1", "10", "1.0", "0x1", "1 ", "one", "18446744073709551616"}) {
        EXPECT_FALSE(parse_number(bad, 0, 9)) << bad;
    }
}

TEST(Values, Flags) {
    EXPECT_TRUE(*parse_flag("true"));
    EXPECT_FALSE(*parse_flag("false"));
    for (const char* bad : {"", "yes", "on", "1", "True"})
        EXPECT_FALSE(parse_flag(bad)) << bad;
}

TEST(Values, Modes) {
    EXPECT_EQ(*parse_mode("0660"), 0660u);
    EXPECT_EQ(*parse_mode("600"), 0600u);
    EXPECT_EQ(*parse_mode("0o600"), 0600u);
    for (const char* bad : {"", "0880", "01000", "rw", "-1"})
        EXPECT_FALSE(parse_mode(bad)) << bad;
}

TEST(Values, StatusRanges) {
    EXPECT_EQ(parse_status_range("204")->first, 204);
    EXPECT_EQ(parse_status_range("204")->last, 204);
    EXPECT_EQ(parse_status_range("200-399")->first, 200);
    EXPECT_EQ(parse_status_range("200-399")->last, 399);
    for (const char* bad : {"", "2xx", "200-", "-299", "100", "199-200", "200-600", "299-200",
                            "200-250-299", "200 - 299", "99999999999999999999"}) {
        EXPECT_FALSE(parse_status_range(bad)) << bad;
    }
}

TEST(Values, ChoicesSuggestTheNearest) {
    EXPECT_EQ(*parse_choice("warn", {"info", "warn"}), 1u);
    EXPECT_EQ(parse_choice("warm", {"debug", "info", "warn"}).error().message,
              "'warm' is not known; expected debug, info or warn; did you mean 'warn'?");
}

TEST(Values, FormatsAreTheShortestExactOnes) {
    EXPECT_EQ(format_duration(0ms), "0s");
    EXPECT_EQ(format_duration(1500ms), "1500ms");
    EXPECT_EQ(format_duration(90s), "90s");
    EXPECT_EQ(format_duration(2h), "2h");
    EXPECT_EQ(format_size(0), "0 bytes");
    EXPECT_EQ(format_size(1000), "1000 bytes");
    EXPECT_EQ(format_size(32 * 1024), "32KiB");
    EXPECT_EQ(format_size(1ULL << 30), "1GiB");
}

}  // namespace
}  // namespace switchyard::config
