// Maintenance as far as the controller keeps it: durable, then visible, then acknowledged.
#include "house.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::control::testing {
namespace {

class Maintenance : public ::testing::Test {
  protected:
    [[nodiscard]] const route::Gate* gate() const {
        return house.publisher.current->gate_of("app");
    }
    std::shared_ptr<ChangeTicket> turn(bool on, std::string message = {},
                                       std::uint64_t retry_after_s = 0) {
        auto ticket = house.controller->maintenance(
            {{1000, "deploy"}, "app", on, std::move(message), retry_after_s});
        house.run_until([&] { return ticket->is_decided(); });
        return ticket;
    }

    House house;
};

TEST_F(Maintenance, IsDurableThenVisibleThenAnswered) {
    house.start();
    house.publisher.hold = true;
    const auto ticket = house.controller->maintenance({{1000, "deploy"}, "app", true, "soon", 0});
    ASSERT_TRUE(house.run_until([&] { return gate() != nullptr; }));
    EXPECT_EQ(house.disk->maintenance.at("app").message, "soon");
    EXPECT_FALSE(ticket->is_decided());
    house.publisher.release();
    ASSERT_TRUE(house.run_until([&] { return ticket->is_decided(); }));
    EXPECT_TRUE(ticket->object()->at("on").as_bool());
    EXPECT_EQ(house.disk->entry(2).action, "maintenance on");
    EXPECT_EQ(house.disk->entry(2).detail, "soon");
}

TEST_F(Maintenance, WhatTheDiskDoesNotTakeChangesNothing) {
    house.start();
    house.disk->fail_commit = true;
    EXPECT_EQ(turn(true)->error->code, "state_failed");
    EXPECT_EQ(gate(), nullptr);
    house.disk->fail_commit = false;
    ASSERT_FALSE(turn(true)->error);
    house.disk->fail_commit = true;
    EXPECT_EQ(turn(false)->error->code, "state_failed");
    EXPECT_NE(gate(), nullptr);
}

TEST_F(Maintenance, SurvivesARestart) {
    house.start();
    ASSERT_FALSE(turn(true, "back at noon", 120)->error);
    house.run(house.controller->stop());
    house.started = false;
    house.start();
    ASSERT_NE(gate(), nullptr);
    EXPECT_EQ(gate()->mode, route::Gate::Mode::maintenance);
    EXPECT_EQ(gate()->message_html, "back at noon");
    EXPECT_EQ(gate()->retry_after_s, 120U);
    ASSERT_FALSE(turn(false)->error);
    EXPECT_EQ(gate(), nullptr);
    EXPECT_TRUE(house.disk->maintenance.empty());
}

TEST_F(Maintenance, ASwitchChangesTheSlotAndNotTheGate) {
    house.start();
    ASSERT_FALSE(turn(true)->error);
    house.change(switch_to(Colour::green));
    EXPECT_NE(gate(), nullptr);
    EXPECT_EQ(house.publisher.current->services.at(0)->live, Colour::green);
    ChangeRequest wish = switch_to(Colour::blue);
    wish.hold = true;
    EXPECT_EQ(house.refused(wish).code, "in_maintenance");
}

TEST_F(Maintenance, TheMessageCanBeChangedAndIsSafeOnItsPage) {
    house.start();
    ASSERT_FALSE(turn(true)->error);
    EXPECT_FALSE(gate()->message_html.empty());
    EXPECT_EQ(gate()->retry_after_s, 60U);  // the configuration's
    const auto since = house.disk->maintenance.at("app").since;
    ASSERT_FALSE(turn(true, "<b>\"Tom\" & 'Anna'</b>\n{{code}}")->error);
    EXPECT_EQ(gate()->message_html,
              "&lt;b&gt;&quot;Tom&quot; &amp; &#39;Anna&#39;&lt;/b&gt;\n{{code}}");
    EXPECT_EQ(gate()->message_json, R"("<b>\"Tom\" & 'Anna'</b>\n{{code}}")");
    EXPECT_EQ(house.disk->maintenance.at("app").since, since);
    EXPECT_EQ(house.disk->entry(3).detail.find('\n'), std::string::npos);
}

TEST_F(Maintenance, OffTwiceIsSaid) {
    house.start();
    EXPECT_EQ(turn(false)->error->code, "not_in_maintenance");
}

TEST_F(Maintenance, AWorkerThatDoesNotConfirmIsNamed) {
    house.start();
    house.publisher.stuck = {0};
    const auto ticket = turn(true);
    ASSERT_TRUE(ticket->error);
    EXPECT_EQ(ticket->error->code, "not_acknowledged");
    EXPECT_TRUE(ticket->error->details.at("committed").as_bool());
    EXPECT_NE(gate(), nullptr);
}

}  // namespace
}  // namespace switchyard::control::testing
