#include "route/host_table.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::route {
namespace {

config::Service service(std::vector<std::string> hosts, std::string path = "/") {
    config::Service made;
    made.hosts = std::move(hosts);
    made.path = std::move(path);
    return made;
}

TEST(HostTable, FindsAnExactHost) {
    const HostTable table({service({"a.example"}), service({"b.example", "c.example"})});
    EXPECT_EQ(table.find("a.example", "/"), 0);
    EXPECT_EQ(table.find("b.example", "/x"), 1);
    EXPECT_EQ(table.find("c.example", "/"), 1);
    EXPECT_EQ(table.find("d.example", "/"), -1);
    EXPECT_EQ(table.find("", "/"), -1);
}

TEST(HostTable, AWildcardNeedsAtLeastOneLabelMore) {
    const HostTable table({service({"*.example"})});
    EXPECT_EQ(table.find("a.example", "/"), 0);
    EXPECT_EQ(table.find("a.b.example", "/"), 0);
    EXPECT_EQ(table.find("example", "/"), -1);
    EXPECT_EQ(table.find(".example", "/"), -1);
    EXPECT_EQ(table.find("aexample", "/"), -1);
}

TEST(HostTable, TheMoreSpecificHostWins) {
    const HostTable table({service({"*"}), service({"*.example"}), service({"*.b.example"}),
                           service({"a.b.example"})});
    EXPECT_EQ(table.find("a.b.example", "/"), 3);
    EXPECT_EQ(table.find("x.b.example", "/"), 2);
    EXPECT_EQ(table.find("x.example", "/"), 1);
    EXPECT_EQ(table.find("x.test", "/"), 0);
    EXPECT_EQ(table.find("", "/"), 0);
    EXPECT_EQ(table.find("[::1]", "/"), 0);
}

TEST(HostTable, TheLongestPrefixWins) {
    const HostTable table({service({"a"}, "/"), service({"a"}, "/api"), service({"a"}, "/api/v2/"),
                           service({"a"}, "/shop")});
    EXPECT_EQ(table.find("a", "/"), 0);
    EXPECT_EQ(table.find("a", "/index"), 0);
    EXPECT_EQ(table.find("a", "/api"), 1);
    EXPECT_EQ(table.find("a", "/api/v1"), 1);
    EXPECT_EQ(table.find("a", "/api/v2"), 2);
    EXPECT_EQ(table.find("a", "/api/v2/users"), 2);
    EXPECT_EQ(table.find("a", "/shop/"), 3);
}

TEST(HostTable, APrefixEndsAtASegment) {
    const HostTable table({service({"a"}, "/api")});
    EXPECT_EQ(table.find("a", "/api"), 0);
    EXPECT_EQ(table.find("a", "/api/"), 0);
    EXPECT_EQ(table.find("a", "/apix"), -1);
    EXPECT_EQ(table.find("a", "/ap"), -1);
    EXPECT_EQ(table.find("a", "/"), -1);
    EXPECT_EQ(table.find("a", "*"), -1);
}

TEST(HostTable, AHostWithoutAFittingPrefixFallsBack) {
    const HostTable table({service({"a.b.example"}, "/api"), service({"*.b.example"}, "/shop"),
                           service({"*.example"}), service({"*"}, "/any")});
    EXPECT_EQ(table.find("a.b.example", "/api/x"), 0);
    EXPECT_EQ(table.find("a.b.example", "/shop/x"), 1);
    EXPECT_EQ(table.find("a.b.example", "/else"), 2);
    EXPECT_EQ(table.find("test", "/any"), 3);
    EXPECT_EQ(table.find("test", "/else"), -1);
}

TEST(HostTable, OfTwoServicesWithTheSamePlaceTheFirstWins) {
    const HostTable table({service({"a"}, "/x"), service({"a"}, "/x/")});
    EXPECT_EQ(table.find("a", "/x"), 0);
}

}  // namespace
}  // namespace switchyard::route
