#include "admin/fields.hpp"
#include "admin/print/change.hpp"
#include "admin/print/error.hpp"
#include "admin/print/events.hpp"
#include "admin/print/history.hpp"
#include "admin/print/status.hpp"
#include "unit/admin/examples.hpp"

#include <algorithm>

#include <gmock/gmock.h>

/// The documented answers in, text out.
namespace switchyard::admin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::size_t lines_of(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

std::size_t widest_line(const std::string& text) {
    std::size_t widest = 0;
    std::size_t begin = 0;
    while (begin < text.size()) {
        const auto end = text.find('\n', begin);
        widest = std::max(widest, width_of(std::string_view(text).substr(begin, end - begin)));
        begin = end + 1;
    }
    return widest;
}

/// The documented status with its service `count` times.
json::value status_with(std::size_t count) {
    json::value status = example_json("status");
    json::array& services = status.at("services").as_array();
    while (services.size() < count) {
        json::value more = services[0];
        more.as_object()["name"] = "service" + std::to_string(services.size());
        services.push_back(std::move(more));
    }
    return status;
}

TEST(PrintStatus, NobodyOverlooksAFailover) {
    json::value status = example_json("status");
    json::value& service = status.at("services").as_array()[0];
    json::object failover;
    failover["serving"] = "green";
    failover["since"] = "2026-03-01T03:10:09.120Z";
    failover["reason"] = "10.10.0.2:8000: connection refused";
    failover["requests"] = 412;
    failover["errors"] = 1;
    failover["returns_at"] = nullptr;
    service.as_object()["failover"] = failover;
    Screen screen;
    screen.columns = 200;
    EXPECT_THAT(print_status(status, screen),
                HasSubstr("  FAILOVER for 2m 0s: blue is live but down, green serves its requests "
                          "(412 requests, 1 error); 10.10.0.2:8000: connection refused\n"));
    failover["returns_at"] = "2026-03-01T03:12:14.120Z";
    service.as_object()["failover"] = failover;
    EXPECT_THAT(print_status(status, screen), HasSubstr("; back in 5 s; 10.10.0.2"));
    json::value many = status_with(40);
    many.at("services").as_array()[17].as_object()["failover"] = failover;
    EXPECT_THAT(print_status(many, Screen()), HasSubstr("FAILOVER"));
    // On 80 columns it goes on below, as far in as all lines of a service.
    failover["reason"] = "10.10.0.2:8000: status 503: the database is migrating";
    service.as_object()["failover"] = failover;
    EXPECT_THAT(
        print_status(status, Screen()),
        HasSubstr("\n"
                  "  FAILOVER for 2m 0s: blue is live but down, green serves its requests (412\n"
                  "  requests, 1 error); back in 5 s; 10.10.0.2:8000: status 503: the database is\n"
                  "  migrating\n"));
}

TEST(PrintStatus, SaysWhyThereIsNoFailover) {
    json::value status = example_json("status");
    json::object& service = status.at("services").as_array()[0].as_object();
    service["failover_barred"] = "no target of the idle slot is healthy";
    EXPECT_THAT(
        print_status(status, Screen()),
        HasSubstr("\n  NO FAILOVER: blue is down, and green does not serve in its place: no "
                  "target of\n  the idle slot is healthy\n"));
    json::value many = status_with(40);
    EXPECT_THAT(print_status(many, Screen()), Not(HasSubstr("NO FAILOVER")));
    many.at("services").as_array()[17].as_object()["failover_barred"] = "the service is held";
    EXPECT_THAT(print_status(many, Screen()), HasSubstr(", NO FAILOVER"));
}

TEST(PrintStatus, NobodyOverlooksALiveSlotThatIsDown) {
    json::value status = status_with(1);
    EXPECT_THAT(print_status(status, Screen()), Not(HasSubstr("DOWN")));
    json::object& service = status.at("services").as_array()[0].as_object();
    const auto set_health = [&service](const char* slot, const char* state) {
        json::object& of = service["slots"].at(slot).as_object();
        of["healthy"] = std::string(state) == "healthy";
        for (json::value& target : of["targets"].as_array())
            target.as_object()["state"] = state;
    };
    // Nothing is known yet: that is no reason for an alarm.
    set_health("blue", "unknown");
    EXPECT_THAT(print_status(status, Screen()), Not(HasSubstr("DOWN")));
    set_health("blue", "unhealthy");
    set_health("green", "healthy");
    EXPECT_THAT(print_status(status, Screen()),
                HasSubstr("\n  DOWN: blue is live, and no target of it is healthy; requests are "
                          "tried there\n  all the same. green is healthy: switchyard switch "
                          "scoreboard green\n"));
    json::value many = status_with(40);
    EXPECT_THAT(print_status(many, Screen()), Not(HasSubstr("DOWN")));
    many.at("services").as_array()[17].as_object()["slots"] = service["slots"];
    EXPECT_THAT(print_status(many, Screen()), HasSubstr(", DOWN"));
    set_health("green", "unhealthy");
    EXPECT_THAT(print_status(status, Screen()), HasSubstr("No target of green is, either.\n"));
    service["slots"].as_object().erase("green");
    EXPECT_THAT(print_status(status, Screen()), HasSubstr("There is no other slot.\n"));
    // Then nothing is sent there.
    service["maintenance"] = json::object{{"since", "2026-03-01T03:10:09.120Z"}};
    EXPECT_THAT(print_status(status, Screen()), Not(HasSubstr("DOWN")));
}

TEST(PrintStatus, SaysWhyATargetIsPassedOverAndForHowLong) {
    json::value status = example_json("status");
    json::value& service = status.at("services").as_array()[0];
    json::object& target = service.at("slots").at("blue").at("targets").as_array()[0].as_object();
    target["state"] = "ejected";
    target["ejected"] = {{"why", "errors"},
                         {"reason", "answered with errors, several in a row (the 2. time)"},
                         {"since", "2026-03-01T03:11:59.120Z"},
                         {"until", "2026-03-01T03:12:29.120Z"},
                         {"times", 2}};
    Screen screen;
    screen.columns = 200;
    EXPECT_THAT(print_status(status, screen),
                HasSubstr("for 10 s, back in 20 s: answered with errors, several in a row (the 2. "
                          "time)"));
}

TEST(PrintStatus, SaysEverythingOnOneScreen) {
    EXPECT_EQ(print_status(example_json("status"), Screen()),
              "Switchyard 0.1.0, up 3h 12m, 215 connections, 4 workers, pid 812\n"
              "Listening on 0.0.0.0:80 (to https), 0.0.0.0:443 (tls)\n"
              "\n"
              "scoreboard  scores.example, www.scores.example\n"
              "  live: blue (blue-production) for 3h 12m (2026-03-01 00:00:01 UTC), epoch 7\n"
              "  releases: blue v41\n"
              "  SLOT         TARGET          HEALTH     REQ/S  IN FLIGHT  ERRORS\n"
              "  blue   live  10.10.0.2:8000  healthy    340.5         12       3\n"
              "  green  idle  10.10.0.3:8000  unhealthy    0.0          1       0\n"
              "           for 2m 7s: status 503: database is migrating\n"
              "  draining green since 8.1 s: 1 in flight, cut in 22 s\n");
}

TEST(PrintStatus, TwoServicesFitEightyByTwentyFourInDetail) {
    const std::string text = print_status(status_with(2), Screen());
    EXPECT_LT(lines_of(text), 24U);
    EXPECT_LE(widest_line(text), 80U);
    EXPECT_THAT(text, HasSubstr("\nservice1  scores.example"));
}

TEST(PrintStatus, ManyServicesBecomeALineEachAndStillFit) {
    for (const std::size_t count : {5U, 12U, 100U}) {
        const std::string text = print_status(status_with(count), Screen());
        EXPECT_LT(lines_of(text), 24U) << count;
        EXPECT_LE(widest_line(text), 92U) << text;
        EXPECT_THAT(text, HasSubstr("switchyard status SERVICE"));
    }
    const std::string many = print_status(status_with(100), Screen());
    EXPECT_THAT(many, HasSubstr("more. "));
    EXPECT_THAT(print_status(status_with(5), Screen()),
                HasSubstr("scoreboard green 10.10.0.3:8000: unhealthy for 2m 7s, status 503"));
}

TEST(PrintStatus, ATroubledServiceComesFirstWhenNotAllHaveRoom) {
    json::value status = status_with(60);
    for (json::value& service : status.at("services").as_array()) {
        service.as_object()["drains"] = json::array();
        service.at("slots").at("green").as_object()["healthy"] = true;
        service.at("slots").at("green").at("targets").at(0).as_object()["state"] = "healthy";
    }
    status.at("services").at(59).at("slots").at("blue").as_object()["healthy"] = false;
    EXPECT_THAT(print_status(status, Screen()), HasSubstr("\nservice59"));
    EXPECT_THAT(print_status(status, Screen()), Not(HasSubstr("\nservice58")));
}

TEST(PrintStatus, ASlotWithSeveralTargetsShowsItsSumsAndEachTarget) {
    json::value status = example_json("status");
    json::value& green = status.at("services").at(0).at("slots").at("green");
    json::value second = green.at("targets").at(0);
    second.as_object()["address"] = "a-rather-long-name.internal.example.com:8000";
    second.as_object()["state"] = "healthy";
    green.at("targets").as_array().push_back(second);
    const std::string text = print_status(status, Screen());
    EXPECT_THAT(text, AllOf(HasSubstr("1 of 2"), HasSubstr("10.10.0.3:8000"),
                            HasSubstr("a-rather-long-name.inte...")));
    EXPECT_LE(widest_line(text), 80U);
}

TEST(PrintStatus, ShowsAChangeUnderWayAndLostLogLines) {
    json::value status = example_json("status");
    status.as_object()["log_lines_dropped"] = 12;
    status.at("services").at(0).as_object()["change"] = json::parse(
        R"({"uid":1000,"user":"deploy","action":"switch","since":"2026-03-01T03:12:08.120Z"})");
    EXPECT_THAT(
        print_status(status, Screen()),
        AllOf(HasSubstr("lost 12 lines"), HasSubstr("under way: switch by deploy, since 1 s")));
}

TEST(PrintStatus, SurvivesADaemonOfAnotherVersion) {
    EXPECT_THAT(print_status(json::object{}, Screen()), HasSubstr("No service is configured"));
    const json::value odd = json::parse(
        R"({"services":[{"name":7,"live":null,"slots":{"blue":[],"green":{"targets":[1,{}]}}}]})");
    EXPECT_NE(print_status(odd, Screen()), "");
}

TEST(PrintStatus, AnApplicationCannotSteerTheTerminal) {
    json::value status = example_json("status");
    json::value& target = status.at("services").at(0).at("slots").at("green").at("targets").at(0);
    target.at("last_check").as_object()["body_line"] = "\x1b]0;owned\x07";
    EXPECT_THAT(print_status(status, Screen()), Not(HasSubstr("\x1b")));
}

TEST(ReasonOf, TellsWhatIsKnown) {
    EXPECT_EQ(reason_of(json::parse(R"({"last_check":null})")), "not checked yet");
    EXPECT_EQ(reason_of(json::parse(R"({"state":"unhealthy","last_check":{"passed":true,"good":1,
                                        "needed":2,"status":200,"error":null}})")),
              "1 of 2 good checks in a row, the last: status 200");
    EXPECT_EQ(
        reason_of(json::parse(
            R"({"state":"unhealthy","last_check":{"status":null,"error":"connection refused"}})")),
        "connection refused");
    EXPECT_EQ(
        reason_of(json::parse(R"({"state":"ejected","last_check":{"status":200,"error":null}})")),
        "requests could not connect; last check: status 200");
    EXPECT_EQ(reason_of(json::parse(R"({"reason":"said so"})")), "said so");
}

