#include "cloud/answers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::cloud {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kToken = "dop_v1_secret";

HttpAnswer answer(unsigned status, std::string body,
                  std::vector<std::pair<std::string, std::string>> fields = {}) {
    return {status, std::move(fields), std::move(body)};
}

Failure failure(unsigned status, const std::string& body = "{}",
                std::vector<std::pair<std::string, std::string>> fields = {}) {
    return failure_of(answer(status, body, std::move(fields)), kToken,
                      std::chrono::system_clock::time_point(1'000'000s));
}

TEST(Answers, AnIpTellsHolderLockAndRegion) {
    const auto view = ip_of(
        answer(200, R"({"reserved_ip":{"ip":"45.55.96.47","droplet":{"id":9223372036854775807},)"
                    R"("region":{"slug":"nyc3"},"locked":true}})"),
        kToken);
    ASSERT_TRUE(view);
    EXPECT_EQ(*view, (IpView{9223372036854775807u, true, true, "nyc3"}));
}

TEST(Answers, TheLegacyNameAndIpv6AreKnown) {
    for (const char* key : {"floating_ip", "reserved_ipv6"}) {
        const auto view =
            ip_of(answer(200, std::string(R"({")") + key + R"(":{"droplet":{"id":3000000000}}})"),
                  kToken);
        ASSERT_TRUE(view) << key;
        EXPECT_EQ(*view, (IpView{3'000'000'000u, true, false, ""})) << key;
    }
}

TEST(Answers, NobodyAndNotShownAreDifferentThings) {
    const auto nobody = ip_of(answer(200, R"({"reserved_ip":{"droplet":null}})"), kToken);
    EXPECT_EQ(*nobody, (IpView{std::nullopt, true, false, ""}));
    for (const char* hidden :
         {R"({"reserved_ip":{"locked":false}})", R"({"reserved_ip":{"droplet":{}}})",
          R"({"reserved_ip":{"droplet":{"id":"7"}}})"}) {
        const auto view = ip_of(answer(200, hidden), kToken);
        ASSERT_TRUE(view) << hidden;
        EXPECT_FALSE(view->holder_shown) << hidden;
    }
}

TEST(Answers, WhatIsNoAnswerIsMalformed) {
    for (const char* body : {"", "<html>", "[]", "{}", "null", R"({"reserved_ip":7})",
                             R"({"reserved_ip":{"droplet":7}})", R"({"reserved_ip":{"ip": )"}) {
        const auto view = ip_of(answer(200, body), kToken);
        ASSERT_FALSE(view) << body;
        EXPECT_EQ(view.error().kind, Failure::Kind::malformed) << body;
    }
    for (const char* body : {"", "{}", R"({"action":{}})", R"({"action":{"id":-1}})"})
        EXPECT_FALSE(action_of(answer(201, body), kToken)) << body;
    EXPECT_FALSE(droplet_of(answer(200, "{}"), kToken));
}

TEST(Answers, ATokenThatAnAnswerRepeatsIsGoneBeforeTheTextIsShortened) {
    const std::string token = "dop_v1_" + std::string(64, 'a');
    for (std::size_t before = 0; before < 110; ++before) {
        const std::string body = std::string(before, '.') + token;
        const auto view = ip_of(answer(200, body.c_str()), token);
        ASSERT_FALSE(view);
        EXPECT_EQ(view.error().message.find("dop_v1_a"), std::string::npos) << view.error().message;
    }
}

TEST(Answers, AnActionHasOneOfItsWords) {
    const auto status = [](const std::string& word) {
        return action_of(answer(201, R"({"action":{"id":72531856,"status":")" + word + R"("}})"),
                         kToken)
            ->status;
    };
    EXPECT_EQ(status("in-progress"), ActionStatus::in_progress);
    EXPECT_EQ(status("new"), ActionStatus::in_progress);
    EXPECT_EQ(status("completed"), ActionStatus::completed);
    EXPECT_EQ(status("done"), ActionStatus::completed);
    EXPECT_EQ(status("errored"), ActionStatus::errored);
    EXPECT_EQ(status("pondering"), ActionStatus::unknown);
    EXPECT_EQ(action_of(answer(201, R"({"action":{"id":72531856}})"), kToken)->status,
              ActionStatus::unknown);
}

TEST(Answers, AStatusTellsTheKindOfFailure) {
    using Kind = Failure::Kind;
    EXPECT_EQ(failure(401).kind, Kind::unauthorized);
    EXPECT_EQ(failure(403).kind, Kind::forbidden);
    EXPECT_EQ(failure(404).kind, Kind::not_found);
    EXPECT_EQ(failure(409).kind, Kind::rejected);
    EXPECT_EQ(failure(302).kind, Kind::rejected);
    EXPECT_EQ(failure(500).kind, Kind::server);
    EXPECT_EQ(failure(502, "<html>").kind, Kind::server);
    EXPECT_EQ(failure(422, R"({"message":"The floating IP already has a pending event."})").kind,
              Kind::pending);
    EXPECT_EQ(failure(422, R"({"message":"Droplet already has a pending event"})").kind,
              Kind::pending);
    EXPECT_EQ(failure(422, R"({"message":"wrong region"})").kind, Kind::rejected);
    EXPECT_TRUE(failure(401).lasting() && failure(403).lasting() && failure(404).lasting());
    EXPECT_FALSE(failure(500).lasting() || failure(429).lasting());
}

TEST(Answers, ARateLimitTellsWhenToAskAgain) {
    EXPECT_EQ(
        failure(429, "{}", {{"Retry-After", "7"}, {"ratelimit-reset", "1000500"}}).retry_after, 7s);
    EXPECT_EQ(failure(429, "{}", {{"RateLimit-Reset", "1000090"}}).retry_after, 90s);
    EXPECT_EQ(failure(429, "{}", {{"ratelimit-reset", "999990"}}).retry_after, 0s);
    EXPECT_EQ(failure(429, "{}", {{"retry-after", "99999999999"}}).retry_after, 24h);
    EXPECT_EQ(failure(429, "{}", {{"retry-after", "soon"}}).retry_after, std::nullopt);
    EXPECT_EQ(failure(429).retry_after, std::nullopt);
    EXPECT_EQ(failure(500, "{}", {{"retry-after", "7"}}).retry_after, std::nullopt);
}

TEST(Answers, MessagesTellWhatTheApiSaidButNeverTheToken) {
    EXPECT_THAT(
        failure(403, R"({"id":"forbidden","message":"You may not"})").message,
        testing::AllOf(HasSubstr("403 forbidden: You may not"), HasSubstr("reserved_ip:update")));
    EXPECT_THAT(failure(502, "<html>").message, HasSubstr("502: not JSON"));
    const Failure echo = failure(500, R"({"id":"dop_v1_secret","message":"for dop_v1_secret"})");
    EXPECT_THAT(echo.message, Not(HasSubstr("secret")));
    EXPECT_THAT(ip_of(answer(200, "dop_v1_secret"), kToken).error().message,
                Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace switchyard::cloud
