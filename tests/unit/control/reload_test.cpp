#include "house.hpp"

#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::control::testing {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using observe::Outcome;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Reload : public ::testing::Test {
  protected:
    void SetUp() override { house.start(); }

    std::shared_ptr<ChangeTicket> reload() {
        auto ticket = house.controller->reload({0, "root"});
        house.run_until([&] { return ticket->is_decided(); });
        return ticket;
    }
    /// Reloads a configuration with these services.
    std::shared_ptr<ChangeTicket> reload(std::vector<config::Service> services) {
        house.next_load.config = make_config(std::move(services));
        return reload();
    }
    Refusal refused(std::vector<config::Service> services) {
        const auto ticket = reload(std::move(services));
        EXPECT_TRUE(ticket->error);
        return ticket->error.value_or(Refusal{});
    }

    House house{make_config({make_service("app"), make_service("shop")})};
};

TEST_F(Reload, KeepsTheVeryStateOfServicesThatDidNotChange) {
    const auto before = house.publisher.current;
    auto app = make_service("app");
    app.slots[1]->targets.push_back(make_target("green:2"));
    const auto ticket = reload({app, make_service("shop")});
    ASSERT_FALSE(ticket->error) << ticket->error->message;
    const auto after = house.publisher.current;
    EXPECT_EQ(after->services.at(1), before->services.at(1));
    EXPECT_EQ(after->services.at(0)->epoch, 2U);
    EXPECT_EQ(house.disk->records.at("app").epoch, 2U);
    EXPECT_EQ(house.disk->records.at("shop").epoch, 1U);
    EXPECT_THAT(json::serialize(ticket->object()->at("changes")),
                HasSubstr("service app: target green:2 added to green"));
    EXPECT_TRUE(house.health.watched().contains("green:2"));
    EXPECT_EQ(after->services.at(0)->slot(Colour::green)->targets.at(0),
              before->services.at(0)->slot(Colour::green)->targets.at(0));
}

TEST_F(Reload, C04_OrderIsPrepareDurableVisibleApply) {
    auto app = make_service("app");
    app.drain_timeout = 1s;
    const std::size_t before = house.journal->lines().size();
    reload({app, make_service("shop")});
    auto lines = house.journal->lines();
    lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(before));
    lines.resize(5);
    EXPECT_THAT(lines, ElementsAre("prepare", "commit", "publish", "acknowledged", "apply"));
}

TEST_F(Reload, ARequestUnderWayKeepsTheEpochItEntered) {
    const auto ledger = house.publisher.enter("app");
    auto app = make_service("app");
    app.drain_timeout = 1s;
    ASSERT_FALSE(reload({app, make_service("shop")})->error);
    EXPECT_EQ(house.controller->routing().retired(), 1U);
    EXPECT_TRUE(house.controller->drains().empty());
    EXPECT_EQ(house.publisher.cuts, 0);
    // A switch afterwards drains it together with the newer ones.
    const auto ticket = house.begin(switch_to(Colour::green));
    EXPECT_EQ(number(house.lines(*ticket).front(), "in_flight_on_old"), 1);
    house.publisher.leave(ledger, Outcome::completed);
    house.run_until([&] { return ticket->lines.closed(); });
}

TEST_F(Reload, RefusesAnInvalidFileWithEveryReason) {
    const auto before = house.publisher.current;
    house.next_load.problems = {{"/etc/test.yaml", 3, 5, "unknown key 'slotz'"},
                                {"/etc/test.yaml", 9, 1, "duplicate key"}};
    const auto ticket = reload();
    ASSERT_TRUE(ticket->error);
    EXPECT_EQ(ticket->error->code, "invalid_config");
    EXPECT_EQ(ticket->error->status, 422U);
    const json::array& problems = ticket->error->details.at("problems").as_array();
    ASSERT_EQ(problems.size(), 2U);
    EXPECT_EQ(number(problems[0].as_object(), "line"), 3);
    EXPECT_EQ(house.publisher.current, before);
    EXPECT_FALSE(house.controller->last_reload_ok());
    EXPECT_FALSE(house.journal->has("prepare"));
}

TEST_F(Reload, NamesSettingsThatNeedARestart) {
    house.next_load.config = make_config({make_service("app"), make_service("shop")});
    house.next_load.config.workers = 8;
    house.next_load.config.admin.metrics = "127.0.0.1:1";
    const auto ticket = reload();
    ASSERT_TRUE(ticket->error);
    EXPECT_EQ(ticket->error->details.at("problems").as_array().size(), 2U);
    EXPECT_THAT(ticket->error->message, HasSubstr("workers can't change without a restart"));
}

TEST_F(Reload, RefusesToTakeTheLiveSlotAway) {
    auto app = make_service("app");
    app.slots[0].reset();
    const Refusal refusal = refused({app, make_service("shop")});
    EXPECT_EQ(refusal.code, "invalid_config");
    EXPECT_THAT(refusal.message, HasSubstr("slot blue"));
}