TEST(PrintChange, TheReceiptSaysWhatHappened) {
    const auto committed = json::parse(example_line("switch-stream", 0));
    const auto drained = json::parse(example_line("switch-stream", 2));
    EXPECT_EQ(print_committed(committed, Screen()) + print_drained(drained, committed, Screen()),
              "scoreboard: green (green-production) is live, blue (blue-production) is idle\n"
              "  release       v42; before: v41\n"
              "  epoch         8\n"
              "  committed     2026-03-01 03:12:09.120 UTC, 2.19 ms after the command\n"
              "                durable 1.84 ms, visible 2 us, acknowledged 310 us\n"
              "  last on old   2026-03-01 03:12:09.119 UTC\n"
              "  first on new  2026-03-01 03:12:09.121 UTC\n"
              "  drained       12 completed, 0 cut, in 1.7 s\n"
              "  tunnels       1 ended, 1 closed, 0 cut\n"
              "  way back      switchyard rollback scoreboard\n");
    EXPECT_EQ(print_draining(json::parse(example_line("switch-stream", 1))),
              "  draining blue: 3 in flight, 1 tunnel, 1 s of 30 s");
}

TEST(PrintChange, SaysWhatWasNotDrained) {
    const auto committed = json::parse(example_line("switch-stream", 0));
    json::value drained = json::parse(example_line("switch-stream", 2));
    drained.as_object()["cut"] = 1;
    EXPECT_THAT(print_drained(drained, committed, Screen()),
                HasSubstr("NOT DRAINED   1 request was cut at the deadline of 30 s\n"));
    drained.as_object()["remaining"] = 4;
    EXPECT_THAT(print_drained(drained, committed, Screen()),
                HasSubstr("NOT DRAINED   4 requests still in flight on blue\n"));
    drained.as_object()["cancelled"] = true;
    drained.as_object()["last_on_old"] = nullptr;
    EXPECT_THAT(print_drained(drained, committed, Screen()),
                AllOf(HasSubstr("a later change or a failover put blue back to work"),
                      HasSubstr("last on old   none\n"), Not(HasSubstr("way back"))));
}

