#include "config/cidr.hpp"

#include <arpa/inet.h>
#include <cstring>

#include <gtest/gtest.h>

namespace switchyard::config {
namespace {

bool contains_text(const Cidr& range, const char* address) {
    std::uint8_t bytes[16] = {};
    if (std::strchr(address, ':') != nullptr) {
        inet_pton(AF_INET6, address, bytes);
    } else {
        bytes[10] = bytes[11] = 0xff;
        inet_pton(AF_INET, address, bytes + 12);
    }
    return contains(range, bytes);
}

TEST(Cidr, HoldsWhatItSays) {
    struct Case {
        const char* range;
        const char* address;
        bool inside;
    };
    const Case cases[] = {
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.1.2.3", "10.1.2.3", true},
        {"10.1.2.3", "10.1.2.2", false},
        {"192.168.4.0/22", "192.168.7.9", true},
        {"192.168.4.0/22", "192.168.8.0", false},
        {"0.0.0.0/0", "255.1.2.3", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"fd00::/8", "fdff::1", true},
        {"fd00::/8", "fe00::1", false},
        {"2001:db8::/33", "2001:db8:7fff::", true},
        {"2001:db8::/33", "2001:db8:8000::", false},
        {"::1", "::1", true},
        {"::1", "::2", false},
    };
    for (const Case& c : cases) {
        const auto ranges = parse_ranges(c.range);
        ASSERT_TRUE(ranges) << c.range;
        ASSERT_EQ(ranges->size(), 1u);
        EXPECT_EQ(ranges->front().text, c.range);
        EXPECT_EQ(contains_text(ranges->front(), c.address), c.inside)
            << c.range << " " << c.address;
    }
}

TEST(Cidr, PrefixCountsOnThe128BitForm) {
    EXPECT_EQ(parse_ranges("10.0.0.0/8")->front().prefix, 104);
    EXPECT_EQ(parse_ranges("10.1.2.3")->front().prefix, 128);
    EXPECT_EQ(parse_ranges("fd00::/8")->front().prefix, 8);
}

TEST(Cidr, WordsStandForRanges) {
    const auto inside = [](const char* word, const char* address) {
        for (const Cidr& range : *parse_ranges(word)) {
            if (contains_text(range, address)) return true;
        }
        return false;
    };
    for (const char* address : {"10.1.1.1", "172.31.0.1", "192.168.0.1", "fd12::1"}) {
        EXPECT_TRUE(inside("private", address)) << address;
    }
    for (const char* address : {"172.32.0.1", "8.8.8.8", "127.0.0.1", "2001:db8::1"}) {
        EXPECT_FALSE(inside("private", address)) << address;
    }
    EXPECT_TRUE(inside("loopback", "127.5.0.1"));
    EXPECT_TRUE(inside("loopback", "::1"));
    EXPECT_FALSE(inside("loopback", "10.0.0.1"));
}

TEST(Cidr, RefusesWhatIsNone) {
    for (const char* bad : {"", "/", "10.0.0.0/", "10.0.0.0/33", "fd00::/129", "10.0.0/8", "public",
                            "10.0.0.0/8/8", "example.com", "[::1]", "10.0.0.0/-1"}) {
        EXPECT_FALSE(parse_ranges(bad)) << bad;
    }
    EXPECT_EQ(parse_ranges("10.1.2.3/8").error().message,
              "'10.1.2.3/8' has bits behind its prefix; expected '10.0.0.0/8'");
    EXPECT_EQ(parse_ranges("2001:db8::1/32").error().message,
              "'2001:db8::1/32' has bits behind its prefix; expected '2001:db8::/32'");
}

}  // namespace
}  // namespace switchyard::config
