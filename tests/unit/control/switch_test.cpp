// The switch contract as far as the controller keeps it; the numbers are those of the contract.
#include "house.hpp"

#include <algorithm>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::control::testing {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using observe::Outcome;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

class SwitchContract : public ::testing::Test {
  protected:
    void SetUp() override { house.start(); }

    Colour live() const { return house.publisher.current->services.at(0)->live; }
    std::uint64_t epoch() const { return house.publisher.current->services.at(0)->epoch; }

    House house;
};

TEST_F(SwitchContract, C01_RoutingOptionsAndEpochChangeAsOneObject) {
    const auto before = house.publisher.current;
    house.change(switch_to(Colour::green));
    const auto after = house.publisher.current;
    EXPECT_NE(before->services.at(0), after->services.at(0));
    EXPECT_EQ(before->services.at(0)->live, Colour::blue);  // an old snapshot never changes
    EXPECT_EQ(after->services.at(0)->live, Colour::green);
    EXPECT_EQ(after->services.at(0)->epoch, 2U);
    EXPECT_EQ(after->version, before->version + 1);
    EXPECT_EQ(after->hosts, before->hosts);
    EXPECT_EQ(after->services.at(0)->live_slot().served_by_line,
              "X-Served-By: green-production\r\n");
}

TEST_F(SwitchContract, C01_IsNotAnsweredBeforeEveryWorkerConfirmed) {
    house.publisher.hold = true;
    const auto ticket = house.controller->change(switch_to(Colour::green));
    house.run_until([&] { return house.journal->has("publish"); });
    for (int i = 0; i < 20; ++i)
        house.context.poll();
    EXPECT_FALSE(ticket->is_decided());
    house.publisher.release();
    EXPECT_TRUE(house.run_until([&] { return ticket->is_decided(); }));
}

TEST_F(SwitchContract, C01_AWorkerThatDoesNotConfirmIsNamed) {
    house.publisher.stuck = {1};
    const Refusal refusal = house.refused(switch_to(Colour::green));
    EXPECT_EQ(refusal.code, "not_acknowledged");
    EXPECT_EQ(refusal.status, 500U);
    EXPECT_TRUE(refusal.details.at("committed").as_bool());
    EXPECT_EQ(number(refusal.details, "worker"), 1);
    EXPECT_EQ(number(refusal.details, "epoch"), 2);
    EXPECT_EQ(live(), Colour::green);
    // The old state stays until the worker has confirmed a later publication.
    EXPECT_EQ(house.controller->routing().retired(), 1U);
    house.publisher.stuck.clear();
    house.run_until([&] { return house.controller->routing().retired() == 0; });
}

TEST_F(SwitchContract, C03_CommittedThenDrained) {
    const auto first = house.publisher.enter("app");
    const auto second = house.publisher.enter("app", 1);
    const auto ticket = house.begin(switch_to(Colour::green));
    ASSERT_FALSE(ticket->error);
    const auto committed = house.lines(*ticket);
    ASSERT_EQ(committed.size(), 1U);
    EXPECT_EQ(text(committed[0], "event"), "committed");
    EXPECT_EQ(text(committed[0], "from"), "blue");
    EXPECT_EQ(text(committed[0], "to"), "green");
    EXPECT_EQ(text(committed[0], "to_name"), "green-production");
    EXPECT_EQ(number(committed[0], "epoch"), 2);
    EXPECT_EQ(number(committed[0], "in_flight_on_old"), 2);
    EXPECT_FALSE(committed[0].at("forced").as_bool());

    const auto on_new = house.publisher.enter("app");
    EXPECT_EQ(on_new->colour(), Colour::green);
    house.publisher.leave(first, Outcome::completed);
    house.publisher.leave(second, Outcome::upstream_error, 1);
    house.run_until([&] { return ticket->lines.closed(); });
    const auto drained = house.lines(*ticket).back();
    EXPECT_EQ(text(drained, "event"), "drained");
    EXPECT_EQ(text(drained, "slot"), "blue");
    EXPECT_EQ(number(drained, "completed"), 2);
    EXPECT_EQ(number(drained, "cut"), 0);
    EXPECT_EQ(number(drained, "remaining"), 0);
    EXPECT_LE(text(drained, "last_on_old"), text(drained, "first_on_new"));

    const std::int64_t id = number(committed[0], "history_id");
    house.run_until([&] { return house.disk->entry(id).outcome != "committed"; });
    const state::HistoryEntry entry = house.disk->entry(id);
    EXPECT_EQ(entry.outcome, "drained");
    EXPECT_EQ(entry.uid, 1000U);
    EXPECT_EQ(entry.user, "deploy");
    const json::object receipt = json::parse(entry.receipt).as_object();
    EXPECT_EQ(number(receipt, "completed"), 2);
    EXPECT_TRUE(receipt.contains("durable_us"));
}