TEST(PrintChange, TunnelsStandApartFromRequests) {
    const auto committed = json::parse(example_line("switch-stream", 0));
    json::value drained = json::parse(example_line("switch-stream", 2));
    json::object& tunnels = drained.at("tunnels").as_object();
    tunnels["remaining"] = 3;
    EXPECT_THAT(print_drained(drained, committed, Screen()),
                HasSubstr("NOT DRAINED   3 tunnels still open on blue\n"));
    drained.as_object()["cancelled"] = true;
    EXPECT_THAT(print_drained(drained, committed, Screen()),
                HasSubstr("put blue back to work; 3 tunnels went on there\n"));
    drained.as_object()["cancelled"] = false;
    tunnels["policy"] = "keep";
    EXPECT_THAT(print_drained(drained, committed, Screen()),
                AllOf(HasSubstr("tunnels       1 ended, 1 closed, 0 cut, 3 kept on blue\n"),
                      Not(HasSubstr("NOT DRAINED"))));
    drained.as_object().erase("tunnels");  // An older daemon's.
    EXPECT_THAT(print_drained(drained, committed, Screen()), Not(HasSubstr("tunnel")));
}

TEST(PrintStatus, ShowsTunnelsAndThoseThatAreKept) {
    json::value status = example_json("status");
    json::value& service = status.at("services").as_array().at(0);
    service.at("slots").at("blue").as_object()["tunnels"] = 12;
    service.at("slots").at("green").as_object()["tunnels"] = 1;
    json::object& drain = service.at("drains").as_array().at(0).as_object();
    drain["tunnels"] = 1;
    EXPECT_THAT(print_status(status, Screen()),
                AllOf(HasSubstr("\n  tunnels: blue 12, green 1\n"),
                      HasSubstr("draining green since 8.1 s: 1 in flight, 1 tunnel, cut in 22 s")));
    drain["kept"] = true;
    EXPECT_THAT(print_status(status, Screen()),
                HasSubstr("\n  keeping 1 tunnel on green since 8.1 s, closed in 22 s\n"));
}

