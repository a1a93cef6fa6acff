#include "admin/print/ip.hpp"

#include "admin/command_line.hpp"
#include "admin/exit_code.hpp"
#include "admin/fields.hpp"
#include "admin/print/status.hpp"
#include "unit/admin/examples.hpp"
#include "unit/admin/fake_daemon.hpp"

#include <sstream>

#include <gmock/gmock.h>

/// The reserved IP on the command line: what is asked, what is said, and the exit codes.
namespace switchyard::admin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct Outcome {
    int code = -1;
    std::string out;
    std::string err;
};

Outcome run_against(FakeDaemon& daemon, std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--socket", daemon.socket});
    std::ostringstream out;
    std::ostringstream err;
    Outcome outcome;
    outcome.code = run(std::move(arguments), out, err, Screen());
    outcome.out = out.str();
    outcome.err = err.str();
    return outcome;
}

/// The documented answer; `followed` false: the IP is still at the other droplet.
std::string answer(bool followed) {
    json::value value = example_json("reserved-ip");
    value.as_object()["followed"] = followed;
    if (!followed) {
        json::object& ip = value.at("reserved_ip").as_object();
        ip["state"] = "moving";
        ip["following"] = false;
        ip["observed"].as_object()["droplet_id"] = 3164444;
    }
    return json::serialize(value);
}

/// A daemon whose switch has a reserved IP, which follows or not.
FakeDaemon::Script switching(bool followed, bool cut = false) {
    json::value committed = json::parse(example_line("switch-stream", 0));
    committed.as_object()["reserved_ip"] = example_json("reserved-ip").at("reserved_ip");
    json::value drained = json::parse(example_line("switch-stream", 2));
    if (cut) drained.as_object()["cut"] = 1;
    return [=](Conversation& with) {
        if (with.request.starts_with("GET ")) {
            with.answer(200, answer(followed));
            return;
        }
        with.begin_stream();
        with.chunk(json::serialize(committed) + "\n");
        with.chunk(json::serialize(drained) + "\n");
        with.end_stream();
    };
}

TEST(Ip, StatusIsOneScreen) {
    const json::value example = example_json("reserved-ip");
    EXPECT_EQ(print_ip(example.at("reserved_ip"), text(example, "now"), Screen()),
              "Reserved IP 203.0.113.10, follows scoreboard\n"
              "  state         follows\n"
              "  wanted        droplet 3164445 (green), epoch 8\n"
              "  seen          droplet 3164445, 6.0 s ago\n"
              "  if moved      moved back\n"
              "  since start   1 move asked for, 0 failures, 0 foreign changes\n"
              "  next look     in 39 s\n");
}

TEST(Ip, StatusShowsWhatIsWrong) {
    json::value example = example_json("reserved-ip");
    json::object& ip = example.at("reserved_ip").as_object();
    ip["state"] = "refused";
    ip["following"] = false;
    ip["drift_seconds"] = 90.0;
    ip["observed"].as_object()["droplet_id"] = nullptr;
    ip["last_error"] = {{"kind", "forbidden"},
                        {"status", 403},
                        {"message", "the API answered 403\x1b[2J"},
                        {"at", "2026-03-01T03:12:18.000Z"},
                        {"over", false}};
    ip["token"].as_object()["missing_scopes"] = {"reserved_ip:update", "actions:read"};
    const std::string screen = print_ip(ip, "2026-03-01T03:12:20.000Z", Screen());
    EXPECT_THAT(screen,
                AllOf(HasSubstr("DOES NOT FOLLOW, the API refuses"),
                      HasSubstr("seen          no droplet"), HasSubstr("astray for    1m 30s"),
                      HasSubstr("ERROR         the API answered 403?[2J (2 s ago)"),
                      HasSubstr("TOKEN         lacks reserved_ip:update, actions:read")));
    EXPECT_EQ(ip_summary(ip),
              "203.0.113.10 DOES NOT FOLLOW, the API refuses, at no droplet instead of 3164445");
}

TEST(Ip, NothingIsSaidOfWhereItIsBeforeItWasSeen) {
    json::value example = example_json("reserved-ip");
    json::object& ip = example.at("reserved_ip").as_object();
    ip["state"] = "looking";
    ip["following"] = false;
    ip["observed"] = nullptr;
    ip["unseen_since"] = "2026-03-01T03:09:10.000Z";
    ip["drift_seconds"] = 0.33;
    ip["next_at"] = nullptr;
    const std::string hangs = print_ip(ip, "2026-03-01T03:12:20.000Z", Screen());
    EXPECT_THAT(hangs, HasSubstr("state         not seen, API silent since "
                                 "2026-03-01 03:09:10 UTC\n"));
    EXPECT_THAT(hangs, HasSubstr("seen          never, for 3m 10s by now\n"));
    EXPECT_THAT(hangs, Not(HasSubstr("astray")));
    EXPECT_EQ(ip_summary(ip), "203.0.113.10 not seen, API silent since 2026-03-01 03:09:10 UTC");
    ip["state"] = "retrying";
    ip["last_error"] = {{"kind", "network"},
                        {"status", 0},
                        {"message", "no answer within 10s"},
                        {"at", "2026-03-01T03:12:18.000Z"},
                        {"over", false}};
    EXPECT_THAT(ip_summary(ip), HasSubstr("API silent since"));
    ip["last_error"].as_object()["status"] = 503;
    EXPECT_THAT(ip_summary(ip), HasSubstr("not seen, API errors since"));
    ip["state"] = "refused";
    EXPECT_THAT(ip_summary(ip), HasSubstr("NOT SEEN, API refuses since"));
    ip["last_error"].as_object()["kind"] = "no_token";
    EXPECT_THAT(ip_summary(ip), HasSubstr("no token to ask with"));
}

