#include "relay/client_address.hpp"

#include "config/cidr.hpp"

#include <gtest/gtest.h>

namespace switchyard::relay {
namespace {

struct Row {
    std::vector<std::string_view> forwarded_for;
    std::string_view client;
};

class ClientAddress : public testing::Test {
  protected:
    std::string_view of(const std::vector<std::string_view>& values, bool trusted) {
        head_.clear();
        for (const std::string_view value : values)
            head_.fields.push_back({http::FieldId::unknown, "x-forwarded-for", value});
        http::Peer peer;
        peer.address = "10.0.0.1";
        peer.trusted = trusted;
        return client_address(head_, peer, ranges_);
    }

    http::RequestHead head_;
    std::vector<config::Cidr> ranges_ = config::parse_ranges("private").value();
};

TEST_F(ClientAddress, IsThePeerUnlessThatIsTrusted) {
    EXPECT_EQ(of({"192.0.2.1"}, false), "10.0.0.1");
    EXPECT_EQ(of({"192.0.2.1"}, true), "192.0.2.1");
}

TEST_F(ClientAddress, IsTheLastOneThatIsNoTrustedProxy) {
    const Row rows[] = {
        {{}, "10.0.0.1"},
        {{""}, "10.0.0.1"},
        {{"192.0.2.1"}, "192.0.2.1"},
        {{"192.0.2.1, 10.0.0.7"}, "192.0.2.1"},
        {{"198.51.100.9, 192.0.2.1,10.0.0.7 , 10.0.0.8"}, "192.0.2.1"},
        {{"192.0.2.1", "10.0.0.7"}, "192.0.2.1"},
        {{"198.51.100.9", "192.0.2.1"}, "192.0.2.1"},
        {{"10.0.0.9, 10.0.0.7"}, "10.0.0.9"},
        {{"192.0.2.1:4711"}, "192.0.2.1"},
        {{"2001:db8::1"}, "2001:db8::1"},
        {{"[2001:db8::1]:4711"}, "2001:db8::1"},
        {{"[2001:db8::1]"}, "2001:db8::1"},
        // Behind what is no address nothing is believed.
        {{"192.0.2.1, unknown"}, "10.0.0.1"},
        {{"192.0.2.1, unknown, 10.0.0.7"}, "10.0.0.7"},
        {{"[, 10.0.0.7"}, "10.0.0.7"},
        {{"192.0.2.1, \"x\"", "10.0.0.7"}, "10.0.0.7"},
    };
    for (const Row& row : rows) {
        std::string shown;
        for (const std::string_view value : row.forwarded_for)
            shown += std::string(value) + " | ";
        EXPECT_EQ(of(row.forwarded_for, true), row.client) << shown;
    }
}

}  // namespace
}  // namespace switchyard::relay