TEST_F(SwitchContract, C03_WaitFalseEndsTheAnswerAndTheDrainGoesOn) {
    const auto ledger = house.publisher.enter("app");
    ChangeRequest request = switch_to(Colour::green);
    request.wait = false;
    const auto lines = house.change(request);
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(house.controller->drains().size(), 1U);
    house.publisher.leave(ledger, Outcome::completed);
    house.run_until([&] { return house.controller->drains().empty(); });
}

TEST_F(SwitchContract, C04_OrderIsDurableVisibleAcknowledged) {
    const auto before = house.journal->lines().size();
    house.change(switch_to(Colour::green));
    auto lines = house.journal->lines();
    lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(before));
    lines.resize(3);
    EXPECT_THAT(lines, ElementsAre("commit", "publish", "acknowledged"));
}

TEST_F(SwitchContract, C04_DurableFailureChangesNothing) {
    const auto before = house.publisher.current;
    house.disk->fail_commit = true;
    const Refusal refusal = house.refused(switch_to(Colour::green));
    EXPECT_EQ(refusal.code, "state_failed");
    EXPECT_THAT(refusal.message, HasSubstr("no space left"));
    EXPECT_EQ(house.publisher.current, before);
    EXPECT_FALSE(house.journal->has("publish"));
    EXPECT_EQ(house.disk->records.at("app").live, Colour::blue);
    EXPECT_FALSE(house.controller->change_under_way("app"));
    EXPECT_TRUE(house.ip.told.size() == 1);  // only the start
    house.disk->fail_commit = false;
    house.change(switch_to(Colour::green));
    EXPECT_EQ(live(), Colour::green);
    EXPECT_EQ(epoch(), 2U);
}

TEST_F(SwitchContract, C04_UnhealthySlotIsRefusedWithTheReason) {
    house.health.set("green:1", route::Health::unhealthy, "connection refused");
    const Refusal refusal = house.refused(switch_to(Colour::green));
    EXPECT_EQ(refusal.code, "unhealthy_target");
    EXPECT_EQ(refusal.status, 409U);
    EXPECT_EQ(refusal.message, "Slot green of app has no healthy target.");
    EXPECT_THAT(refusal.hint, HasSubstr("--force"));
    const json::object target = refusal.details.at("targets").as_array().at(0).as_object();
    EXPECT_EQ(text(target, "address"), "green:1");
    EXPECT_EQ(text(target, "state"), "unhealthy");
    EXPECT_THAT(text(target, "reason"), HasSubstr("connection refused (checked 0."));
    EXPECT_EQ(live(), Colour::blue);
    // Answered first, then written down.
    house.run_until([&] { return house.disk->entries() == 2; });
    const state::HistoryEntry entry = house.disk->entry(2);
    EXPECT_EQ(entry.outcome, "refused");
    EXPECT_EQ(entry.epoch, 1U);
    EXPECT_THAT(entry.detail, HasSubstr("green:1: connection refused"));
}

