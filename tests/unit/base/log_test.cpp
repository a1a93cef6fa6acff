#include "base/log.hpp"

#include "support/expression.hpp"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

namespace switchyard {
namespace {

TEST(Log, WritesEventsWithFieldsToStandardError) {
    testing::internal::CaptureStderr();
    ASSERT_TRUE(set_up_log("info"));
    spdlog::info("target_healthy service={} target={}", log_value("app"), log_value("10.0.0.2:80"));
    spdlog::debug("not_shown");
    const std::string text = testing::internal::GetCapturedStderr();
    EXPECT_TRUE(test::matches(text, R"(time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=info )"
                                    R"(event=target_healthy service=app target=10\.0\.0\.2:80\n)"))
        << text;
}

TEST(Log, ChangesItsLevel) {
    testing::internal::CaptureStderr();
    ASSERT_TRUE(set_up_log("error"));
    spdlog::warn("hidden");
    ASSERT_TRUE(set_log_level("debug"));
    spdlog::debug("shown");
    const std::string text = testing::internal::GetCapturedStderr();
    EXPECT_EQ(text.find("hidden"), std::string::npos);
    EXPECT_NE(text.find("event=shown"), std::string::npos);
}

TEST(Log, RefusesAnUnknownLevelAndKeepsTheOldOne) {
    ASSERT_TRUE(set_up_log("error"));
    const auto set = set_log_level("loud");
    ASSERT_FALSE(set);
    EXPECT_EQ(set.error().message,
              "unknown log level loud: expected trace, debug, info, warn or error");
    EXPECT_EQ(spdlog::get_level(), spdlog::level::err);
    EXPECT_FALSE(set_up_log(""));
}

TEST(Log, ValuesCannotLeaveTheirField) {
    EXPECT_EQ(log_value("plain-word/1.0"), "plain-word/1.0");
    EXPECT_EQ(log_value(""), "\"\"");
    EXPECT_EQ(log_value("two words"), "\"two words\"");
    EXPECT_EQ(log_value("a=b"), "\"a=b\"");
    EXPECT_EQ(log_value("say \"hi\" \\"), "\"say \\\"hi\\\" \\\\\"");
    EXPECT_EQ(log_value("a\nevent=fake"), "\"a\\x0aevent=fake\"");
    EXPECT_EQ(log_value("\x1b\xff"), "\"\\x1b\\xff\"");
}

}  // namespace
}  // namespace switchyard
