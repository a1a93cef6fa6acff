// gRPC from end to end: a real client, the daemon, a real server in each slot (python3-grpcio).
// Over TLS and over plain HTTP/2, on both sides.
#include "support/grpc.hpp"

#include "integration/harness.hpp"
#include "support/free_port.hpp"

#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// With TLS on both sides, or none.
enum class Way { plain, tls };

class Grpc : public testing::TestWithParam<Way> {
  protected:
    void serve(const std::vector<std::string>& options = {}) {
        auto all = options;
        if (GetParam() == Way::tls) {
            all.insert(all.begin(), {"--tls", certificates_.certificate(), certificates_.key()});
        }
        blue_ = std::make_unique<GrpcServer>("blue", all);
        green_ = std::make_unique<GrpcServer>("green", all);
    }
    [[nodiscard]] std::string slot(const std::string& address) const {
        if (GetParam() == Way::plain) return "{targets: [\"" + address + "\"], protocol: h2c}";
        return "{targets: [\"" + address + "\"], protocol: h2, tls: {ca_file: \"" +
               certificates_.ca() + "\", server_name: localhost}}";
    }
    [[nodiscard]] std::string config(const std::string& blue, const std::string& green,
                                     const std::string& service = {}) const {
        std::string listener = "  - {address: \"127.0.0.1:0\", h2c: true}\n";
        if (GetParam() == Way::tls) listener = certificates_.listener();
        return "listeners:\n" + listener +
               "services:\n"
               "  app:\n"
               "    hosts: [\"*\"]\n"
               "    health_check: {grpc: \"*\", interval: 100ms, healthy_after: 1, "
               "unhealthy_after: 1}\n" +
               service + "    slots:\n      blue: " + slot(blue) + "\n      green: " + slot(green) +
               "\n";
    }
    void start(const std::string& service = {}) {
        if (!blue_) serve();
        run(config(blue_->address(), green_->address(), service));
        ASSERT_TRUE(daemon_->wait_healthy("app", Colour::blue, true, Deadline(kGrpcStart)));
        ASSERT_TRUE(daemon_->wait_healthy("app", Colour::green, true, Deadline(kGrpcStart)));
    }
    void run(const std::string& yaml) {
        daemon_ = std::make_unique<Daemon>(yaml + "access_log: {path: \"${DIR}/access.log\"}\n");
        daemon_->start();
        client_ = std::make_unique<GrpcClient>(
            daemon_->address(), GetParam() == Way::tls ? certificates_.ca() : std::string());
    }
    std::string tell(const std::string& command) { return client_->tell(command); }
    void switch_slots() { ASSERT_EQ(daemon_->cli({"switch", "app"}).exit.code, 0); }
    /// Returns when it is acknowledged, not drained.
    void begin_switch() { ASSERT_EQ(daemon_->admin().switch_to("app", "green").status, 200); }

    TestCertificates certificates_;
    std::unique_ptr<GrpcServer> blue_;
    std::unique_ptr<GrpcServer> green_;
    std::unique_ptr<Daemon> daemon_;
    std::unique_ptr<GrpcClient> client_;
};
INSTANTIATE_TEST_SUITE_P(Over, Grpc, testing::Values(Way::plain, Way::tls),
                         [](const testing::TestParamInfo<Way>& test) {
                             return test.param == Way::tls ? "Tls" : "Plain";
                         });

TEST_P(Grpc, CallsOfAllFourKindsPassWithTheirTrailers) {
    start();
    EXPECT_EQ(tell("unary Unary hello"), "ok blue:hello trailer=blue");
    EXPECT_EQ(tell("download 500"), "ok 500 blue:0 blue:499");
    EXPECT_EQ(tell("upload 200 10000"), "ok blue:200 2000000");
    EXPECT_EQ(tell("open a"), "opened a");
    EXPECT_EQ(tell("say a one"), "ok blue:one");
    EXPECT_EQ(tell("say a two"), "ok blue:two");
    EXPECT_EQ(tell("close a"), "ok");
}

TEST_P(Grpc, FailuresOfTheServerArriveAsTheyAre) {
    start();
    // No message: trailers only, or nearly.
    EXPECT_EQ(tell("unary Fail 5"), "failed 5 failed as told");
    EXPECT_EQ(tell("unary Fail 16"), "failed 16 failed as told");
    EXPECT_EQ(tell("break_off"), "failed 9 no more: 100 % – done after 1 trailer=blue");
    EXPECT_THAT(tell("unary NoSuchMethod x"), StartsWith("failed 12 "));
}

TEST_P(Grpc, WhatTheClientSaysOfItselfReachesTheServer) {
    start();
    const auto metadata = tell("unary Metadata x");
    EXPECT_THAT(metadata, HasSubstr("user-agent: grpc-python"));
    EXPECT_THAT(metadata, HasSubstr("x-forwarded-for: 127.0.0.1"));
    EXPECT_THAT(metadata, HasSubstr("x-request-id: "));
}

