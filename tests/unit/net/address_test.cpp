#include "net/address.hpp"

#include <algorithm>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace switchyard::net {
namespace {

TEST(Address, ReadsAndWritesBothFamilies) {
    const auto v4 = make_address("10.0.0.1", 80);
    ASSERT_TRUE(v4);
    EXPECT_EQ(v4->family(), AF_INET);
    EXPECT_EQ(v4->port(), 80);
    EXPECT_EQ(v4->host_text(), "10.0.0.1");
    EXPECT_EQ(v4->text(), "10.0.0.1:80");

    const auto v6 = make_address("2001:db8::1", 443);
    ASSERT_TRUE(v6);
    EXPECT_EQ(v6->family(), AF_INET6);
    EXPECT_EQ(v6->host_text(), "2001:db8::1");
    EXPECT_EQ(v6->text(), "[2001:db8::1]:443");
}

TEST(Address, TakesNoNamesAndNoBrackets) {
    for (const char* text :
         {"", "localhost", "[::1]", "10.0.0", "10.0.0.1:80", "::1%lo", "10.0.0.256"}) {
        EXPECT_FALSE(make_address(text, 1)) << text;
    }
}

TEST(Address, WritesEveryOctetInFull) {
    for (const char* text : {"0.0.0.0", "255.255.255.255", "9.10.99.100", "100.20.3.0"}) {
        EXPECT_EQ(make_address(text, 1)->host_text(), text);
    }
}

TEST(Address, ShowsAMappedAddressAsIpv4) {
    const auto mapped = make_address("::ffff:192.0.2.7", 80);
    ASSERT_TRUE(mapped);
    EXPECT_EQ(mapped->host_text(), "192.0.2.7");
}

TEST(Address, GivesBothFamiliesTheSameBytes) {
    std::uint8_t a[16];
    std::uint8_t b[16];
    make_address("192.0.2.7", 1)->bytes16(a);
    make_address("::ffff:192.0.2.7", 2)->bytes16(b);
    EXPECT_TRUE(std::equal(a, a + 16, b));
}

TEST(Address, AUnixSocketHasNoHost) {
    Address address;
    address.storage.ss_family = AF_UNIX;
    address.size = sizeof(sockaddr_un);
    EXPECT_EQ(address.host_text(), "unix");
    EXPECT_EQ(address.text(), "unix");
    EXPECT_EQ(address.port(), 0);
    std::uint8_t bytes[16];
    address.bytes16(bytes);
    EXPECT_TRUE(std::all_of(bytes, bytes + 16, [](std::uint8_t byte) { return byte == 0; }));
}

TEST(Address, LocalAddressIsEmptyForWhatIsNoSocket) {
    EXPECT_FALSE(local_address(-1));
}

}  // namespace
}  // namespace switchyard::net
