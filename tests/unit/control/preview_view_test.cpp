// Passes to the idle slot, and the ways in that are told.
#include "control/preview_view.hpp"

#include "house.hpp"
#include "route/preview_pass.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::control::testing {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

const Wall::time_point kNow{1'000'000s};

route::ServiceState state_of(config::Preview preview, std::vector<std::string> hosts = {"*"}) {
    config::Service service = make_service("app");
    service.hosts = std::move(hosts);
    service.preview = std::move(preview);
    route::ServiceState state;
    state.preview.emplace(*service.preview);
    state.config = std::make_shared<const config::Service>(std::move(service));
    return state;
}

config::Preview signed_preview() {
    config::Preview preview;
    preview.secret_file = "/secret";
    preview.secrets = {std::string(32, 'a'), std::string(32, 'b')};
    return preview;
}

TEST(PreviewView, ReadsTheBodyAndGuessesNothing) {
    const auto good = parse_preview(R"({"for_ms":60000})");
    EXPECT_EQ(std::get<PreviewRequest>(good).valid_for, 1min);
    EXPECT_EQ(std::get<PreviewRequest>(parse_preview("")).valid_for, 0ms);
    for (const char* body : {R"({"for_ms":999})", R"({"for_ms":-1})", R"({"for_ms":"2h"})",
                             R"({"for_ms":1e99})", R"({"for":1})", "[]", "x"}) {
        const auto parsed = parse_preview(body);
        ASSERT_TRUE(std::holds_alternative<Refusal>(parsed)) << body;
        EXPECT_EQ(std::get<Refusal>(parsed).code, "bad_request") << body;
    }
}

TEST(PreviewView, APassIsMadeWithTheFirstSecretAndIsGood) {
    const auto state = state_of(signed_preview());
    const auto issued = issue_pass(state, {15min}, kNow);
    const PreviewPass& pass = std::get<PreviewPass>(issued);
    EXPECT_EQ(pass.expires, 1'000'900);
    EXPECT_THAT(pass.text, HasSubstr("." + state.preview->keys[0].id + "."));
    const auto checked =
        route::check_pass(pass.text, state.preview->keys, "app", 1'000'000, 86'400);
    ASSERT_TRUE(checked);
    EXPECT_EQ(checked->id, pass.id);
    const auto another = issue_pass(state, {15min}, kNow);
    EXPECT_NE(std::get<PreviewPass>(another).id, pass.id);
}

TEST(PreviewView, APassLastsTwoHoursOrWhatIsAllowed) {
    const auto usual = issue_pass(state_of(signed_preview()), {}, kNow);
    EXPECT_EQ(std::get<PreviewPass>(usual).expires, 1'007'200);
    config::Preview brief = signed_preview();
    brief.max_for = 10min;
    const auto state = state_of(brief);
    const auto shorter = issue_pass(state, {}, kNow);
    EXPECT_EQ(std::get<PreviewPass>(shorter).expires, 1'000'600);
    EXPECT_TRUE(std::holds_alternative<PreviewPass>(issue_pass(state, {10min}, kNow)));
    const auto refused = issue_pass(state, {10min + 1ms}, kNow);
    EXPECT_EQ(std::get<Refusal>(refused).code, "bad_request");
    EXPECT_THAT(std::get<Refusal>(refused).message, HasSubstr("600 seconds"));
}

TEST(PreviewView, WithoutASecretNothingExpires) {
    const auto state = state_of(config::Preview());
    const auto open = issue_pass(state, {}, kNow);
    EXPECT_EQ(std::get<PreviewPass>(open).text, "idle");
    EXPECT_EQ(std::get<PreviewPass>(open).expires, 0);
    EXPECT_EQ(std::get<Refusal>(issue_pass(state, {1h}, kNow)).code, "bad_request");
}

TEST(PreviewView, LinksBeginWhereClientsComeIn) {
    const std::vector<ProcessFacts::ListenerFact> both = {{"0.0.0.0:80", false, true},
                                                          {"0.0.0.0:443", true, false}};
    const std::vector<ProcessFacts::ListenerFact> plain = {{"[::]:8080", false, false}};
    const std::vector<ProcessFacts::ListenerFact> mixed = {{"10.0.0.1:80", false, false},
                                                           {"10.0.0.1:8443", true, false}};
    config::Preview preview;
    EXPECT_EQ(preview_base(state_of(preview, {"*.a.example", "a.example"}), both),
              "https://a.example");
    EXPECT_EQ(preview_base(state_of(preview), plain), "http://localhost:8080");
    EXPECT_EQ(preview_base(state_of(preview), mixed), "https://10.0.0.1:8443");
    EXPECT_EQ(preview_base(state_of(preview, {"*.a.example"}), both), "") << "patterns only";
    EXPECT_EQ(preview_base(state_of(preview, {"a.example"}), {{"0.0.0.0:80", false, true}}), "");
    preview.host = "preview.example";
    EXPECT_EQ(preview_base(state_of(preview, {"a.example"}), both), "https://preview.example");
    preview.url = config::HttpUrl{true, "front.example", 443, ""};
    EXPECT_EQ(preview_base(state_of(preview, {"a.example"}), plain), "https://front.example");
}

TEST(PreviewView, TellsTheWaysThatThereAre) {
    config::Service service = make_service("app");
    service.path = "/shop";
    service.preview = signed_preview();
    const PreviewPass pass{"v1.PASS", "k1", 5};
    auto ways = preview_ways_json(service, pass, "https://a.example");
    EXPECT_EQ(ways.at("link").as_string(), "https://a.example/shop/?switchyard_preview=v1.PASS");
    EXPECT_EQ(ways.at("header").at("name").as_string(), "X-Switchyard-Preview");
    EXPECT_EQ(ways.at("header").at("value").as_string(), "v1.PASS");
    EXPECT_EQ(ways.at("cookie").at("name").as_string(), "switchyard_preview");
    EXPECT_TRUE(ways.at("host").is_null());
    EXPECT_EQ(ways.at("curl").as_string(),
              "curl -H 'X-Switchyard-Preview: v1.PASS' 'https://a.example/shop/'");

    service.preview->header = "";
    ways = preview_ways_json(service, pass, "");
    EXPECT_TRUE(ways.at("link").is_null());
    EXPECT_TRUE(ways.at("header").is_null());
    EXPECT_EQ(ways.at("curl").as_string(), "curl -b 'switchyard_preview=v1.PASS' URL");

    service.preview->header = "X-Slot";
    service.preview->cookie = "";
    ways = preview_ways_json(service, pass, "https://a.example");
    EXPECT_TRUE(ways.at("link").is_null()) << "a link leaves a cookie";
    EXPECT_TRUE(ways.at("cookie").is_null());
}

}  // namespace
}  // namespace switchyard::control::testing
