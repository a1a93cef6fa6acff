#include "route/preview_pass.hpp"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::route {
namespace {

constexpr std::int64_t kExpires = 1'772'341'200;
constexpr std::int64_t kDay = 86'400;

const PassKey kCurrent = make_pass_key("0123456789abcdef0123456789abcdef");
const PassKey kFormer = make_pass_key("former-secret-former-secret-form");
const std::vector<PassKey> kKeys = {kCurrent, kFormer};

// Made with Python's hmac module.
constexpr std::string_view kPass =
    "v1.1772341200.k1.221fb743.EYyCmHWdtjs0vmlJfG8MKeukDj9U3MULd6hnKohwLtw";
constexpr std::string_view kFormerPass =
    "v1.1772341200.k2.1dfd38e4.Mkabegqwc9ZNH2Kn2M-nf13brcO6Hsi6p9PXYeRpEJg";
constexpr std::string_view kLongPass =
    "v1.1772341200.iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii.221fb743."
    "3mtawpXHVx7RA_pwCTJ-KZAbRdMVwtEbL15tfkRkSfE";

bool good(std::string_view text, std::int64_t now = kExpires - 100,
          std::string_view service = "shop", const std::vector<PassKey>& keys = kKeys) {
    return check_pass(text, keys, service, now, kDay).has_value();
}

TEST(PreviewPass, IsMadeAsOthersMakeIt) {
    EXPECT_EQ(kCurrent.id, "221fb743");
    EXPECT_EQ(kFormer.id, "1dfd38e4");
    EXPECT_EQ(make_pass(kCurrent, "shop", kExpires, "k1"), kPass);
    EXPECT_EQ(make_pass(kFormer, "shop", kExpires, "k2"), kFormerPass);
    EXPECT_EQ(make_pass(kCurrent, std::string(63, 's'), kExpires, std::string(32, 'i')), kLongPass);
}

TEST(PreviewPass, SaysWhoseItIsAndTillWhen) {
    const auto pass = check_pass(kPass, kKeys, "shop", kExpires - 1, kDay);
    ASSERT_TRUE(pass);
    EXPECT_EQ(pass->id, "k1");
    EXPECT_EQ(pass->expires, kExpires);
}

TEST(PreviewPass, EndsAtItsTime) {
    EXPECT_TRUE(good(kPass, kExpires - 1));
    EXPECT_FALSE(good(kPass, kExpires));
    EXPECT_FALSE(good(kPass, kExpires + 1));
}

TEST(PreviewPass, LastsNoLongerThanAllowedBesidesTheClocksDifference) {
    EXPECT_TRUE(good(kPass, kExpires - kDay - kClockSkew));
    EXPECT_FALSE(good(kPass, kExpires - kDay - kClockSkew - 1));
}

TEST(PreviewPass, BelongsToOneService) {
    EXPECT_FALSE(good(kPass, kExpires - 1, "shop2"));
    EXPECT_FALSE(good(kPass, kExpires - 1, "Shop"));
    EXPECT_FALSE(good(kPass, kExpires - 1, ""));
    EXPECT_TRUE(good(kLongPass, kExpires - 1, std::string(63, 's')));
}

TEST(PreviewPass, AFormerSecretIsTakenUntilItIsGone) {
    EXPECT_TRUE(good(kFormerPass));
    EXPECT_FALSE(good(kFormerPass, kExpires - 1, "shop", {kCurrent}));
    EXPECT_FALSE(good(kPass, kExpires - 1, "shop", {}));
}

TEST(PreviewPass, NoOctetOfItCanBeChangedAddedOrLeftOut) {
    const std::string pass(kPass);
    for (std::size_t i = 0; i < pass.size(); ++i) {
        for (const char c : std::string("0Az9-_.~= \0", 11)) {
            if (c == pass[i]) continue;
            std::string changed = pass;
            changed[i] = c;
            EXPECT_FALSE(good(changed)) << changed;
        }
        EXPECT_FALSE(good(pass.substr(0, i))) << i;
        EXPECT_FALSE(good(pass.substr(0, i) + pass.substr(i + 1))) << i;
    }
    for (const std::string& odd : {pass + "=", pass + ".", pass + "A", " " + pass, "." + pass})
        EXPECT_FALSE(good(odd)) << odd;
}

TEST(PreviewPass, ASecretOfOneServiceSignsNothingForAnother) {
    const PassKey foreign = make_pass_key("another-secret-another-secret-32");
    EXPECT_FALSE(good(make_pass(foreign, "shop", kExpires, "k1")));
    // Whoever knows a key's id still has to sign.
    PassKey forged = foreign;
    forged.id = kCurrent.id;
    EXPECT_FALSE(good(make_pass(forged, "shop", kExpires, "k1")));
}

TEST(PreviewPass, OddTextsAreNone) {
    for (const std::string_view text :
         {"", ".", "....", "v1....", "v1", "v2", "idle", "v1.1.1.1.1",
          "v1.0772341200.k1.221fb743.EYyCmHWdtjs0vmlJfG8MKeukDj9U3MULd6hnKohwLtw",
          "v1.+772341200.k1.221fb743.EYyCmHWdtjs0vmlJfG8MKeukDj9U3MULd6hnKohwLtw",
          "v1.9999999999999999999.k1.221fb743.EYyCmHWdtjs0vmlJfG8MKeukDj9U3MULd6hnKohwLtw",
          "v2.1772341200.k1.221fb743.EYyCmHWdtjs0vmlJfG8MKeukDj9U3MULd6hnKohwLtw"}) {
        EXPECT_FALSE(good(text)) << text;
    }
    EXPECT_FALSE(good(std::string(100'000, '.')));
    EXPECT_FALSE(good("v1." + std::string(100'000, '1')));
}

TEST(PreviewPass, IdsAreNew) {
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        const std::string id = new_pass_id();
        EXPECT_TRUE(valid_pass_id(id)) << id;
        seen.insert(id);
    }
    EXPECT_EQ(seen.size(), 100u);
    for (const std::string_view odd : {"", "a.b", "a b", "\n"})
        EXPECT_FALSE(valid_pass_id(odd)) << odd;
    EXPECT_FALSE(valid_pass_id(std::string(33, 'a')));
}

}  // namespace
}  // namespace switchyard::route
