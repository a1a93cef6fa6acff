#include "route/canary_cookie.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::route {
namespace {

constexpr std::int64_t kNow = 1'000'000;
constexpr std::int64_t kLongest = 3'600;
const std::string kSecret = "0123456789abcdef0123456789abcdef";

std::string cookie_for(std::uint32_t point, std::int64_t expires = kNow + 60,
                       std::string_view service = "shop", std::uint64_t run = 7,
                       const std::string& secret = kSecret) {
    std::string text;
    EXPECT_TRUE(append_canary_cookie(text, make_pass_key(secret), service, run, {point, expires}));
    return text;
}

class CanaryCookieTest : public ::testing::Test {
  protected:
    /// The point, or -1.
    std::int64_t check(std::string_view text, std::string_view service = "shop",
                       std::uint64_t run = 7, std::int64_t now = kNow) const {
        const auto cookie = check_canary_cookie(text, keys, service, run, now, kLongest);
        return cookie ? std::int64_t{cookie->point} : -1;
    }
    std::vector<PassKey> keys{make_pass_key(kSecret)};
};

TEST_F(CanaryCookieTest, SaysWhereAClientStands) {
    EXPECT_EQ(check(cookie_for(0)), 0);
    EXPECT_EQ(check(cookie_for(42)), 42);
    EXPECT_EQ(check(cookie_for(9'999)), 9'999);
    std::string after = "Set-Cookie: c=";
    ASSERT_TRUE(append_canary_cookie(after, keys[0], "shop", 7, {5, kNow + 1}));
    EXPECT_EQ(check(after.substr(14)), 5);
}

TEST_F(CanaryCookieTest, IsOfOneServiceOneRunAndOneTime) {
    const std::string text = cookie_for(42);
    EXPECT_EQ(check(text, "shop2"), -1);
    EXPECT_EQ(check(text, "shop", 8), -1);
    EXPECT_EQ(check(text, "shop", 7, kNow + 59), 42);
    EXPECT_EQ(check(text, "shop", 7, kNow + 60), -1);
    // Nobody keeps a point for longer than the configuration says.
    EXPECT_EQ(check(cookie_for(42, kNow + kLongest + kClockSkew)), 42);
    EXPECT_EQ(check(cookie_for(42, kNow + kLongest + kClockSkew + 1)), -1);
}

TEST_F(CanaryCookieTest, AForgedOneIsNone) {
    const std::string good = cookie_for(4'200);
    // Every octet matters.
    for (std::size_t i = 0; i < good.size(); ++i) {
        std::string bad = good;
        bad[i] = bad[i] == 'A' ? 'B' : 'A';
        EXPECT_EQ(check(bad), -1) << bad;
    }
    for (std::size_t size = 0; size < good.size(); ++size)
        EXPECT_EQ(check(good.substr(0, size)), -1);
    EXPECT_EQ(check(good + "A"), -1);
    EXPECT_EQ(check(cookie_for(42, kNow + 60, "shop", 7, std::string(32, 'x'))), -1);
    // A pass of the preview with the same secret opens nothing here.
    EXPECT_EQ(check("v1." + good), -1);
    for (const char* odd : {"", ".", "....", "v1....", "v1.042.1000060.00000000.x", "v2"})
        EXPECT_EQ(check(odd), -1) << odd;
}

TEST_F(CanaryCookieTest, PointsThatAreNoneAreRefusedThoughSigned) {
    EXPECT_EQ(check(cookie_for(10'000)), -1);
    EXPECT_EQ(check(cookie_for(4'294'967'295U)), -1);
}

TEST_F(CanaryCookieTest, AnOlderSecretIsStillGood) {
    const std::string old = cookie_for(42);
    keys.insert(keys.begin(), make_pass_key(std::string(32, 'n')));
    EXPECT_EQ(check(old), 42);
    keys.pop_back();
    EXPECT_EQ(check(old), -1);
}

}  // namespace
}  // namespace switchyard::route