TEST_F(SwitchContract, C04_ForceGoesToAnUnhealthySlotAndSaysSo) {
    house.health.set("green:1", route::Health::unhealthy, "connection refused");
    ChangeRequest request = switch_to(Colour::green);
    request.force = true;
    const auto lines = house.change(request);
    EXPECT_TRUE(lines.front().at("forced").as_bool());
    EXPECT_EQ(live(), Colour::green);
}

TEST_F(SwitchContract, C04_EpochMismatchTellsTheEpochInForce) {
    ChangeRequest request = switch_to(Colour::green);
    request.if_epoch = 7;
    const Refusal refusal = house.refused(request);
    EXPECT_EQ(refusal.code, "epoch_mismatch");
    EXPECT_EQ(number(refusal.details, "epoch"), 1);
    EXPECT_EQ(number(refusal.details, "expected"), 7);
    request.if_epoch = 1;
    EXPECT_EQ(text(house.change(request).front(), "event"), "committed");
}

TEST_F(SwitchContract, C12_AtTheDeadlineTheRestIsCut) {
    const auto first = house.publisher.enter("app");
    house.publisher.enter("app", 1);
    ChangeRequest request = switch_to(Colour::green);
    request.drain_timeout = 30ms;
    const auto ticket = house.begin(request);
    house.publisher.leave(first, Outcome::completed);
    house.run_until([&] { return ticket->lines.closed(); });
    const auto drained = house.lines(*ticket).back();
    EXPECT_EQ(number(drained, "completed"), 1);
    EXPECT_EQ(number(drained, "cut"), 1);
    EXPECT_EQ(number(drained, "remaining"), 0);
    EXPECT_GE(number(drained, "elapsed_ms"), 30);
    house.run_until([&] { return house.disk->entry(2).outcome == "cut"; });
}

TEST_F(SwitchContract, C12_WhatCannotBeCutIsReportedAsRemaining) {
    house.publisher.cut_works = false;
    house.publisher.enter("app");
    ChangeRequest request = switch_to(Colour::green);
    request.drain_timeout = 0ms;
    const auto lines = house.change(request);
    EXPECT_EQ(number(lines.back(), "remaining"), 1);
    EXPECT_EQ(number(lines.back(), "cut"), 0);
    EXPECT_FALSE(lines.back().at("cancelled").as_bool());
}

TEST_F(SwitchContract, C13_RollbackCancelsTheDrain) {
    const auto ledger = house.publisher.enter("app");
    const auto ticket = house.begin(switch_to(Colour::green));
    const auto back = house.change(rollback());
    EXPECT_EQ(text(back.front(), "action"), "rollback");
    EXPECT_EQ(number(back.front(), "epoch"), 3);
    house.run_until([&] { return ticket->lines.closed(); });
    const auto drained = house.lines(*ticket).back();
    EXPECT_TRUE(drained.at("cancelled").as_bool());
    EXPECT_EQ(number(drained, "remaining"), 1);
    EXPECT_EQ(number(drained, "cut"), 0);
    EXPECT_EQ(house.publisher.cuts, 0);
    EXPECT_EQ(live(), Colour::blue);
    house.run_until([&] { return house.disk->entry(2).outcome == "cancelled"; });
    // Should blue be switched away again, that request drains with it.
    const auto again = house.begin(switch_to(Colour::green));
    EXPECT_EQ(number(house.lines(*again).front(), "in_flight_on_old"), 1);
    house.publisher.leave(ledger, Outcome::completed);
    house.run_until([&] { return again->lines.closed(); });
    EXPECT_EQ(number(house.lines(*again).back(), "completed"), 1);
}

