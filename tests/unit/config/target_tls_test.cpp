// TLS to the targets of a slot.
#include "unit/config/support.hpp"

#include <gtest/gtest.h>

namespace switchyard::config {
namespace {

using test::config_of;

Slot slot_of(const std::string& keys) {
    const Config config = config_of(
        "listeners: [{address: \"0.0.0.0:80\"}]\n"
        "services: {app: {slots: {blue: {" +
        keys + "}}}}\n");
    return config.services.at(0).slots[0].value();
}

TEST(TargetTlsSection, IsReadWhole) {
    const Slot slot = slot_of(
        "targets: [\"10.0.0.2:8443\"], tls: {ca_file: ca.pem, server_name: App.internal, "
        "certificate: me.pem, key: me.key, min_version: \"1.3\"}");
    TargetTls expected;
    expected.ca_file = "/etc/switchyard/ca.pem";
    expected.server_name = "app.internal";
    expected.client = Certificate{"/etc/switchyard/me.pem", "/etc/switchyard/me.key"};
    expected.min_version = TlsVersion::tls1_3;
    EXPECT_EQ(slot.tls, expected);
    EXPECT_TRUE(slot.targets.at(0).tls());
    EXPECT_EQ(slot.targets.at(0).address, "10.0.0.2:8443");
}

TEST(TargetTlsSection, TheSchemeIsEnough) {
    const Slot slot = slot_of("targets: [\"https://a.internal:443\", \"https://b.internal:443\"]");
    EXPECT_EQ(slot.tls, TargetTls{});
    EXPECT_TRUE(slot.targets.at(1).tls());
    // As is the section, without any key.
    EXPECT_EQ(slot_of("targets: [\"a.internal:443\"], tls: {}"),
              slot_of("targets: [\"https://a.internal:443\"]"));
}

TEST(TargetTlsSection, PlainIsPlainHoweverItIsWritten) {
    const Slot slot = slot_of("targets: [\"http://10.0.0.2:80\"]");
    EXPECT_FALSE(slot.tls);
    EXPECT_FALSE(slot.targets.at(0).tls());
    EXPECT_EQ(slot, slot_of("targets: [\"10.0.0.2:80\"]"));
}

TEST(TargetTlsSection, AnAddressMayBeTheServersName) {
    EXPECT_EQ(
        slot_of("targets: [\"unix:/run/a\"], tls: {server_name: \"10.0.0.2\"}").tls->server_name,
        "10.0.0.2");
    EXPECT_FALSE(slot_of("targets: [\"unix:/run/a\"], tls: {verify: false}").tls->verify);
}

}  // namespace
}  // namespace switchyard::config
