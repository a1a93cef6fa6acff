// C4: what is refused changes nothing, says why, and is written down.
#include "integration/contract.hpp"

#include <pwd.h>
#include <unistd.h>

namespace switchyard::test {
namespace {

class Refusal : public SwitchContract {
  protected:
    [[nodiscard]] AdminAnswer ask(std::string_view body, std::string_view action = "switch") const {
        return admin().post("/v1/services/app/" + std::string(action), body);
    }

    void expect_nothing_changed() {
        EXPECT_EQ(live(), "blue");
        EXPECT_EQ(epoch(), 1);
        EXPECT_EQ(colour_of(get("/")), "blue");
    }

    /// The newest entry of the history of this service.
    [[nodiscard]] boost::json::value newest() const {
        return admin().get("/v1/history?service=app&limit=1").json().at("entries").at(0);
    }

    static std::string text(const boost::json::value& object, std::string_view key) {
        return std::string(object.at(key).as_string());
    }
    static boost::json::value error(const AdminAnswer& answer) { return answer.json().at("error"); }

    static std::string my_name() {
        const auto* entry = ::getpwuid(::getuid());
        return entry != nullptr ? entry->pw_name : "";
    }
};

using SwitchContract = Refusal;  // Tests of a guarantee carry this name everywhere.

TEST_F(SwitchContract, C04_AnUnhealthySlotIsRefusedWithTheReason) {
    start();
    origin(Colour::green).set_health(503, "migrating the database\nsecond line\n");
    ASSERT_TRUE(daemon().wait_healthy("app", Colour::green, false));
    const auto answer = ask(R"({"to":"green"})");
    EXPECT_EQ(answer.status, 409);
    EXPECT_EQ(answer.error_code(), "unhealthy_target");
    EXPECT_NE(text(error(answer), "hint").find("--force"), std::string::npos);
    const auto target = error(answer).at("details").at("targets").at(0);
    EXPECT_EQ(text(target, "address"), origin(Colour::green).address());
    EXPECT_EQ(text(target, "state"), "unhealthy");
    EXPECT_TRUE(text(target, "reason").starts_with("status 503: migrating the database"))
        << text(target, "reason");
    EXPECT_EQ(text(target, "reason").find("second line"), std::string::npos);
    expect_nothing_changed();

    const auto run = daemon().cli({"switch", "app", "green"});
    EXPECT_EQ(run.exit.code, 1);
    for (const auto* part : {"503", "migrating the database", "--force"})
        EXPECT_NE(run.err.find(part), std::string::npos) << run.err;
    expect_nothing_changed();

    const auto entry = newest();
    EXPECT_EQ(text(entry, "outcome"), "refused");
    EXPECT_EQ(text(entry, "action"), "switch");
    EXPECT_EQ(text(entry, "to"), "green");
    EXPECT_EQ(number(entry, "epoch"), 1);
    EXPECT_EQ(number(entry, "uid"), ::getuid());
    EXPECT_EQ(text(entry, "user"), my_name());
}

TEST_F(SwitchContract, C04_ADeadTargetIsRefusedWithItsSocketError) {
    start();
    origin(Colour::green).kill();
    ASSERT_TRUE(daemon().wait_healthy("app", Colour::green, false));
    const auto answer = ask("{}");
    EXPECT_EQ(answer.error_code(), "unhealthy_target");
    const auto reason = text(error(answer).at("details").at("targets").at(0), "reason");
    EXPECT_NE(reason.find("refused"), std::string::npos) << reason;
    expect_nothing_changed();
}

TEST_F(Refusal, ForceSwitchesToAnUnhealthySlot) {
    start();
    origin(Colour::green).set_health(503, "not yet\n");
    ASSERT_TRUE(daemon().wait_healthy("app", Colour::green, false));
    const auto run = daemon().cli({"switch", "app", "green", "--force", "--json"});
    EXPECT_EQ(run.exit.code, 0) << run.err;
    const auto committed = boost::json::parse(run.out.substr(0, run.out.find('\n')));
    EXPECT_TRUE(committed.at("forced").as_bool());
    // What is forced gets the traffic, whatever its health check says.
    EXPECT_EQ(colour_of(get("/")), "green");
    const auto back = daemon().cli({"rollback", "app", "--json"});
    EXPECT_EQ(back.exit.code, 0) << back.err;
    EXPECT_FALSE(
        boost::json::parse(back.out.substr(0, back.out.find('\n'))).at("forced").as_bool());
    EXPECT_EQ(live(), "blue");
}

TEST_F(SwitchContract, C04_TheEpochHasToBeTheOneThatWasSeen) {
    start();
    for (const auto* action : {"switch", "rollback"}) {
        const auto answer = ask(R"({"if_epoch":7})", action);
        EXPECT_EQ(answer.status, 409);
        EXPECT_EQ(answer.error_code(), "epoch_mismatch");
        EXPECT_EQ(number(error(answer).at("details"), "epoch"), 1);
        EXPECT_EQ(number(error(answer).at("details"), "expected"), 7);
    }
    expect_nothing_changed();
    EXPECT_EQ(daemon().cli({"switch", "app", "--if-epoch", "2"}).exit.code, 1);
    expect_nothing_changed();
    EXPECT_EQ(daemon().cli({"switch", "app", "--if-epoch", "1"}).exit.code, 0);
    EXPECT_EQ(epoch(), 2);
}

TEST_F(Refusal, WhatIsLiveAlreadyIsNoChange) {
    start();
    const auto answer = ask(R"({"to":"blue"})");
    EXPECT_EQ(answer.status, 409);
    EXPECT_EQ(answer.error_code(), "already_live");
    expect_nothing_changed();
    const auto run = daemon().cli({"switch", "app", "blue"});
    EXPECT_EQ(run.exit.code, 0) << "a repeated command is no failure";
    EXPECT_NE((run.out + run.err).find("live already"), std::string::npos) << run.out << run.err;
    expect_nothing_changed();
}

TEST_F(Refusal, ThereMayBeNothingToRollBack) {
    start();
    EXPECT_EQ(ask("{}", "rollback").error_code(), "nothing_to_roll_back");
    EXPECT_EQ(daemon().cli({"rollback", "app"}).exit.code, 1);
    expect_nothing_changed();
}

TEST_F(Refusal, AnUnknownServiceIsToldWhichThereAre) {
    start();
    const auto answer = admin().post("/v1/services/apq/switch");
    EXPECT_EQ(answer.status, 404);
    EXPECT_EQ(answer.error_code(), "unknown_service");
    EXPECT_EQ(error(answer).at("details").at("services"), boost::json::array{"app"});
    const auto run = daemon().cli({"switch", "apq"});
    EXPECT_EQ(run.exit.code, 1);
    EXPECT_NE(run.err.find("apq"), std::string::npos) << run.err;
    expect_nothing_changed();
}

TEST_F(Refusal, AServiceWithOneSlotCannotSwitch) {
    auto yaml = config();
    const auto green = yaml.find("      green:");
    yaml.erase(green, yaml.find("    health_check") - green);
    Daemon daemon(yaml);
    daemon.start();
    const auto answer = daemon.admin().post("/v1/services/app/switch");
    EXPECT_EQ(answer.error_code(), "no_such_slot");
    EXPECT_EQ(daemon.cli({"switch", "app"}).exit.code, 1);
}

TEST_F(Refusal, AMistypedKeyIsNotIgnored) {
    start();
    for (const auto* body :
         {R"({"forse":true})", R"({"to":"red"})", R"({"force":1})", R"({"if_epoch":-1})",
          R"({"drain_timeout_ms":86400001})", "[]", R"({"to":"green")", R"({"to":"green"}x)"}) {
        const auto answer = ask(body);
        EXPECT_EQ(answer.status, 400) << body;
        EXPECT_EQ(answer.error_code(), "bad_request") << body;
    }
    expect_nothing_changed();
}

TEST_F(Refusal, APlanChangesNothing) {
    start();
    const auto history = admin().get("/v1/history").json();
    auto plan = ask(R"({"plan":true})").json();
    EXPECT_TRUE(plan.at("allowed").as_bool());
    EXPECT_EQ(text(plan, "to"), "green");
    EXPECT_EQ(number(plan, "epoch_after"), 2);
    expect_nothing_changed();
    EXPECT_EQ(daemon().cli({"switch", "app", "--plan"}).exit.code, 0);

    origin(Colour::green).set_health(500, "broken\n");
    ASSERT_TRUE(daemon().wait_healthy("app", Colour::green, false));
    plan = ask(R"({"plan":true,"if_epoch":9})").json();
    EXPECT_FALSE(plan.at("allowed").as_bool());
    ASSERT_EQ(plan.at("refusals").as_array().size(), 2u) << "every reason";
    EXPECT_EQ(text(plan.at("refusals").at(0), "code"), "epoch_mismatch");
    EXPECT_EQ(text(plan.at("refusals").at(1), "code"), "unhealthy_target");
    const auto run = daemon().cli({"switch", "app", "--plan"});
    EXPECT_EQ(run.exit.code, 1);
    EXPECT_NE(run.out.find("Nothing was changed"), std::string::npos) << run.out;
    expect_nothing_changed();
    EXPECT_EQ(admin().get("/v1/history").json(), history) << "a plan is not history";
}

TEST_F(Refusal, ASecondChangeIsToldWhoIsDoingWhat) {
    start();
    // Green's new target accepts connections and says nothing: its health is unknown for as long
    // as the check may take, and a switch waits for that.
    OriginProcess slow(Colour::green, {.name = "slow"});
    slow.freeze();
    auto yaml = config();
    yaml.replace(yaml.find(origin(Colour::green).address()), origin(Colour::green).address().size(),
                 slow.address());
    yaml.replace(yaml.find("timeout: 2s"), 11, "timeout: 30s");
    daemon().write_config(yaml);
    ASSERT_EQ(admin().post("/v1/reload").status, 200);
    const auto before = epoch();

    Client waiting("unix:" + admin().socket());
    waiting.send(request_text("POST", "/v1/services/app/switch", {{"Content-Length", "2"}}) + "{}");
    ASSERT_TRUE(eventually([this] { return !admin().service("app").at("change").is_null(); }));
    const auto change = admin().service("app").at("change");
    EXPECT_EQ(text(change, "action"), "switch");
    EXPECT_EQ(number(change, "uid"), ::getuid());

    for (const auto* action : {"switch", "rollback"}) {
        const auto answer = ask("{}", action);
        EXPECT_EQ(answer.status, 409);
        EXPECT_EQ(answer.error_code(), "busy");
        const auto details = error(answer).at("details");
        EXPECT_EQ(text(details, "user"), my_name());
        EXPECT_EQ(text(details, "action"), "switch");
        EXPECT_EQ(details.at("since"), change.at("since"));
    }
    EXPECT_EQ(admin().post("/v1/reload").error_code(), "busy");
    const auto run = daemon().cli({"switch", "app"});
    EXPECT_EQ(run.exit.code, 1);
    EXPECT_NE(run.err.find("switch to green by "), std::string::npos) << run.err;
    EXPECT_EQ(epoch(), before);

    slow.go_on();
    const auto head = read_head(waiting);
    EXPECT_EQ(head.status, 200);
    waiting.read_until(R"("event":"committed")");
    EXPECT_EQ(epoch(), before + 1);
    EXPECT_TRUE(admin().service("app").at("change").is_null());
    EXPECT_EQ(get("/").body, "green slow\n");
}

TEST_F(Refusal, TheHistoryHasAllOfIt) {
    start();
    ASSERT_EQ(daemon().cli({"switch", "app"}).exit.code, 0);
    ASSERT_EQ(daemon().cli({"switch", "app", "green"}).exit.code, 0);
    ASSERT_EQ(daemon().cli({"rollback", "app"}).exit.code, 0);
    ASSERT_EQ(daemon().cli({"switch", "app", "--if-epoch", "1"}).exit.code, 1);
    // A drain's end is written after it was told.
    ASSERT_TRUE(eventually([this] {
        const auto entries = admin().get("/v1/history?service=app").json().at("entries");
        return text(entries.at(1), "outcome") == "drained";
    }));
    const auto entries = admin().get("/v1/history?service=app&limit=4").json().at("entries");
    ASSERT_EQ(entries.as_array().size(), 4u);
    const char* const expected[][4] = {{"switch", "refused", "The epoch of app is 3, not 1.", ""},
                                       {"rollback", "drained", "", "blue"},
                                       {"switch", "refused", nullptr, "green"},
                                       {"switch", "drained", "", "green"}};
    std::int64_t id = INT64_MAX;
    for (std::size_t i = 0; i < 4; ++i) {
        SCOPED_TRACE("entry " + std::to_string(i));
        const auto& entry = entries.at(i);
        EXPECT_EQ(text(entry, "action"), expected[i][0]);
        EXPECT_EQ(text(entry, "outcome"), expected[i][1]);
        if (expected[i][2] != nullptr) {
            EXPECT_EQ(text(entry, "detail"), expected[i][2]);
        }
        if (*expected[i][3] != '\0') {
            EXPECT_EQ(text(entry, "to"), expected[i][3]);
        }
        EXPECT_EQ(number(entry, "uid"), ::getuid());
        EXPECT_EQ(text(entry, "user"), my_name());
        EXPECT_LT(number(entry, "id"), id);
        id = number(entry, "id");
        if (text(entry, "outcome") == "drained") {
            EXPECT_EQ(entry.at("receipt").at("epoch"), entry.at("epoch"));
            EXPECT_EQ(number(entry.at("receipt"), "cut"), 0);
        }
    }
    const auto run = daemon().cli({"history", "app"});
    EXPECT_EQ(run.exit.code, 0);
    EXPECT_NE(run.out.find("rollback"), std::string::npos) << run.out;
    EXPECT_NE(run.out.find("refused"), std::string::npos) << run.out;
}

TEST_F(Refusal, ExitCodesOfTheCommandLine) {
    start();
    EXPECT_EQ(daemon().cli({"switch", "app"}).exit.code, 0);
    EXPECT_EQ(daemon().cli({"status"}).exit.code, 0);
    EXPECT_EQ(daemon().cli({"status", "nothing"}).exit.code, 1);
    EXPECT_EQ(daemon().cli({}).exit.code, 2);
    EXPECT_EQ(daemon().cli({"swich", "app"}).exit.code, 2);
    EXPECT_EQ(daemon().cli({"switch"}).exit.code, 2);
    EXPECT_EQ(daemon().cli({"switch", "app", "red"}).exit.code, 2);
    EXPECT_EQ(daemon().cli({"switch", "app", "--drain-timeout", "5"}).exit.code, 2);
    const auto nobody = daemon().dir().file("nobody.sock");
    const auto run = daemon().cli({"--socket", nobody, "switch", "app"});
    EXPECT_EQ(run.exit.code, 3);
    EXPECT_NE(run.err.find(nobody), std::string::npos) << run.err;
    daemon().kill();
    EXPECT_EQ(daemon().cli({"switch", "app"}).exit.code, 3);
}

}  // namespace
}  // namespace switchyard::test