TEST(PrintPlan, SaysWhyItWouldBeRefused) {
    EXPECT_EQ(print_plan(example_json("plan"), Screen()),
              "scoreboard: switch from blue (v41) to green, epoch 7 to 8; would be refused\n"
              "  Slot green of scoreboard has no healthy target.\n"
              "    Wait until it is healthy, or switch anyway with --force.\n"
              "  green  10.10.0.3:8000  unhealthy  status 503: database is migrating\n"
              "  12 requests in flight on blue, which may take 30 s to end\n"
              "Nothing was changed.\n");
}

TEST(PrintError, MessageThenFactsThenHint) {
    EXPECT_EQ(print_error(example_json("error"), Screen()),
              "switchyard: Slot green of scoreboard has no healthy target.\n"
              "  10.10.0.3:8000  unhealthy  status 503: database is migrating\n"
              "  Wait until it is healthy, or switch anyway with --force.\n");
    EXPECT_EQ(print_error(json::parse(R"({"error":{"code":"busy","message":"Somebody is at it.",
                  "hint":"Wait.","details":{"uid":7,"user":"ann","action":"deploy",
                  "since":"2026-03-01T03:12:09.120Z","for_ms":250000,"stage":"run",
                  "stage_for_ms":123000}}})"),
                          Screen()),
              "switchyard: Somebody is at it.\n"
              "  Under way for 4m 10s, in the stage run for 2m 3s.\n"
              "  Wait.\n");
    EXPECT_EQ(print_error(json::parse(R"({"error":{"code":"invalid_config","message":"Not valid.",
                  "hint":"","details":{"problems":[{"file":"a.yaml","line":3,"column":5,
                  "message":"unknown key"},{"file":"b.pem","line":0,"column":0,
                  "message":"unreadable"}]}}})"),
                          Screen()),
              "switchyard: Not valid.\n"
              "  a.yaml:3:5: unknown key\n"
              "  b.pem: unreadable\n");
    EXPECT_THAT(print_error(json::object{}, Screen()), HasSubstr("gave no reason"));
}

