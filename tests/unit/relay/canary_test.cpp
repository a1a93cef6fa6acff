// What a response with a canary's cookie says to caches.
#include "relay/canary.hpp"

#include <string>

#include <gtest/gtest.h>

namespace switchyard::relay {
namespace {

std::string privately(std::string_view value) {
    std::string out;
    make_private(value, out);
    return out;
}

TEST(CanaryCaching, AResponseBecomesPrivateAndKeepsTheRest) {
    EXPECT_EQ(privately(""), "private");
    EXPECT_EQ(privately("public, max-age=60"), "private, max-age=60");
    EXPECT_EQ(privately("Public,S-MaxAge=600 ,max-age=60"), "private, max-age=60");
    EXPECT_EQ(privately("no-store"), "private, no-store");
    EXPECT_EQ(privately("private=\"x-a, x-b\", no-cache=\"set-cookie, x\""),
              "private, no-cache=\"set-cookie, x\"");
    EXPECT_EQ(privately(" , ,,"), "private");
    EXPECT_EQ(privately("max-age=60, \"open"), "private, max-age=60, \"open");
    EXPECT_EQ(privately("no-cache=\"a\\\", public\", proxy-revalidate"),
              "private, no-cache=\"a\\\", public\"");
}

TEST(CanaryCaching, FieldsOfSharedCachesGoAndOneCacheControlIsLeft) {
    http::Fields fields{{http::FieldId::cache_control, "Cache-Control", "public"},
                        {http::FieldId::unknown, "CDN-Cache-Control", "max-age=600"},
                        {http::FieldId::unknown, "Surrogate-Control", "max-age=600"},
                        {http::FieldId::etag, "ETag", "\"1\""},
                        {http::FieldId::cache_control, "Cache-Control", "max-age=60"}};
    std::string scratch;
    keep_off_shared_caches(fields, scratch);
    ASSERT_EQ(fields.size(), 2U);
    EXPECT_EQ(fields[0].name, "ETag");
    EXPECT_EQ(fields[1].value, "private, max-age=60");
}

}  // namespace
}  // namespace switchyard::relay