TEST_F(SwitchContract, C13_NothingIsCutWhileTheWayBackIsBeingWritten) {
    const auto ledger = house.publisher.enter("app");
    ChangeRequest request = switch_to(Colour::green);
    request.drain_timeout = 20ms;
    const auto ticket = house.begin(request);
    house.disk->hold_commit = true;
    const auto back = house.controller->change(rollback());
    house.run_until([&] {
        const std::lock_guard lock(house.disk->mutex);
        return house.disk->commits_waiting == 1;
    });
    const auto past_deadline = Steady::now() + 40ms;
    house.run_until([&] { return Steady::now() > past_deadline; });
    EXPECT_EQ(house.publisher.cuts, 0);
    house.disk->release();
    house.run_until([&] { return ticket->lines.closed() && back->lines.closed(); });
    EXPECT_EQ(house.publisher.cuts, 0);
    EXPECT_TRUE(house.lines(*ticket).back().at("cancelled").as_bool());
    house.publisher.leave(ledger, Outcome::completed);
}

TEST_F(SwitchContract, C13_TheIdleSlotStaysWatched) {
    EXPECT_THAT(house.health.watched(), ElementsAre("blue:1", "green:1"));
    const route::Target* blue = house.health.target("blue:1");
    house.change(switch_to(Colour::green));
    EXPECT_THAT(house.health.watched(), ElementsAre("blue:1", "green:1"));
    house.change(rollback());
    // The same objects: pools and health outlive the switch.
    EXPECT_EQ(house.publisher.current->services.at(0)->live_slot().targets.at(0).get(), blue);
}

TEST_F(SwitchContract, C13_RollbackNeedsOneHealthyTargetOnly) {
    auto service = make_service("app");
    service.slots[0]->targets.push_back(make_target("blue:2"));
    House two(make_config({service}));
    two.start();
    two.change(switch_to(Colour::green));
    two.health.set("blue:1", route::Health::unhealthy, "timed out");
    EXPECT_EQ(two.refused(switch_to(Colour::blue)).code, "unhealthy_target");
    EXPECT_EQ(text(two.change(rollback()).front(), "to"), "blue");
}

TEST_F(SwitchContract, C14_OverlappingDrainsAreCountedApart) {
    const auto on_blue = house.publisher.enter("app");
    const auto first = house.begin(switch_to(Colour::green));
    const auto on_green = house.publisher.enter("app");
    house.publisher.enter("app");
    house.begin(switch_to(Colour::blue));  // cancels the first drain
    const auto on_blue_again = house.publisher.enter("app");
    EXPECT_NE(on_blue, on_blue_again);
    EXPECT_EQ(on_blue_again->epoch(), 3U);
    const auto third = house.begin(switch_to(Colour::green));
    // green@2's drain was cancelled by the third change, blue@1 and blue@3 drain together.
    const auto line = house.lines(*third).front();
    EXPECT_EQ(number(line, "in_flight_on_old"), 2);
    EXPECT_EQ(number(line, "epoch"), 4);
    house.publisher.leave(on_green, Outcome::completed);
    house.publisher.leave(on_blue, Outcome::completed);
    house.publisher.leave(on_blue_again, Outcome::client_abort);
    house.run_until([&] { return third->lines.closed(); });
    EXPECT_EQ(number(house.lines(*third).back(), "completed"), 2);
    EXPECT_TRUE(first->lines.closed());
}

TEST_F(SwitchContract, C14_ASecondChangeIsToldWhoIsDoingWhat) {
    house.disk->hold_commit = true;
    const auto first = house.controller->change(switch_to(Colour::green));
    ChangeRequest other = rollback();
    other.caller = {0, "root"};
    const Refusal refusal = house.refused(other);
    EXPECT_EQ(refusal.code, "busy");
    EXPECT_EQ(text(refusal.details, "user"), "deploy");
    EXPECT_EQ(number(refusal.details, "uid"), 1000);
    EXPECT_EQ(text(refusal.details, "action"), "switch");
    EXPECT_EQ(text(refusal.details, "slot"), "green");
    EXPECT_THAT(refusal.message, HasSubstr("app is under way: switch to green by deploy (uid "
                                           "1000), since 20"));
    house.disk->release();
    house.run_until([&] { return first->lines.closed(); });
    EXPECT_EQ(live(), Colour::green);
}