TEST(PrintHistory, WhatIsNotInTheStateFileYetIsMarked) {
    json::value history = example_json("history");
    json::object& entry = history.at("entries").at(0).as_object();
    entry["unwritten"] = "state.db: the disk is full";
    EXPECT_THAT(print_history(history, Screen()),
                AllOf(HasSubstr("  drained*\n"),
                      HasSubstr("\n  Not in the state file yet (state.db: the disk is full)\n")));
}

TEST(PrintStatus, SaysThatTheDaemonEnds) {
    json::value status = example_json("status");
    EXPECT_THAT(print_status(status, Screen()), HasSubstr("Listening on"));
    status.as_object()["stopping"] = true;
    EXPECT_THAT(
        print_status(status, Screen()),
        AllOf(HasSubstr("\nSTOPPING: nobody new is let in, what is under way may finish.\n"),
              Not(HasSubstr("Listening on"))));
}

TEST(PrintStatus, SaysWhatIsNotInTheStateFileYet) {
    json::value status = example_json("status");
    status.as_object()["history_unwritten"] =
        json::array{json::object{{"history_id", 44},
                                 {"service", "scoreboard"},
                                 {"action", "deploy"},
                                 {"outcome", "deployed"},
                                 {"error", "state.db: the disk is full"},
                                 {"since", "2026-03-01T03:12:01.000Z"}}};
    EXPECT_THAT(print_status(status, Screen()),
                AllOf(HasSubstr("The end of scoreboard's deploy (deployed, history 44) is not in"),
                      HasSubstr("the disk is full")));
}

TEST(PrintHistory, SaysThatAChangeWasForced) {
    json::value history = example_json("history");
    json::object& entry = history.at("entries").at(0).as_object();
    entry["receipt"] = json::object{{"forced", true}, {"cut", 2}};
    EXPECT_THAT(print_history(history, Screen()),
                HasSubstr("\n  forced: green was not healthy. 2 cut\n"));
}

TEST(PrintHistory, ALineAnEntryAndRemarksBelow) {
    EXPECT_EQ(print_history(example_json("history"), Screen()),
              "WHEN (UTC)           SERVICE     ACTION  BY      TO         EPOCH  OUTCOME\n"
              "2026-03-01 03:12:09  scoreboard  switch  deploy  green v42      8  drained\n"
              "2026-03-01 03:11:40  scoreboard  switch  root    green          7  refused\n"
              "  Slot green of scoreboard has no healthy target.\n");
    EXPECT_EQ(print_history(json::object{}, Screen()), "Nothing happened yet.\n");
}

TEST(PrintHistory, RemarksMoveBesideWhenTheScreenIsFull) {
    json::value history = example_json("history");
    json::array& entries = history.at("entries").as_array();
    while (entries.size() < 20)
        entries.push_back(entries[1]);
    const std::string text = print_history(history, Screen());
    EXPECT_LT(lines_of(text), 24U);
    EXPECT_THAT(text, HasSubstr("refused  Slot green of scoreboard"));
}

TEST(PrintEvent, EveryDocumentedEventIsASentence) {
    const std::string stream = example("events-stream");
    std::string text;
    std::size_t heartbeats = 0;
    for (std::size_t i = 0; i < lines_of(stream); ++i) {
        const json::value event = json::parse(example_line("events-stream", i));
        const std::string line = print_event(event, Screen());
        if (admin::text(event, "event") == "heartbeat") {
            EXPECT_EQ(line, "");
            ++heartbeats;
        } else {
            EXPECT_EQ(lines_of(line), 1U);
            EXPECT_THAT(line, Not(HasSubstr("=")));
        }
        text += line;
    }
    EXPECT_EQ(heartbeats, 1U);
    EXPECT_THAT(text, AllOf(HasSubstr("scoreboard  committed  switch from blue to green, epoch 8, "
                                      "by deploy, 12 in flight"),
                            HasSubstr("blue 10.10.0.2:8000 is unhealthy: connection refused"),
                            HasSubstr("lost  17 events")));
}

TEST(PrintEvent, AnUnknownOneIsPrintedWithItsFields) {
    EXPECT_EQ(print_event(json::parse(R"({"event":"eclipse","at":"2026-03-01T03:12:00.000Z",
                                          "service":"shop","sun":"gone","minutes":7})"),
                          Screen()),
              "2026-03-01 03:12:00.000 UTC  shop  eclipse  sun=gone minutes=7\n");
}

}  // namespace
}  // namespace switchyard::admin
