// C11 as far as the controller keeps it: what becomes of the tunnels of a slot that is not live any
// more, with workers that do what they are told.
#include "control/status.hpp"
#include "remote_script.hpp"

#include <gtest/gtest.h>

namespace switchyard::control::testing {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using config::TunnelDrain;
using observe::Outcome;

class TunnelPolicy : public ::testing::Test {
  protected:
    void start(TunnelDrain policy, std::chrono::milliseconds keep = 1h) {
        config::Config changed = *house.config;
        changed.services[0].drain_tunnels = policy;
        changed.services[0].keep_tunnels = keep;
        changed.services[0].drain_timeout = 1h;
        house.config = std::make_shared<const config::Config>(changed);
        house.start();
    }
    /// A tunnel of the live slot, and where it counts.
    std::shared_ptr<route::Ledger> open() {
        auto ledger = house.publisher.enter("app");
        ledger->cell(0).open_tunnel();
        return ledger;
    }
    static void end(route::Ledger& ledger, bool closed = false) {
        ledger.cell(0).end_tunnel(closed, false);
        ledger.cell(0).leave(Outcome::completed);
    }
    json::array drains() const {
        return service_json(*house.controller, *house.publisher.current->services.at(0))
            .at("drains")
            .as_array();
    }

    DeployHouse house;
};

TEST_F(TunnelPolicy, C11_CloseTellsAllBeforeTheDeadline) {
    start(TunnelDrain::close);
    const auto ledger = open();
    const auto ticket = house.begin(switch_to(Colour::green));
    const auto committed = house.lines(*ticket).front();
    EXPECT_EQ(number(committed, "tunnels_on_old"), 1);
    EXPECT_EQ(number(committed, "in_flight_on_old"), 0);
    house.run_until(
        [&] { return !house.publisher.shares.empty() && house.publisher.shares.back() == 1.0; });
    end(*ledger, true);
    house.run_until([&] { return ticket->lines.closed(); });
    const auto drained = house.lines(*ticket).back();
    const auto& tunnels = drained.at("tunnels").as_object();
    EXPECT_EQ(number(tunnels, "closed"), 1);
    EXPECT_EQ(number(tunnels, "remaining"), 0);
    EXPECT_EQ(house.publisher.cuts, 0);
}

TEST_F(TunnelPolicy, C11_KeepEndsTheDrainAndWatchesOn) {
    start(TunnelDrain::keep);
    const auto ledger = open();
    const auto lines = house.change(switch_to(Colour::green));
    EXPECT_EQ(number(lines.back().at("tunnels").as_object(), "remaining"), 1);
    house.run_until([&] { return house.controller->kept().size() == 1; });
    EXPECT_TRUE(drains().at(0).at("kept").as_bool());
    house.run_until([&] { return house.disk->entry(2).outcome == "drained"; });
    EXPECT_TRUE(house.publisher.shares.empty());
    end(*ledger);
    house.run_until([&] { return house.controller->kept().empty(); });
    EXPECT_TRUE(drains().empty());
}

TEST_F(TunnelPolicy, C11_KeepHasALimit) {
    start(TunnelDrain::keep, 30ms);
    const auto ledger = open();
    house.change(switch_to(Colour::green));
    house.run_until([&] { return !house.publisher.shares.empty(); });
    EXPECT_EQ(drains().size(), 1U);
    EXPECT_FALSE(drains().at(0).at("kept").as_bool());
    end(*ledger, true);
    house.run_until([&] { return drains().empty(); });
}

TEST_F(TunnelPolicy, C11_KeepCutsRequestsButSparesTunnels) {
    start(TunnelDrain::keep);
    const auto ledger = open();
    house.publisher.enter("app", 1);
    ChangeRequest request = switch_to(Colour::green);
    request.drain_timeout = 20ms;
    const auto lines = house.change(request);
    EXPECT_EQ(number(lines.back(), "cut"), 1);
    EXPECT_EQ(number(lines.back().at("tunnels").as_object(), "cut"), 0);
    EXPECT_EQ(number(lines.back().at("tunnels").as_object(), "remaining"), 1);
    end(*ledger);
}

TEST_F(TunnelPolicy, C11_ADeployGetsTheSlotThatTunnelsAreKeptOn) {
    start(TunnelDrain::keep);
    const auto ledger = open();
    house.change(switch_to(Colour::green));
    house.run_until([&] { return house.controller->kept().size() == 1; });
    const auto job = house.begin_deploy(DeployHouse::request());  // to blue
    house.run_until([&] { return !house.publisher.shares.empty(); });
    EXPECT_TRUE(house.hosts.ran.empty()) << "not before they are gone";
    end(*ledger, true);
    EXPECT_EQ(text(house.finish(job), "outcome"), "deployed");
    EXPECT_EQ(house.hosts.ran.size(), 1U);
}

TEST_F(TunnelPolicy, C13_WhatWasKeptIsLiveAgainAfterARollback) {
    start(TunnelDrain::keep);
    const auto ledger = open();
    house.change(switch_to(Colour::green));
    house.run_until([&] { return house.controller->kept().size() == 1; });
    house.change(rollback());
    house.run_until([&] { return house.controller->kept().empty(); });
    EXPECT_TRUE(house.publisher.shares.empty());
    // With the next switch it drains again.
    const auto lines = house.change(switch_to(Colour::green));
    EXPECT_EQ(number(lines.front(), "tunnels_on_old"), 1);
    end(*ledger);
}

TEST_F(TunnelPolicy, C11_AServiceThatIsRemovedKeepsNothing) {
    start(TunnelDrain::keep);
    const auto ledger = open();
    house.next_load.config = make_config({make_service("other")});
    const auto ticket = house.controller->reload({});
    house.run_until([&] { return ticket->is_decided(); });
    ASSERT_FALSE(ticket->error);
    house.run_until([&] { return !house.publisher.shares.empty(); });
    EXPECT_TRUE(house.controller->kept().empty());
    end(*ledger, true);
    house.run_until([&] { return house.controller->drains().empty(); });
}

}  // namespace
}  // namespace switchyard::control::testing