TEST_F(SwitchContract, C14_TheLockIsNotHeldDuringTheDrain) {
    house.publisher.enter("app");
    const auto first = house.begin(switch_to(Colour::green));
    EXPECT_FALSE(house.controller->change_under_way("app"));
    EXPECT_FALSE(first->lines.closed());
    EXPECT_EQ(text(house.change(switch_to(Colour::blue)).front(), "event"), "committed");
}

TEST_F(SwitchContract, C17_TheReservedIpIsToldAfterTheCommitAndNeverWaitedFor) {
    const auto lines = house.change(switch_to(Colour::green));
    EXPECT_THAT(house.ip.told, ElementsAre("app blue 1", "app green 2"));
    EXPECT_EQ(text(lines.front().at("reserved_ip").as_object(), "state"), "moving");
    EXPECT_EQ(text(lines.back().at("reserved_ip").as_object(), "state"), "moving");
}

TEST_F(SwitchContract, C17_WhoeverWaitsForTheReservedIpIsToldWhenItFollows) {
    std::optional<bool> followed;
    const auto wait = [&](std::chrono::milliseconds limit) {
        followed.reset();
        boost::asio::co_spawn(house.context,
                              house.controller->reserved_ip_followed(2, Steady::now() + limit),
                              [&](const std::exception_ptr&, bool result) { followed = result; });
    };
    wait(std::chrono::milliseconds(1));
    house.run_until([&] { return followed.has_value(); });
    EXPECT_FALSE(*followed);
    wait(std::chrono::hours(1));
    house.ip.tell({{"event", "reserved_ip"}});  // something else happened
    house.context.restart();
    house.context.poll();
    EXPECT_FALSE(followed);
    house.ip.reached = 2;
    house.ip.tell({{"event", "reserved_ip"}});
    house.run_until([&] { return followed.has_value(); });
    EXPECT_TRUE(*followed);
}

TEST_F(SwitchContract, C18_BooksGoOnWhenOldEpochsAreFreed) {
    for (const Outcome outcome : {Outcome::completed, Outcome::upstream_error}) {
        const auto ledger = house.publisher.enter("app");
        house.publisher.leave(ledger, outcome);
    }
    const auto moved = house.publisher.enter("app");
    moved->cell(0).move();
    const auto open = house.publisher.enter("app");
    house.begin(switch_to(Colour::green));
    house.publisher.leave(open, Outcome::completed);
    house.run_until([&] { return house.controller->routing().retired() == 0; });
    const Books books = house.controller->routing().books("app", Colour::blue);
    EXPECT_EQ(books.of(Outcome::completed), 2U);
    EXPECT_EQ(books.of(Outcome::upstream_error), 1U);
    EXPECT_EQ(books.in_flight, 0U);
    EXPECT_EQ(books.accepted(), 3U);  // what moved on is accepted where it ended
}

TEST_F(SwitchContract, C18_AnOldEpochIsKeptWhileARequestHoldsIt) {
    const auto ledger = house.publisher.enter("app");
    std::weak_ptr<const route::ServiceState> old = house.publisher.current->services.at(0);
    ChangeRequest request = switch_to(Colour::green);
    house.begin(request);
    const std::uint64_t version = house.publisher.current->version;
    for (int i = 0; i < 50; ++i)
        house.context.run_one_for(1ms);
    EXPECT_FALSE(old.expired());
    EXPECT_EQ(house.publisher.current->version, version);  // and nothing is published for nothing
    house.publisher.leave(ledger, Outcome::completed);
    house.run_until([&] { return old.expired(); });
}

TEST(Switch, WaitsForATargetThatWasNotCheckedYet) {
    House house;
    house.tuning.health_slack = 5s;
    house.health.otherwise = route::Health::unknown;
    house.start();
    const auto ticket = house.controller->change(switch_to(Colour::green));
    for (int i = 0; i < 20; ++i)
        house.context.poll();
    EXPECT_FALSE(ticket->is_decided());
    house.health.set("green:1", route::Health::healthy);
    house.run_until([&] { return ticket->is_decided(); });
    EXPECT_FALSE(ticket->error);
}

