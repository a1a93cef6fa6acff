// Start, stop, and what must not start: switchyardd as systemd and an operator see it.
#include "integration/harness.hpp"

#include <csignal>

#include <gtest/gtest.h>

namespace switchyard::test {
namespace {

class Lifecycle : public FrontDoor {};

TEST_F(Lifecycle, SaysReadyAndServes) {
    start();
    const auto response = get("/");
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "blue blue-origin\n");
    EXPECT_EQ(response.field("X-Served-By"), "blue");
}

TEST_F(Lifecycle, EndsInOrderAfterSigterm) {
    start();
    auto client = connect();
    EXPECT_EQ(exchange(client, "GET", "/").status, 200);
    const auto exit = daemon().terminate();
    EXPECT_EQ(exit.code, 0) << exit.text();
    EXPECT_TRUE(client.ended());
    EXPECT_THROW(connect(), ClientError);
    EXPECT_TRUE(daemon().notify().wait_for("STOPPING=1", -1, Deadline(0ms)));
    EXPECT_FALSE(std::filesystem::exists(daemon().dir().file("admin.sock")));
}

TEST_F(Lifecycle, LetsWhatIsInFlightFinishAfterSigterm) {
    start();
    auto client = connect();
    client.send(request_text("GET", "/sleep?ms=500"));
    ASSERT_TRUE(eventually([this] {
        return origin(Colour::blue).books("/sleep").at("in_flight").to_number<int>() == 1;
    }));
    daemon().signal(SIGTERM);
    ASSERT_TRUE(daemon().notify().wait_for("STOPPING=1", -1));
    const auto response = read_response(client);
    EXPECT_EQ(response.status, 200);
    EXPECT_FALSE(response.keep_alive());
    EXPECT_EQ(daemon().wait_exit()->code, 0);
}

TEST_F(Lifecycle, ASecondSigtermEndsItAtOnce) {
    start();
    auto client = connect();
    client.send(request_text("GET", "/hang"));
    ASSERT_TRUE(eventually(
        [this] { return origin(Colour::blue).books("/hang").at("spoilt").to_number<int>() == 1; }));
    daemon().signal(SIGTERM);
    ASSERT_TRUE(daemon().notify().wait_for("STOPPING=1", -1));
    EXPECT_TRUE(daemon().running());
    daemon().signal(SIGTERM);
    EXPECT_TRUE(daemon().wait_exit(Deadline(10s)));
}

TEST_F(Lifecycle, KeepsTheLiveSlotAcrossARestart) {
    start();
    switch_to(Colour::green);
    EXPECT_EQ(colour_of(get("/")), "green");
    daemon().kill();
    restart();
    EXPECT_EQ(colour_of(get("/")), "green");
}

TEST_F(Lifecycle, RefusesABusyPortByName) {
    start();
    auto yaml = config();
    yaml.replace(yaml.find("127.0.0.1:0"), 11, address());
    Daemon second(yaml);
    const auto exit = second.start_expecting_exit();
    EXPECT_NE(exit.code, 0);
    EXPECT_EQ(exit.signal, 0);
    EXPECT_NE(second.log().find(address()), std::string::npos) << second.log();
    EXPECT_EQ(get("/").status, 200);
}

TEST_F(Lifecycle, RefusesAnotherDaemonsSocketAndState) {
    start();
    const auto socket = daemon().dir().file("admin.sock");
    Daemon same_socket(config({}, "admin: {socket: " + socket + "}\n"));
    EXPECT_NE(same_socket.start_expecting_exit().code, 0);
    EXPECT_NE(same_socket.log().find(socket), std::string::npos) << same_socket.log();

    const auto state = daemon().dir().file("state.db");
    Daemon same_state(config({}, "state: " + state + "\n"));
    EXPECT_NE(same_state.start_expecting_exit().code, 0);
    EXPECT_NE(same_state.log().find(state), std::string::npos) << same_state.log();
    EXPECT_EQ(admin().get("/v1/status").status, 200);
}

TEST_F(Lifecycle, RefusesAnInvalidConfigurationWithItsPlace) {
    Daemon daemon(config("    no_such_key: 1\n"));
    const auto exit = daemon.start_expecting_exit();
    EXPECT_NE(exit.code, 0);
    EXPECT_NE(daemon.log().find("switchyard.yaml:11:5"), std::string::npos) << daemon.log();
    EXPECT_NE(daemon.log().find("no_such_key"), std::string::npos);
}

TEST_F(Lifecycle, ChecksWithoutStarting) {
    const Daemon good(config());
    EXPECT_EQ(good.check().exit.code, 0);
    const Daemon bad(config("    no_such_key: 1\n"));
    const auto run = bad.check();
    EXPECT_NE(run.exit.code, 0);
    EXPECT_NE((run.out + run.err).find("no_such_key"), std::string::npos);
}

TEST_F(Lifecycle, ServesTlsWithTheCertificateOfTheName) {
    const TestCertificates certificates({"scores.example"});
    auto yaml = config();
    yaml.replace(0, yaml.find("services:"), "listeners:\n" + certificates.listener());
    start(yaml);
    for (const std::string name : {"localhost", "scores.example"}) {
        Client client(address(),
                      TlsOptions{.server_name = name, .ca_file = certificates.ca(), .alpn = {}});
        EXPECT_EQ(client.tls().subject, name);
        EXPECT_EQ(exchange(client, "GET", "/").body, "blue blue-origin\n");
    }
}

}  // namespace
}  // namespace switchyard::test
