// The paths of deploys in the admin API.
#include "control/admin_routes.hpp"
#include "control/deploy_request.hpp"
#include "remote_script.hpp"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::control::testing {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using ::testing::HasSubstr;

class DeployApi : public ::testing::Test {
  protected:
    void SetUp() override {
        house.start();
        routes.emplace(house.context.get_executor(), *house.controller,
                       [] { return std::string(); });
    }
    void TearDown() override { EXPECT_TRUE(routes->close()); }

    static asio::awaitable<void> ask(AdminRoutes& routes, HttpRequest request, HttpReply& reply,
                                     bool& answered) {
        reply = co_await routes.handle(std::move(request));
        answered = true;
    }
    static asio::awaitable<void> read(LineSource& source, std::vector<json::object>& lines) {
        while (const Line line = co_await source.next())
            lines.push_back(json::parse(*line).as_object());
    }
    HttpReply call(std::string method, std::string target, std::string body = {}) {
        HttpReply reply;
        bool answered = false;
        HttpRequest request{std::move(method), std::move(target), std::move(body), std::nullopt};
        asio::co_spawn(house.context, ask(*routes, std::move(request), reply, answered),
                       [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
        house.run_until([&] { return answered; });
        return reply;
    }
    std::vector<json::object> lines(HttpReply& reply) {
        std::vector<json::object> found;
        EXPECT_TRUE(reply.stream) << reply.body;
        if (reply.stream) house.run(read(*reply.stream, found));
        return found;
    }
    static std::string code(const HttpReply& reply) {
        return std::string(json::parse(reply.body).at("error").at("code").as_string());
    }

    DeployHouse house;
    std::optional<AdminRoutes> routes;
    const std::string path = "/v1/services/app/deploy";
};

TEST_F(DeployApi, StreamsADeployToItsResult) {
    HttpReply reply = call(
        "POST", path, R"({"version":"v2","switch":true,"env":{"A":"b"},"drain_timeout_ms":5})");
    EXPECT_EQ(reply.status, 200U);
    EXPECT_EQ(reply.content_type, "application/x-ndjson");
    const auto stream = lines(reply);
    EXPECT_EQ(text(stream.front(), "event"), "deploy");
    EXPECT_EQ(text(stream.back(), "event"), "result");
    EXPECT_EQ(text(stream.back(), "outcome"), "switched");
    EXPECT_EQ(house.hosts.ran.at(0).environment.at("A"), "b");
}

TEST_F(DeployApi, C15_HoldsWhileItSwitches) {
    HttpReply reply = call("POST", path, R"({"switch":true,"hold":true,"hold_max_ms":5000})");
    const auto stream = lines(reply);
    const auto released = std::find_if(stream.begin(), stream.end(), [](const json::object& line) {
        return text(line, "event") == "released";
    });
    ASSERT_NE(released, stream.end());
    EXPECT_EQ(text(*released, "reason"), "switched");
    EXPECT_EQ(text(stream.back(), "outcome"), "switched");
}

TEST_F(DeployApi, AHoldThatCannotBeIsRefusedBeforeAnythingRuns) {
    EXPECT_EQ(code(call("POST", path, R"({"switch":true,"hold":true,"hold_max_ms":86400000})")),
              "bad_request");
    EXPECT_TRUE(house.hosts.ran.empty());
}

TEST_F(DeployApi, AnEmptyBodyIsADeployWithoutAVersion) {
    HttpReply reply = call("POST", path);
    const auto stream = lines(reply);
    EXPECT_TRUE(stream.front().at("version").is_null());
    EXPECT_EQ(text(stream.back(), "outcome"), "deployed");
}

TEST_F(DeployApi, AttachReplaysTheOneUnderWayOrTheLastOne) {
    EXPECT_EQ(code(call("GET", path)), "no_deploy");
    EXPECT_EQ(code(call("GET", "/v1/services/none/deploy")), "unknown_service");
    house.hosts.acts["install"].hold = true;
    HttpReply first = call("POST", path);
    HttpReply second = call("GET", path);
    house.hosts.release();
    EXPECT_EQ(text(lines(second).back(), "outcome"), "deployed");
    HttpReply third = call("GET", path);
    const auto replayed = lines(third);
    EXPECT_EQ(text(replayed.front(), "event"), "deploy");
    EXPECT_EQ(replayed.back(), lines(first).back());
}

TEST_F(DeployApi, CancelAnswersWithHowItEnded) {
    EXPECT_EQ(code(call("POST", path + "/cancel")), "no_deploy");
    house.hosts.acts["install"].hold = true;
    HttpReply stream = call("POST", path);
    house.run_until([&] { return house.hosts.waiting == 1; });
    const HttpReply reply = call("POST", path + "/cancel");
    EXPECT_EQ(reply.status, 200U);
    const json::object answer = json::parse(reply.body).as_object();
    EXPECT_TRUE(answer.at("ended").as_bool());
    EXPECT_EQ(text(answer.at("result").as_object(), "outcome"), "cancelled");
    bool told = false;
    for (const json::object& line : lines(stream))
        told = told || text(line, "event") == "cancelling";
    EXPECT_TRUE(told);
}

TEST_F(DeployApi, CancelWithoutWaitingAnswersAtOnce) {
    house.hosts.acts["install"] = {.hold = true, .ignores_cancel = true};
    HttpReply stream = call("POST", path);
    house.run_until([&] { return house.hosts.waiting == 1; });
    const json::object answer =
        json::parse(call("POST", path + "/cancel", R"({"wait":false})").body).as_object();
    EXPECT_FALSE(answer.at("ended").as_bool());
    EXPECT_TRUE(answer.at("result").is_null());
    house.hosts.release();
    EXPECT_EQ(text(lines(stream).back(), "outcome"), "cancelled");
}

TEST_F(DeployApi, WrongMethodsAndBodiesAreRefused) {
    EXPECT_EQ(code(call("PUT", path)), "method_not_allowed");
    EXPECT_EQ(code(call("GET", path + "/cancel")), "method_not_allowed");
    EXPECT_EQ(code(call("POST", path, R"({"switsch":true})")), "bad_request");
    EXPECT_EQ(code(call("POST", path + "/cancel", R"({"now":true})")), "bad_request");
    EXPECT_TRUE(house.hosts.ran.empty());
}

TEST(DeployBody, NothingIsTakenThatAShellOrAScreenCouldMistake) {
    for (const char* good : {R"({"version":"v1.2.3+build/5@x:~"})", R"({"version":""})",
                             R"({"env":{"A_1":"it's $HOME"}})", R"({"drain_timeout_ms":0})"}) {
        EXPECT_TRUE(std::holds_alternative<DeployRequest>(parse_deploy(good))) << good;
    }
    for (const char* bad :
         {R"({"version":"-v"})", R"({"version":"a b"})", R"x({"version":"$(x)"})x",
          R"({"version":7})", R"({"env":{"1A":"x"}})", R"({"env":{"SWITCHYARD_SLOT":"x"}})",
          R"({"env":{"A":"x\ny"}})", R"({"env":{"A":1}})", R"({"env":[]})", R"({"switch":1})",
          R"({"drain_timeout_ms":-1})", R"({"drain_timeout_ms":86400001})", R"({"hold":true})",
          R"({"switch":true,"hold":1})", R"({"switch":true,"hold_max_ms":5})",
          R"({"switch":true,"hold":true,"hold_max_ms":0})", "[]"}) {
        EXPECT_TRUE(std::holds_alternative<Refusal>(parse_deploy(bad))) << bad;
    }
}

}  // namespace
}  // namespace switchyard::control::testing
