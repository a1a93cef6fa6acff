// The section canary of a service.
#include "support.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::config {
namespace {

using test::config_of;
using test::problems_of;
using testing::ElementsAre;
using testing::HasSubstr;

/// A fragment of the service, indented by four, begins in line 5.
const std::string kTwoSlots =
    "listeners: [{address: \"0.0.0.0:80\"}]\n"
    "services:\n"
    "  app:\n"
    "    slots: {blue: {targets: [\"10.0.0.2:80\"]}, green: {targets: [\"10.0.0.3:80\"]}}\n";

TEST(CanarySection, IsNoneByDefaultAndEmptyIsACookie) {
    EXPECT_FALSE(config_of(kTwoSlots).services[0].canary);
    const Config config = config_of(kTwoSlots + "    canary: {}\n");
    ASSERT_TRUE(config.services[0].canary);
    EXPECT_EQ(*config.services[0].canary, Canary());
    EXPECT_EQ(config.services[0].canary->stick, Canary::Stick::cookie);
}

TEST(CanarySection, IsReadWhole) {
    const Config by_cookie = config_of(
        kTwoSlots + "    canary: {stick: cookie, cookie: side, max_age: 24h, forward: true}\n");
    EXPECT_EQ(by_cookie.services[0].canary->cookie, "side");
    EXPECT_EQ(by_cookie.services[0].canary->max_age, 24h);
    EXPECT_TRUE(by_cookie.services[0].canary->forward);
    const Config by_header =
        config_of(kTwoSlots + "    canary: {stick: header, header: X-User-Id}\n");
    EXPECT_EQ(by_header.services[0].canary->stick, Canary::Stick::header);
    EXPECT_EQ(by_header.services[0].canary->header, "X-User-Id");
    EXPECT_EQ(config_of(kTwoSlots + "    canary: {stick: address}\n").services[0].canary->stick,
              Canary::Stick::address);
}

TEST(CanarySection, ASecretThatCanNotBeReadIsItsOwnProblem) {
    const Config config = config_of(kTwoSlots + "    canary: {secret_file: /nowhere/secret}\n");
    EXPECT_THAT(config.services[0].canary->secret_problem, HasSubstr("/nowhere/secret"));
    EXPECT_THAT(config.services[0].canary->secrets, ElementsAre());
}

TEST(CanarySection, RefusesWhatCanNotBe) {
    const auto problems = [](const std::string& keys) {
        return problems_of(kTwoSlots + "    canary: {" + keys + "}\n");
    };
    EXPECT_THAT(problems("stik: cookie"), ElementsAre(HasSubstr("did you mean 'stick'?")));
    EXPECT_THAT(problems("stick: ip"), ElementsAre(HasSubstr("'stick'")));
    EXPECT_THAT(problems("stick: header"), ElementsAre(HasSubstr("like X-User-Id")));
    EXPECT_THAT(problems("header: X-User-Id"),
                ElementsAre(HasSubstr("only together with 'stick: header'")));
    EXPECT_THAT(problems("stick: address, max_age: 1h"),
                ElementsAre(HasSubstr("only together with 'stick: cookie'")));
    EXPECT_THAT(problems("cookie: \"a b\""), ElementsAre(HasSubstr("'cookie'")));
    EXPECT_THAT(problems("max_age: 1s"), ElementsAre(HasSubstr("'max_age'")));
    EXPECT_THAT(problems("secret_file: /a, secret_credential: b"),
                ElementsAre(HasSubstr("impossible together with 'secret_file'")));
    EXPECT_THAT(
        problems_of(kTwoSlots + "    preview: {}\n    canary: {cookie: switchyard_preview}\n"),
        ElementsAre(HasSubstr("is the cookie of the preview")));
    EXPECT_THAT(problems_of(test::kService + "    canary: {}\n"),
                ElementsAre(HasSubstr("a service with one slot has none")));
}

}  // namespace
}  // namespace switchyard::config
