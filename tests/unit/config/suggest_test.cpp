#include "config/suggest.hpp"

#include <gtest/gtest.h>

namespace switchyard::config {
namespace {

TEST(Suggest, CountsEdits) {
    EXPECT_EQ(edit_distance("", ""), 0u);
    EXPECT_EQ(edit_distance("", "abc"), 3u);
    EXPECT_EQ(edit_distance("abc", ""), 3u);
    EXPECT_EQ(edit_distance("listeners", "listeners"), 0u);
    EXPECT_EQ(edit_distance("listner", "listeners"), 2u);
    EXPECT_EQ(edit_distance("pahs", "path"), 2u);
    EXPECT_EQ(edit_distance("ptah", "path"), 1u);  // a swap is one
}

TEST(Suggest, NamesTheNearestKnownWordOrNone) {
    const std::vector<std::string_view> known = {"path", "hosts", "health_check", "retries"};
    EXPECT_EQ(nearest("host", known), "hosts");
    EXPECT_EQ(nearest("healthcheck", known), "health_check");
    EXPECT_EQ(nearest("Health-Check", known), "health_check");
    EXPECT_EQ(nearest("pth", known), "path");
    EXPECT_EQ(nearest("x", known), "");
    EXPECT_EQ(nearest("colour", known), "");
    EXPECT_EQ(nearest(std::string(100'000, 'h'), known), "");
    EXPECT_EQ(nearest("hosts", {}), "");
}

}  // namespace
}  // namespace switchyard::config