TEST_F(Reload, WhatCannotBePreparedLeavesTheOldOneInForce) {
    const auto before = house.publisher.current;
    house.reload.failure = "listener 0.0.0.0:443: address in use";
    EXPECT_THAT(refused({make_service("app")}).message, HasSubstr("address in use"));
    EXPECT_EQ(house.publisher.current, before);
    EXPECT_FALSE(house.journal->has("apply"));
    EXPECT_FALSE(house.journal->has("discard"));  // prepare() failed: there is nothing to discard
}

TEST_F(Reload, C04_DurableFailureDiscardsWhatWasPrepared) {
    const auto before = house.publisher.current;
    house.disk->fail_commit = true;
    auto app = make_service("app");
    app.drain_timeout = 1s;
    EXPECT_EQ(refused({app, make_service("shop")}).code, "state_failed");
    EXPECT_EQ(house.publisher.current, before);
    EXPECT_TRUE(house.journal->has("discard"));
    EXPECT_FALSE(house.journal->has("apply"));
    EXPECT_EQ(house.controller->entry("app").record.epoch, 1U);
}

TEST_F(Reload, AddsAndRemovesServices) {
    const auto ledger = house.publisher.enter("shop");
    auto blog = make_service("blog");
    ASSERT_FALSE(reload({make_service("app"), blog})->error);
    ASSERT_EQ(house.publisher.current->services.size(), 2U);
    EXPECT_EQ(house.publisher.current->services.at(1)->name(), "blog");
    EXPECT_EQ(house.publisher.current->services.at(1)->epoch, 1U);
    EXPECT_EQ(house.publisher.current->match("shop.example", "/").service, nullptr);
    // The removed service's requests have the time of a drain.
    ASSERT_EQ(house.controller->drains().size(), 1U);
    house.publisher.leave(ledger, Outcome::completed);
    house.run_until([&] { return house.controller->drains().empty(); });
    house.run_until([&] { return house.controller->routing().retired() == 0; });
    // It comes back with the slot that was live and a new epoch.
    ASSERT_FALSE(reload({make_service("app"), blog, make_service("shop")})->error);
    EXPECT_EQ(house.publisher.current->services.at(2)->epoch, 2U);
}

TEST_F(Reload, SaysWithWhichSlotAServiceUnderAnotherNameBegins) {
    const auto note = [&](const ChangeTicket& ticket) {
        return std::string(ticket.object()->at("warnings").as_array().at(0).get_string());
    };
    auto shop = make_service("store");
    shop.hosts = make_service("shop").hosts;
    // The same slot: nothing changes for anybody.
    EXPECT_EQ(note(*reload({make_service("app"), shop})),
              "service store begins with blue live (its initial_live)");
    ASSERT_FALSE(reload({make_service("app"), make_service("shop")})->error);
    ChangeRequest to_green = switch_to(Colour::green);
    to_green.service = "shop";
    const auto change = house.controller->change(to_green);
    house.run_until([&] { return change->lines.closed(); });
    EXPECT_THAT(note(*reload({make_service("app"), shop})),
                AllOf(HasSubstr("service store begins with blue live (as when it was configured"),
                      HasSubstr("was answered by green of shop, which is removed. If it is to be "
                                "green again: switchyard switch store green")));
}

TEST_F(Reload, ARemovedServiceIsCutAtItsDrainTimeout) {
    auto shop = make_service("shop");
    shop.drain_timeout = 10ms;
    ASSERT_FALSE(reload({make_service("app"), shop})->error);
    house.publisher.enter("shop");
    ASSERT_FALSE(reload({make_service("app")})->error);
    house.run_until([&] { return house.publisher.cuts == 1; });
    house.run_until([&] { return house.controller->drains().empty(); });
}

TEST_F(Reload, C14_IsRefusedWhileAServiceIsBeingChangedAndTheOtherWayRound) {
    house.disk->hold_commit = true;
    const auto change = house.controller->change(switch_to(Colour::green));
    const auto reloaded = reload({make_service("app"), make_service("shop")});
    ASSERT_TRUE(reloaded->error);
    EXPECT_EQ(reloaded->error->code, "busy");
    EXPECT_EQ(text(reloaded->error->details, "service"), "app");
    house.disk->release();
    house.run_until([&] { return change->lines.closed(); });

    house.publisher.hold = true;
    const auto slow = house.controller->reload({0, "root"});
    house.run_until([&] { return house.controller->change_under_way("app").has_value(); });
    const Refusal refusal = house.refused(rollback());
    EXPECT_EQ(refusal.code, "busy");
    EXPECT_EQ(text(refusal.details, "action"), "reload");
    house.publisher.release();
    house.run_until([&] { return slow->is_decided(); });
    EXPECT_FALSE(slow->error);
}

}  // namespace
}  // namespace switchyard::control::testing