TEST_P(Grpc, ACallThatIsGivenUpIsCancelledAtTheServer) {
    start();
    EXPECT_EQ(tell("start Hang x"), "started");
    blue_->line("hanging");
    EXPECT_EQ(tell("give_up"), "given up");
    EXPECT_EQ(blue_->line("cancelled"), "cancelled Hang");
    // And one whose deadline passes.
    EXPECT_EQ(tell("unary Hang x 0.5"), "failed 4 Deadline Exceeded");
    EXPECT_EQ(blue_->line("cancelled"), "cancelled Hang");
    // And a stream, after answers have come.
    EXPECT_EQ(tell("open a"), "opened a");
    EXPECT_EQ(tell("say a one"), "ok blue:one");
    EXPECT_EQ(tell("drop a"), "dropped a");
    EXPECT_EQ(blue_->line("over"), "over Chat");
    // The connection is none the worse for it.
    EXPECT_EQ(tell("unary Unary again"), "ok blue:again trailer=blue");
}

TEST_P(Grpc, C07_C08_StreamsStayWithTheirSlotAndNewCallsGoToTheNewOne) {
    start();
    EXPECT_EQ(tell("open old"), "opened old");
    EXPECT_EQ(tell("say old one"), "ok blue:one");
    EXPECT_EQ(tell("start Hang x"), "started");
    blue_->line("hanging");
    begin_switch();
    EXPECT_EQ(tell("unary Unary new"), "ok green:new trailer=green");
    EXPECT_EQ(tell("open new"), "opened new");
    EXPECT_EQ(tell("say new one"), "ok green:one");
    EXPECT_EQ(tell("say old two"), "ok blue:two");
    EXPECT_EQ(tell("say new two"), "ok green:two");
    EXPECT_EQ(tell("close old"), "ok");
    EXPECT_EQ(tell("close new"), "ok");
    EXPECT_EQ(tell("give_up"), "given up");
    EXPECT_EQ(blue_->line("cancelled"), "cancelled Hang");
}

TEST_P(Grpc, C12_WhatIsCutByADrainIsUnavailable) {
    start("    drain: {timeout: 300ms}\n");
    EXPECT_EQ(tell("start Hang x"), "started");
    blue_->line("hanging");
    begin_switch();
    EXPECT_EQ(tell("finish"), "failed 14 Service Unavailable (drained)");
    EXPECT_EQ(blue_->line("cancelled"), "cancelled Hang");
}

TEST_P(Grpc, WhatWeAnswerOurselvesIsAStatusOfGrpc) {
    serve();
    const std::string nowhere = "127.0.0.1:" + std::to_string(free_port());
    run(config(nowhere, green_->address()));
    EXPECT_EQ(tell("unary Unary x"), "failed 14 Bad Gateway (connect_failed)");
    ASSERT_TRUE(daemon_->wait_healthy("app", Colour::green, true, Deadline(kGrpcStart)));
    switch_slots();
    EXPECT_EQ(tell("unary Unary x"), "ok green:x trailer=green");
    ASSERT_EQ(daemon_->cli({"maintenance", "app", "on"}).exit.code, 0);
    EXPECT_EQ(tell("unary Unary x"), "failed 14 Service Unavailable (maintenance)");
    ASSERT_EQ(daemon_->cli({"maintenance", "app", "off"}).exit.code, 0);
    EXPECT_EQ(tell("unary Unary x"), "ok green:x trailer=green");
    EXPECT_TRUE(eventually([&] {
        return read_file(daemon_->dir().file("access.log")).find("connect_failed") !=
               std::string::npos;
    }));
}

TEST_P(Grpc, AServerThatDiesIsUnavailableAndOneThatComesBackIsUsed) {
    start();
    EXPECT_EQ(tell("open a"), "opened a");
    EXPECT_EQ(tell("say a one"), "ok blue:one");
    blue_->process().kill();
    // C9: never an apparent success.
    EXPECT_THAT(tell("say a two"), StartsWith("failed "));
    EXPECT_THAT(tell("unary Unary x"), StartsWith("failed 14 Bad Gateway"));
    switch_slots();
    EXPECT_EQ(tell("unary Unary x"), "ok green:x trailer=green");
}

TEST_P(Grpc, TheHealthServiceDecidesWhetherASlotIsHealthy) {
    serve({"--status", "shop.Orders=2"});
    auto yaml = config(blue_->address(), green_->address());
    run(yaml);
    ASSERT_TRUE(daemon_->wait_healthy("app", Colour::blue, true, Deadline(kGrpcStart)));
    yaml.replace(yaml.find("grpc: \"*\""), 9, "grpc: shop.Orders");
    daemon_->write_config(yaml);
    ASSERT_EQ(daemon_->cli({"reload"}).exit.code, 0);
    ASSERT_TRUE(daemon_->wait_healthy("app", Colour::blue, false));
    EXPECT_THAT(daemon_->cli({"status"}).out, HasSubstr("the health service says NOT_SERVING"));
    yaml.replace(yaml.find("grpc: shop.Orders"), 17, "grpc: shop.Nothing");
    daemon_->write_config(yaml);
    ASSERT_EQ(daemon_->cli({"reload"}).exit.code, 0);
    EXPECT_TRUE(eventually([&] {
        return daemon_->cli({"status"}).out.find("does not know the service") != std::string::npos;
    }));
}

}  // namespace
}  // namespace switchyard::test