TEST(Ip, TheStatusOfAServiceHasALine) {
    json::value status = example_json("status");
    json::object& service = status.at("services").at(0).as_object();
    service["reserved_ip"] = example_json("reserved-ip").at("reserved_ip");
    EXPECT_THAT(print_status(status, Screen()),
                HasSubstr("\n  reserved IP 203.0.113.10 follows, at droplet 3164445\n"));
}

TEST(Ip, TheOverviewOfManyServicesHasALine) {
    json::value status = example_json("status");
    json::array& services = status.at("services").as_array();
    while (services.size() < 10)
        services.push_back(services[0]);
    status.as_object()["reserved_ip"] = example_json("reserved-ip").at("reserved_ip");
    const std::string text = print_status(status, Screen());
    EXPECT_THAT(text, HasSubstr("SERVICE"));
    EXPECT_THAT(text, HasSubstr("\nReserved IP 203.0.113.10 follows, at droplet 3164445\n"));
}

TEST(Ip, StatusAndJsonOfTheCommand) {
    FakeDaemon daemon([](Conversation& with) { with.answer(200, answer(true)); });
    EXPECT_THAT(run_against(daemon, {"ip"}).out, StartsWith("Reserved IP 203.0.113.10"));
    EXPECT_EQ(run_against(daemon, {"ip", "status", "--json"}).out, answer(true) + "\n");
    EXPECT_THAT(daemon.requests().at(0), StartsWith("GET /v1/reserved_ip HTTP/1.1"));
    FakeDaemon none(
        [](Conversation& with) { with.answer(200, R"({"reserved_ip":null,"followed":false})"); });
    EXPECT_THAT(run_against(none, {"ip"}).out, HasSubstr("No reserved IP is configured"));
}

TEST(Ip, SyncIsFiveWhenTheIpDoesNotGetThere) {
    FakeDaemon daemon([](Conversation& with) { with.answer(200, answer(true)); });
    EXPECT_EQ(run_against(daemon, {"ip", "sync"}).code, kDone);
    EXPECT_THAT(daemon.requests().at(0), StartsWith("POST /v1/reserved_ip/sync "));
    EXPECT_THAT(daemon.requests().at(1), StartsWith("GET /v1/reserved_ip?epoch=8&wait_ms="));
    FakeDaemon behind([](Conversation& with) { with.answer(200, answer(false)); });
    const Outcome outcome = run_against(behind, {"ip", "sync", "--wait", "0s"});
    EXPECT_EQ(outcome.code, kIpBehind);
    EXPECT_THAT(outcome.out, HasSubstr("NOT FOLLOWED"));
}

TEST(Ip, ASwitchWaitsForTheIpOfItsEpoch) {
    FakeDaemon daemon(switching(true));
    const Outcome outcome = run_against(daemon, {"switch", "scoreboard"});
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_THAT(outcome.out, HasSubstr("\n  reserved IP   203.0.113.10 follows, at droplet"));
    EXPECT_THAT(daemon.requests().at(1), StartsWith("GET /v1/reserved_ip?epoch=8&wait_ms=10000 "));
}

TEST(Ip, ASwitchWhoseIpDoesNotFollowIsFive) {
    for (const bool cut : {false, true}) {
        FakeDaemon daemon(switching(false, cut));
        const Outcome outcome = run_against(daemon, {"switch", "scoreboard", "--ip-wait", "0s"});
        EXPECT_EQ(outcome.code, kIpBehind);
        EXPECT_THAT(outcome.out, AllOf(HasSubstr("at droplet 3164444 instead of 3164445"),
                                       HasSubstr("switchyard ip status")));
    }
}

TEST(Ip, ACutDrainStaysFourWhenTheIpFollows) {
    FakeDaemon daemon(switching(true, true));
    EXPECT_EQ(run_against(daemon, {"switch", "scoreboard"}).code, kNotDrained);
}

TEST(Ip, NoWaitLooksAtTheIpOnlyWhenAsked) {
    FakeDaemon daemon(switching(false));
    EXPECT_EQ(run_against(daemon, {"switch", "scoreboard", "--no-wait"}).code, kDone);
    EXPECT_EQ(daemon.requests().size(), 1U);
    EXPECT_EQ(run_against(daemon, {"rollback", "scoreboard", "--no-wait", "--ip-wait", "0s"}).code,
              kIpBehind);
}

TEST(Ip, ADaemonThatIsGoneLeavesTheIpUnknown) {
    FakeDaemon daemon([](Conversation& with) {
        if (with.request.starts_with("POST ")) switching(true)(with);
    });
    const Outcome outcome = run_against(daemon, {"switch", "scoreboard"});
    EXPECT_EQ(outcome.code, kIpBehind);
    EXPECT_THAT(outcome.err, HasSubstr("whether the reserved IP follows is unknown"));
    EXPECT_THAT(outcome.err, Not(HasSubstr("outcome is unknown")));
}

}  // namespace
}  // namespace switchyard::admin
