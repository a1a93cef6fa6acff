#include "admin/print/time.hpp"

#include <gtest/gtest.h>

namespace switchyard::admin {
namespace {

using namespace std::chrono_literals;

TEST(Duration, NeedsAUnitAndTakesSeveral) {
    EXPECT_EQ(parse_duration("500ms"), 500ms);
    EXPECT_EQ(parse_duration("30s"), 30s);
    EXPECT_EQ(parse_duration("0s"), 0s);
    EXPECT_EQ(parse_duration("1m30s"), 90s);
    EXPECT_EQ(parse_duration("2h"), 2h);
    EXPECT_EQ(parse_duration("24h"), 24h);
}

TEST(Duration, RefusesWhatIsNone) {
    for (const char* text : {"", "30", "s", "-1s", "1.5s", "30 s", "30sec", "1d", "24h1ms",
                             "99999999999s", "9999999999h", "1m30", "0x5s"}) {
        EXPECT_FALSE(parse_duration(text)) << text;
    }
}

TEST(Span, IsShortAndRounded) {
    EXPECT_EQ(format_span(0ms), "0 ms");
    EXPECT_EQ(format_span(-5ms), "0 ms");
    EXPECT_EQ(format_span(999ms), "999 ms");
    EXPECT_EQ(format_span(1s), "1 s");
    EXPECT_EQ(format_span(1730ms), "1.7 s");
    EXPECT_EQ(format_span(9960ms), "10 s");
    EXPECT_EQ(format_span(59'700ms), "1m 0s");
    EXPECT_EQ(format_span(725s), "12m 5s");
    EXPECT_EQ(format_span(11'529s), "3h 12m");
    EXPECT_EQ(format_span(std::chrono::hours(123)), "5d 3h");
    EXPECT_EQ(format_micros(std::chrono::microseconds(2)), "2 us");
    EXPECT_EQ(format_micros(std::chrono::microseconds(1840)), "1.84 ms");
    EXPECT_EQ(format_micros(std::chrono::microseconds(2'300'000)), "2.3 s");
}

TEST(Time, ReadsRfc3339InUtc) {
    EXPECT_EQ(parse_time("1970-01-01T00:00:01.250Z"), Instant(1250ms));
    EXPECT_EQ(parse_time("1970-01-01T00:01:00Z"), Instant(60s));
    EXPECT_EQ(parse_time("1970-01-01T00:00:00.1234567Z"), Instant(123ms));
    EXPECT_EQ(parse_time("1970-01-01T00:00:00.5Z"), Instant(500ms));
    for (const char* text : {"", "Z", "1970-01-01", "1970-01-01T00:00:00", "1970-02-30T00:00:00Z",
                             "1970-01-01T24:00:00Z", "1970-01-01T00:00:00.Z",
                             "1970-01-01T00:00:00+01:00", "1970-01-01T00:00:00.1xZ"}) {
        EXPECT_FALSE(parse_time(text)) << text;
    }
}

TEST(Time, IsPrintedInUtcAndAsAge) {
    EXPECT_EQ(format_time("2026-03-01T03:12:09.120Z"), "2026-03-01 03:12:09 UTC");
    EXPECT_EQ(format_time("2026-03-01T03:12:09.120Z", true), "2026-03-01 03:12:09.120 UTC");
    EXPECT_EQ(format_time("yesterday"), "-");
    EXPECT_EQ(format_since("2026-03-01T00:00:00.000Z", "2026-03-01T03:12:09.120Z"), "3h 12m");
    EXPECT_EQ(format_since("", "2026-03-01T03:12:09.120Z"), "-");
}

}  // namespace
}  // namespace switchyard::admin
