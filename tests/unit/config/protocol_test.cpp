// What is spoken to the targets of a slot, and what follows from it.
#include "unit/config/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::config {
namespace {

using test::config_of;
using test::problems_of;
using testing::ElementsAre;
using testing::HasSubstr;

std::string yaml(const std::string& slot, const std::string& service = {}) {
    return "listeners: [{address: \"0.0.0.0:80\"}]\n"
           "services: {app: {slots: {blue: {" +
           slot + "}}" + service + "}}\n";
}
Service service_of(const std::string& slot, const std::string& service = {}) {
    return config_of(yaml(slot, service)).services.at(0);
}

TEST(ProtocolKey, IsHttp1UnlessItIsSaid) {
    const Service service = service_of("targets: [\"10.0.0.2:80\"]");
    EXPECT_EQ(service.slots[0]->protocol, Protocol::http1);
    EXPECT_FALSE(service.slots[0]->targets.at(0).http2);
    EXPECT_EQ(service.http2, UpstreamHttp2());
}

TEST(ProtocolKey, HoldsForEveryTargetAndForTls) {
    const Service plain = service_of("targets: [\"10.0.0.2:80\", \"a:81\"], protocol: h2c");
    EXPECT_TRUE(plain.slots[0]->targets.at(0).http2 && plain.slots[0]->targets.at(1).http2);
    const Service tls = service_of("targets: [\"https://a:443\"], protocol: h2");
    EXPECT_TRUE(tls.slots[0]->targets.at(0).http2);
    EXPECT_TRUE(tls.slots[0]->tls->http2);
    // A target that speaks something else is another one.
    EXPECT_NE(plain.slots[0]->targets.at(0),
              service_of("targets: [\"10.0.0.2:80\"]").slots[0]->targets.at(0));
}

TEST(ProtocolKey, HasToAgreeWithTls) {
    EXPECT_THAT(problems_of(yaml("targets: [\"https://a:443\"], protocol: h2c")),
                ElementsAre(HasSubstr("expected h2")));
    EXPECT_THAT(problems_of(yaml("targets: [\"a:443\"], protocol: h2")),
                ElementsAre(HasSubstr("expected h2c, or targets that begin with https://")));
    EXPECT_THAT(problems_of(yaml("targets: [\"a:443\"], protocol: http2")),
                ElementsAre(HasSubstr("h2c")));
    EXPECT_THAT(problems_of(yaml("targets: [\"a:443\"], protocoll: h2c")),
                ElementsAre(HasSubstr("did you mean 'protocol'")));
}

TEST(ProtocolKey, ConnectionsCanBeTuned) {
    const Service service =
        service_of("targets: [\"a:80\"], protocol: h2c",
                   ", http2: {max_concurrent_streams: 10, max_connections: 3, "
                   "stream_window: 1MiB, ping_interval: 20s, ping_timeout: 2s}");
    UpstreamHttp2 expected;
    expected.max_concurrent_streams = 10;
    expected.max_connections = 3;
    expected.stream_window = 1024 * 1024;
    expected.ping_interval = 20s;
    expected.ping_timeout = 2s;
    EXPECT_EQ(service.http2, expected);
}

TEST(GrpcHealthCheck, NeedsHttp2) {
    const std::string check = ", health_check: {grpc: shop.Orders}";
    const Service service = service_of("targets: [\"a:80\"], protocol: h2c", check);
    EXPECT_EQ(service.health_check.kind, HealthCheck::Kind::grpc);
    EXPECT_EQ(service.health_check.grpc, "shop.Orders");
    EXPECT_THAT(problems_of(yaml("targets: [\"a:80\"]", check)),
                ElementsAre(HasSubstr("'grpc' needs HTTP/2")));
}

TEST(GrpcHealthCheck, AsksForAServiceOrTheWholeServerAndNothingElse) {
    const std::string slot = "targets: [\"a:80\"], protocol: h2c";
    const HealthCheck whole = service_of(slot, ", health_check: {grpc: \"*\"}").health_check;
    EXPECT_EQ(whole.kind, HealthCheck::Kind::grpc);
    EXPECT_EQ(whole.grpc, "");
    EXPECT_EQ(service_of(slot, ", health_check: {grpc: \"\"}").health_check, HealthCheck());
    EXPECT_THAT(problems_of(yaml(slot, ", health_check: {grpc: \"a b\"}")),
                ElementsAre(HasSubstr("is not the name of a gRPC service")));
    EXPECT_THAT(problems_of(yaml(slot, ", health_check: {grpc: a.B, path: /up}")),
                ElementsAre(HasSubstr("impossible together with 'path'")));
}

}  // namespace
}  // namespace switchyard::config