TEST(Switch, RefusesATargetThatStaysUnknown) {
    House house;
    house.health.otherwise = route::Health::unknown;
    house.start();
    const Refusal refusal = house.refused(switch_to(Colour::green));
    EXPECT_EQ(refusal.code, "unhealthy_target");
    const json::object target = refusal.details.at("targets").as_array().at(0).as_object();
    EXPECT_EQ(text(target, "reason"), "not checked yet");
}

TEST_F(SwitchContract, RefusalsThatNeedNoHealth) {
    ChangeRequest request = switch_to(Colour::green);
    request.service = "shop";
    const Refusal unknown = house.refused(request);
    EXPECT_EQ(unknown.code, "unknown_service");
    EXPECT_EQ(unknown.status, 404U);
    EXPECT_EQ(unknown.details.at("services").as_array().at(0).as_string(), "app");
    EXPECT_EQ(house.refused(switch_to(Colour::blue)).code, "already_live");
    EXPECT_EQ(house.refused(rollback()).code, "nothing_to_roll_back");
}

TEST(Switch, ASlotThatIsNotConfiguredIsRefused) {
    auto service = make_service("app");
    service.slots[1].reset();
    House house(make_config({service}));
    house.start();
    EXPECT_EQ(house.refused(switch_to(Colour::green)).code, "no_such_slot");
}

TEST_F(SwitchContract, PlanTellsEveryReasonAndChangesNothing) {
    house.publisher.enter("app");
    house.health.set("green:1", route::Health::unhealthy, "connection refused");
    ChangeRequest request = switch_to(Colour::green);
    request.plan = true;
    request.if_epoch = 9;
    const auto ticket = house.begin(request);
    ASSERT_TRUE(ticket->object());
    const json::object& plan = *ticket->object();
    EXPECT_FALSE(plan.at("allowed").as_bool());
    EXPECT_EQ(plan.at("refusals").as_array().size(), 2U);
    EXPECT_EQ(number(plan, "epoch_after"), 2);
    EXPECT_EQ(number(plan, "in_flight_on_old"), 1);
    EXPECT_EQ(live(), Colour::blue);
    EXPECT_EQ(house.disk->entries(), 1U);  // the start only

    request.if_epoch.reset();
    request.force = true;
    const auto forced = house.begin(request);
    EXPECT_TRUE(forced->object()->at("allowed").as_bool());
    EXPECT_TRUE(forced->object()->at("forced").as_bool());
}

TEST_F(SwitchContract, StopEndsDrainsAsInterruptedAndRefusesWhatComesLater) {
    house.publisher.enter("app");
    const auto ticket = house.begin(switch_to(Colour::green));
    house.run(house.controller->stop());
    EXPECT_TRUE(ticket->lines.closed());
    EXPECT_EQ(number(house.lines(*ticket).back(), "remaining"), 1);
    EXPECT_EQ(house.disk->entry(2).outcome, "interrupted");
    EXPECT_EQ(house.publisher.cuts, 0);
    EXPECT_EQ(house.refused(rollback()).code, "stopping");
}

TEST_F(SwitchContract, EventsTellCommitAndDrain) {
    const auto stream = house.controller->events().subscribe("app");
    house.change(switch_to(Colour::green));
    std::vector<std::string> names;
    const auto read = [](LineSource& source,
                         std::vector<std::string>& into) -> boost::asio::awaitable<void> {
        for (int i = 0; i < 3; ++i) {
            const Line line = co_await source.next();
            into.push_back(text(json::parse(*line).as_object(), "event"));
        }
    };
    house.run(read(*stream, names));
    EXPECT_THAT(names, ElementsAre("hello", "committed", "drained"));
}

}  // namespace
}  // namespace switchyard::control::testing
