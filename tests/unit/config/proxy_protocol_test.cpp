// The PROXY protocol: from whom it is taken, and to whom it is sent.
#include "unit/config/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::config {
namespace {

using test::config_of;
using test::kListeners;
using test::problems_of;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(ProxyProtocolSection, NamesTheNetworksOfBalancers) {
    const Config config = config_of(kListeners +
                                    "  - {address: \"0.0.0.0:80\", proxy_protocol: "
                                    "{from: [\"10.0.0.0/8\", loopback]}}\n"
                                    "  - {address: \"0.0.0.0:81\"}\n");
    const auto& from = config.listeners.at(0).proxy_protocol_from;
    ASSERT_EQ(from.size(), 3U);
    EXPECT_EQ(from[0].text, "10.0.0.0/8");
    EXPECT_TRUE(config.listeners.at(1).proxy_protocol_from.empty());
}

TEST(ProxyProtocolSection, WithoutNetworksMeansNothing) {
    for (const char* const value : {"{}", "{from: []}"}) {
        EXPECT_THAT(problems_of(kListeners +
                                "  - {address: \"0.0.0.0:80\", proxy_protocol: " + value + "}\n"),
                    ElementsAre(HasSubstr("'from'")))
            << value;
    }
    EXPECT_THAT(problems_of(kListeners +
                            "  - {address: \"0.0.0.0:80\", proxy_protocol: {form: [private]}}\n"),
                testing::Contains(HasSubstr("did you mean 'from'?")));
    EXPECT_THAT(problems_of(kListeners +
                            "  - {address: \"0.0.0.0:80\", proxy_protocol: {from: [\"10/8\"]}}\n"),
                testing::Contains(HasSubstr("'from'")));
    EXPECT_THAT(problems_of(kListeners + "  - {address: \"0.0.0.0:80\", proxy_protocol: true}\n"),
                testing::Contains(HasSubstr("'proxy_protocol'")));
}

TEST(ProxyProtocolSection, OfASlotIsThatOfItsTargets) {
    const auto slot_of = [](const std::string& value) {
        return config_of(
                   "listeners: [{address: \"0.0.0.0:80\"}]\nservices: {app: {slots: {blue: "
                   "{targets: [\"10.0.0.2:80\", \"10.0.0.3:80\"]" +
                   value + "}}}}\n")
            .services.at(0)
            .slots[0]
            .value();
    };
    EXPECT_EQ(slot_of("").proxy_protocol, ProxyProtocol::off);
    EXPECT_EQ(slot_of(", proxy_protocol: off").proxy_protocol, ProxyProtocol::off);
    const Slot slot = slot_of(", proxy_protocol: v2");
    EXPECT_EQ(slot.proxy_protocol, ProxyProtocol::v2);
    for (const Target& target : slot.targets)
        EXPECT_EQ(target.proxy_protocol, ProxyProtocol::v2);
    EXPECT_EQ(slot_of(", proxy_protocol: v1").targets.at(1).proxy_protocol, ProxyProtocol::v1);
    // So that a reload makes new connections.
    EXPECT_NE(slot.targets, slot_of("").targets);
    EXPECT_THAT(
        problems_of("listeners: [{address: \"0.0.0.0:80\"}]\nservices: {app: {slots: {blue: "
                    "{targets: [\"10.0.0.2:80\"], proxy_protocol: v3}}}}\n"),
        ElementsAre(HasSubstr("'proxy_protocol'")));
}

TEST(ProxyProtocolSection, OfASharedConnectionCannotBe) {
    EXPECT_THAT(
        problems_of("listeners: [{address: \"0.0.0.0:80\"}]\nservices: {app: {slots: {blue: "
                    "{targets: [\"10.0.0.2:80\"], protocol: h2c, proxy_protocol: v2}}}}\n"),
        ElementsAre(HasSubstr("expected off, or protocol http1")));
}

}  // namespace
}  // namespace switchyard::config
