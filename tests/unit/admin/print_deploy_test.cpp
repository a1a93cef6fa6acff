#include "admin/print/change.hpp"
#include "admin/print/deploy.hpp"
#include "admin/print/events.hpp"
#include "admin/print/history.hpp"
#include "admin/print/release.hpp"
#include "admin/print/status.hpp"
#include "unit/admin/examples.hpp"

#include <gmock/gmock.h>

/// Deploys and versions, as text.
namespace switchyard::admin {
namespace {

namespace json = boost::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

json::object& service_of(json::value& status) {
    return status.at("services").at(0).as_object();
}

TEST(PrintRelease, HasANameWhateverIsKnown) {
    EXPECT_EQ(release_name(nullptr), "");
    EXPECT_EQ(release_name(json::parse(R"({"version":null,"complete":true})")), "unversioned");
    EXPECT_EQ(release_name(json::parse(R"({"version":"v\u001b2","complete":false})")),
              "v?2 (unfinished)");
}

TEST(PrintRelease, StatusShowsWhatIsInTheSlots) {
    json::value status = example_json("status");
    EXPECT_THAT(print_status(status, Screen()), HasSubstr("\n  releases: blue v41\n"));
    service_of(status).at("slots").at("green").as_object()["release"] =
        json::parse(R"({"version":"v42","complete":false})");
    EXPECT_THAT(print_status(status, Screen()),
                HasSubstr("releases: blue v41, green v42 (unfinished)\n"));
    for (const char* slot : {"blue", "green"})
        service_of(status).at("slots").at(slot).as_object()["release"] = nullptr;
    EXPECT_THAT(print_status(status, Screen()), Not(HasSubstr("releases")));
}

TEST(PrintRelease, StatusShowsADeployUnderWay) {
    json::value status = example_json("status");
    service_of(status)["deploy"] = json::parse(
        R"({"slot":"green","version":"v42","user":"anna","uid":7,"stage":"run",)"
        R"("since":"2026-03-01T03:12:00.120Z","stage_since":"2026-03-01T03:12:04.120Z"})");
    service_of(status)["change"] = json::parse(R"({"action":"deploy","user":"anna","uid":7})");
    const std::string out = print_status(status, Screen());
    EXPECT_THAT(out, HasSubstr("deploying v42 to green since 9 s, by anna: run for 5 s"));
    EXPECT_THAT(out, Not(HasSubstr("under way")));
}

TEST(PrintRelease, PlanAndReceiptSayToWhichVersionItGoes) {
    json::value plan = example_json("plan");
    plan.as_object()["to_release"] = json::parse(R"({"version":"v40","complete":true})");
    EXPECT_THAT(print_plan(plan, Screen()), HasSubstr("from blue (v41) to green (v40)"));
    const json::value committed = json::parse(example_line("switch-stream", 0));
    EXPECT_THAT(print_committed(committed, Screen()), HasSubstr("release       v42; before: v41"));
}

TEST(PrintRelease, HistoryShowsTheVersionBesideItsSlot) {
    EXPECT_THAT(print_history(example_json("history"), Screen()), HasSubstr("green v42"));
}

TEST(PrintDeploy, ASkippedStageSaysWhy) {
    const json::value stage = json::parse(
        R"({"stage":"after_switch","outcome":"skipped","elapsed_ms":0,"message":"why"})");
    EXPECT_EQ(print_stage_ended(stage, Screen()), "  after switch  skipped  why\n");
}

TEST(PrintDeploy, WhatWentWrongAfterTheSwitchIsShown) {
    json::value result = json::parse(example_line("deploy-stream", 11));
    EXPECT_THAT(print_deploy_done(result, Screen()), HasSubstr("v42 to green, in 8.1 s"));
    result.as_object()["message"] = "after_switch failed: local: exit status 1";
    result.as_object()["cancelled_too_late"] = true;
    result.as_object()["history_written"] = false;
    EXPECT_THAT(print_deploy_done(result, Screen()),
                AllOf(HasSubstr("exit status 1"), HasSubstr("TOO LATE"),
                      HasSubstr("is not in the state file yet")));
}

TEST(PrintDeploy, EventsTellItsCourse) {
    const auto told = [](std::string_view line) {
        return print_event(json::parse(json::string_view(line.data(), line.size())), Screen());
    };
    EXPECT_THAT(told(R"({"event":"deploy_begun","service":"a","slot":"green","version":"v2",)"
                     R"("uid":7,"user":"anna"})"),
                HasSubstr("v2 to green, by anna"));
    EXPECT_THAT(told(R"({"event":"deploy_stage_ended","service":"a","stage":"run",)"
                     R"("outcome":"failed","elapsed_ms":4000,"message":"exit status 1"})"),
                HasSubstr("run: failed after 4 s: exit status 1"));
    EXPECT_THAT(told(R"({"event":"deploy_ended","service":"a","slot":"green","version":null,)"
                     R"("outcome":"failed","stage":"run","message":"exit status 1"})"),
                HasSubstr("unversioned to green: failed in the stage run: exit status 1"));
}

}  // namespace
}  // namespace switchyard::admin
