// The sections retries, ejection and failover of a service.
#include "support.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::config {
namespace {

using namespace std::chrono_literals;
using test::config_of;
using test::kService;
using test::problems_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

Service service(const std::string& keys) {
    return config_of(kService + "    " + keys + "\n").services.at(0);
}
std::vector<std::string> problems(const std::string& keys) {
    return problems_of(kService + "    " + keys + "\n");
}

TEST(RetriesSection, IsReadWhole) {
    const Retries retries = service(
                                "retries: {attempts: 3, budget: 10%, minimum: 5, try_timeout: "
                                "2s, backoff: 0s, body_bytes: 1MiB, bodies_bytes: 16MiB, "
                                "statuses: [503, 502, 503]}")
                                .retries;
    EXPECT_EQ(retries, (Retries{3, 10, 5, 2s, 0s, 1 << 20, 16 << 20, {503, 502}}));
    EXPECT_EQ(service("retries: {}").retries, Retries());
}

TEST(RetriesSection, MayBeANumberAlone) {
    Retries expected;
    expected.attempts = 0;
    EXPECT_EQ(service("retries: 0").retries, expected);
}

TEST(RetriesSection, RefusesWhatCanNotBe) {
    EXPECT_THAT(problems("retries: {attempts: 11, budget: 20, minimum: -1}"),
                ElementsAre(HasSubstr("'attempts'"),
                            HasSubstr("'budget': expected a percentage from 0% to 100%"),
                            HasSubstr("'minimum'")));
    EXPECT_THAT(problems("retries: {budget: 101%}"), ElementsAre(HasSubstr("'budget'")));
    EXPECT_THAT(problems("retries: {statuses: [500]}"),
                ElementsAre(HasSubstr("'500' is not tried again; expected 502, 503 or 504")));
    EXPECT_THAT(problems("retries: {body_bytes: 2MiB, bodies_bytes: 1MiB}"),
                ElementsAre(HasSubstr("all of them together no more than 1MiB")));
    EXPECT_THAT(
        problems("retries: {attempt: 1}"),
        ElementsAre(HasSubstr("'attempt' in 'services.app.retries'; did you mean 'attempts'?")));
    EXPECT_THAT(problems("retries: [1]"), ElementsAre(HasSubstr("'retries'")));
}

TEST(EjectionSection, IsReadWhole) {
    const Ejection ejection =
        service(
            "ejection: {failures: 5, duration: 1s, errors: 7, slow_factor: 4, slow_by: 50ms, "
            "interval: 5s, outlier_duration: 20s, longest: 10m, share: 30%}")
            .ejection;
    EXPECT_EQ(ejection, (Ejection{5, 1s, 7, 4, 50ms, 5s, 20s, 10min, 30}));
    EXPECT_EQ(Ejection().errors, 0u) << "outliers are not ejected unless asked for";
    EXPECT_EQ(Ejection().slow_factor, 0u);
    EXPECT_EQ(service("ejection: {slow_factor: 0}").ejection, Ejection());
}

TEST(EjectionSection, RefusesWhatCanNotBe) {
    EXPECT_THAT(problems("ejection: {slow_factor: 1, share: 100%, interval: 10ms}"),
                UnorderedElementsAre(HasSubstr("'slow_factor'"), HasSubstr("'share'"),
                                     HasSubstr("'interval'")));
    EXPECT_THAT(problems("ejection: {longest: 10s}"),
                ElementsAre(HasSubstr("the first ejection lasts 30s")));
    EXPECT_THAT(problems("ejection: {error: 5}"), ElementsAre(HasSubstr("did you mean 'errors'?")));
}

TEST(FailoverSection, IsAWordOrASection) {
    const std::string both =
        "listeners: [{address: \"0.0.0.0:80\"}]\nservices:\n  app:\n    slots: {blue: {targets: "
        "[\"10.0.0.2:80\"]}, green: {targets: [\"10.0.0.3:80\"]}}\n    ";
    const auto failover = [&](const std::string& keys) {
        return config_of(both + keys + "\n").services.at(0).failover;
    };
    EXPECT_EQ(failover("retries: 1"), Failover());
    EXPECT_FALSE(Failover().idle);
    EXPECT_TRUE(failover("failover: idle").idle);
    EXPECT_FALSE(failover("failover: off").idle);
    EXPECT_EQ(failover("failover: {to: idle, return_after: 1m}"), (Failover{true, 1min}));
    EXPECT_THAT(problems_of(both + "failover: idel\n"),
                ElementsAre(HasSubstr("did you mean 'idle'?")));
    EXPECT_THAT(problems_of(both + "failover: {too: idle}\n"),
                ElementsAre(HasSubstr("did you mean 'to'?")));
}

TEST(FailoverSection, NeedsBothSlots) {
    EXPECT_THAT(problems("failover: idle"), ElementsAre(HasSubstr("a service with one slot")));
}

}  // namespace
}  // namespace switchyard::config
