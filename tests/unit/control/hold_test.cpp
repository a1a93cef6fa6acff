// Holds as far as the controller keeps them (C15): a gate in the snapshot, its end, and what is
// told of it.
#include "house.hpp"

#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::control::testing {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Hold : public ::testing::Test {
  protected:
    void SetUp() override {
        house.tuning.hold_progress = 5ms;
        house.tuning.records = {1h, 1h};
        house.start();
    }

    [[nodiscard]] const route::Gate* gate() const {
        return house.publisher.current->gate_of("app");
    }
    [[nodiscard]] bool held() const {
        return gate() != nullptr && gate()->mode == route::Gate::Mode::hold;
    }
    [[nodiscard]] route::HoldRoom& room() const {
        return *house.publisher.current->services.at(0)->room;
    }

    static HoldRequest request(std::optional<std::chrono::milliseconds> max = {},
                               bool wait = true) {
        return {{1000, "deploy"}, "app", max, wait};
    }
    std::shared_ptr<ChangeTicket> hold(HoldRequest wish) {
        auto ticket = house.controller->hold(std::move(wish));
        house.run_until([&] { return ticket->is_decided(); });
        return ticket;
    }
    /// The rest of a hold's stream, to its end.
    json::object last_line(ChangeTicket& ticket) {
        house.run_until([&] { return ticket.lines.closed(); });
        const auto all = house.lines(ticket);
        return all.empty() ? json::object() : all.back();
    }
    Refusal refused(HoldRequest wish) {
        const auto ticket = hold(std::move(wish));
        EXPECT_TRUE(ticket->error);
        return ticket->error.value_or(Refusal{});
    }
    /// Ends the hold by command.
    std::optional<Refusal> release(json::object& result) {
        std::optional<Refusal> refusal;
        house.run(release_into(refusal, result));
        return refusal;
    }
    boost::asio::awaitable<void> release_into(std::optional<Refusal>& refusal,
                                              json::object& result) {
        // Not made within the call: g++ 12 would destroy it twice.
        std::string service = "app";
        Caller anna{7, "anna"};
        refusal = co_await house.controller->release(std::move(service), std::move(anna), result);
    }

    House house;
};

TEST_F(Hold, IsVisibleToEveryWorkerBeforeItIsAnswered) {
    house.publisher.hold = true;
    const auto ticket = house.controller->hold(request());
    ASSERT_TRUE(house.run_until([&] { return held(); }));
    for (int i = 0; i < 20; ++i)
        house.context.poll();
    EXPECT_FALSE(ticket->is_decided());
    house.publisher.release();
    ASSERT_TRUE(house.run_until([&] { return ticket->is_decided(); }));
    const auto lines = house.lines(*ticket);
    EXPECT_EQ(text(lines.at(0), "event"), "held");
    EXPECT_EQ(text(lines.at(0), "live"), "blue");
    EXPECT_FALSE(lines.at(0).at("extended").as_bool());
    EXPECT_EQ(house.disk->entry(2).action, "hold");
    EXPECT_EQ(house.disk->entry(2).outcome, "holding");
}

TEST_F(Hold, ReleaseTellsHowItWentAndTheHistoryKeepsIt) {
    const auto ticket = hold(request());
    ASSERT_TRUE(room().enter(100, 10, 1'000));
    room().cell(0).held.add(5);
    room().cell(1).timed_out.add(1);
    room().cell(0).left.add(1);
    room().cell(1).hold.set(gate()->hold);
    room().cell(1).longest_us.set(42'000);
    // Somebody still waits: the answer does, too.
    json::object result;
    std::optional<Refusal> refusal;
    bool done = false;
    boost::asio::co_spawn(house.context, release_into(refusal, result),
                          [&](const std::exception_ptr&) { done = true; });
    ASSERT_TRUE(house.run_until([&] { return !held(); }));
    for (int i = 0; i < 20; ++i)
        house.context.run_one_for(1ms);
    EXPECT_FALSE(done);
    room().cell(0).released.add(3);
    room().leave(100);
    ASSERT_TRUE(house.run_until([&] { return done; }));
    ASSERT_FALSE(refusal);
    EXPECT_EQ(text(result, "reason"), "released");
    EXPECT_EQ(number(result, "total"), 5);
    EXPECT_EQ(number(result, "released"), 3);
    EXPECT_EQ(number(result, "timed_out"), 1);
    EXPECT_EQ(number(result, "left"), 1);
    EXPECT_EQ(number(result, "longest_wait_ms"), 42);
    EXPECT_EQ(text(result, "user"), "anna");
    const json::object last = last_line(*ticket);
    EXPECT_EQ(text(last, "event"), "released");
    EXPECT_EQ(number(last, "released"), 3);
    house.run_until([&] { return house.disk->entry(2).outcome == "released"; });
    EXPECT_EQ(house.disk->entry(2).detail, "released by anna");
    const auto receipt = json::parse(house.disk->entry(2).receipt).as_object();
    EXPECT_EQ(number(receipt, "released"), 3);
    // Counts are those of one hold.
    const auto again = hold(request());
    json::object second;
    ASSERT_FALSE(release(second));
    EXPECT_EQ(number(second, "total"), 0);
    EXPECT_EQ(number(second, "longest_wait_ms"), 0);
}

TEST_F(Hold, EndsByItselfAndSaysSo) {
    const auto ticket = hold(request(30ms));
    const json::object last = last_line(*ticket);
    EXPECT_EQ(text(last, "reason"), "expired");
    EXPECT_FALSE(held());
    house.run_until([&] { return house.disk->entry(2).outcome == "expired"; });
    EXPECT_THAT(house.disk->entry(2).detail, HasSubstr("within 30 ms"));
    json::object result;
    EXPECT_EQ(release(result)->code, "not_held");
}

TEST_F(Hold, TheSameCommandAgainGivesItNewTime) {
    const auto first = hold(request(10s));
    const auto number_of_first = gate()->hold;
    const auto deadline_of_first = gate()->deadline_ns;
    const auto second = hold(request(60s, false));
    const auto lines = house.lines(*second);
    EXPECT_TRUE(lines.at(0).at("extended").as_bool());
    EXPECT_GT(number(lines.at(0), "remaining_ms"), 50'000);
    EXPECT_EQ(gate()->hold, number_of_first);
    EXPECT_EQ(house.disk->entries(), 2U);  // one hold, one entry
    EXPECT_GT(gate()->deadline_ns, deadline_of_first + 40'000'000'000);
    json::object result;
    EXPECT_FALSE(release(result));
    EXPECT_EQ(text(last_line(*first), "event"), "released");
}

TEST_F(Hold, ShowsProgress) {
    const auto ticket = hold(request());
    ASSERT_TRUE(room().enter(2'048, 10, 10'000));
    room().cell(0).oldest_ns.set(steady_now_ns() - 3'000'000'000);
    std::optional<json::object> progress;
    house.run_until([&] {
        for (const json::object& line : house.lines(*ticket)) {
            if (text(line, "event") == "holding") progress = line;
        }
        return progress && number(*progress, "held") == 1;
    });
    EXPECT_EQ(number(*progress, "bytes"), 2'048);
    EXPECT_GE(number(*progress, "oldest_ms"), 3'000);
    EXPECT_GT(number(*progress, "remaining_ms"), 0);
    room().leave(2'048);
}

TEST_F(Hold, IsNotBegunWhatCanNotBeWrittenDown) {
    house.disk->fail_append = true;
    EXPECT_EQ(refused(request()).code, "state_failed");
    EXPECT_EQ(gate(), nullptr);
    house.disk->fail_append = false;
    EXPECT_FALSE(hold(request())->error);
}

TEST_F(Hold, HalfAHoldIsTakenBack) {
    house.publisher.stuck = {1};
    const Refusal refusal = refused(request());
    EXPECT_EQ(refusal.code, "hold_not_confirmed");
    EXPECT_FALSE(refusal.details.at("committed").as_bool());
    house.publisher.stuck.clear();
    EXPECT_TRUE(house.run_until([&] { return gate() == nullptr; }));
}

TEST_F(Hold, KnowsItsBoundsAndItsService) {
    EXPECT_EQ(refused(request(11min)).code, "bad_request");
    EXPECT_FALSE(hold(request(10min))->error);
    HoldRequest other = request();
    other.service = "other";
    EXPECT_EQ(refused(other).code, "unknown_service");
}

TEST_F(Hold, WaitsForWhatIsInFlightIfAsked) {
    const auto ledger = house.publisher.enter("app");
    HoldRequest wish = request({}, false);
    wish.idle_wait = 10s;
    const auto ticket = house.controller->hold(wish);
    ASSERT_TRUE(house.run_until([&] { return held(); }));
    for (int i = 0; i < 10; ++i)
        house.context.run_one_for(1ms);
    EXPECT_FALSE(ticket->is_decided());
    house.publisher.leave(ledger, observe::Outcome::completed);
    ASSERT_TRUE(house.run_until([&] { return ticket->is_decided(); }));
    EXPECT_EQ(number(house.lines(*ticket).at(0), "in_flight"), 0);
    // One that does not end is told, and not waited for for ever.
    const auto stays = house.publisher.enter("app");
    wish.idle_wait = 20ms;
    EXPECT_EQ(number(house.lines(*hold(wish)).at(0), "in_flight"), 1);
    house.publisher.leave(stays, observe::Outcome::completed);
}

TEST_F(Hold, TunnelsAreToldApartAndNotWaitedFor) {
    const auto ledger = house.publisher.enter("app");
    ledger->cell(0).open_tunnel();
    HoldRequest wish = request({}, false);
    wish.idle_wait = 1h;
    const auto line = house.lines(*hold(wish)).at(0);
    EXPECT_EQ(number(line, "in_flight"), 0);
    EXPECT_EQ(number(line, "tunnels"), 1);
    ledger->cell(0).end_tunnel(false, false);
    house.publisher.leave(ledger, observe::Outcome::completed);
}

TEST_F(Hold, AnEndThatCanNotBeWrittenIsKeptAndWrittenAfterTheNextWriteThatWorks) {
    hold(request());
    const auto fail = [&](bool fails) {
        const std::lock_guard lock(house.disk->mutex);
        house.disk->fail_finish = fails;
    };
    fail(true);
    json::object result;
    ASSERT_FALSE(release(result));
    ASSERT_TRUE(house.run_until([&] { return !house.controller->unwritten().empty(); }));
    const LastRecord& record = house.controller->unwritten().front().record;
    EXPECT_EQ(record.action, "hold");
    EXPECT_EQ(record.outcome, "released");
    EXPECT_EQ(record.detail, "released by anna");
    EXPECT_EQ(house.disk->entry(2).outcome, "holding");
    fail(false);
    const auto maintenance = house.controller->maintenance({{0, "root"}, "app", true, "", 0});
    ASSERT_TRUE(house.run_until([&] { return maintenance->is_decided(); }));
    EXPECT_TRUE(house.run_until([&] { return house.disk->entry(2).outcome == "released"; }));
}

TEST_F(Hold, C15_ASwitchIsAllowedAndTheGateStaysUntilTheRelease) {
    hold(request());
    const auto lines = house.change(switch_to(Colour::green));
    EXPECT_EQ(number(lines.at(0), "held"), 0);
    EXPECT_TRUE(held());
    EXPECT_EQ(house.publisher.current->services.at(0)->live, Colour::green);
    json::object result;
    ASSERT_FALSE(release(result));
    EXPECT_EQ(text(result, "live"), "green");
    EXPECT_EQ(gate(), nullptr);
}

TEST_F(Hold, C15_ASwitchWithHoldIsOneCommand) {
    ChangeRequest wish = switch_to(Colour::green);
    wish.hold = true;
    bool was_held = false;
    house.disk->hold_commit = true;
    const auto ticket = house.controller->change(wish);
    ASSERT_TRUE(house.run_until([&] {
        const std::lock_guard lock(house.disk->mutex);
        return house.disk->commits_waiting == 1;
    }));
    was_held = held();  // before the new slot is written down
    EXPECT_EQ(house.publisher.current->services.at(0)->live, Colour::blue);
    // Nobody else's hold may come between, and it can't be extended.
    const Refusal busy = refused(request());
    EXPECT_EQ(busy.code, "busy");
    EXPECT_EQ(text(busy.details, "action"), "switch --hold");
    EXPECT_EQ(text(busy.details, "slot"), "green");
    house.disk->release();
    house.run_until([&] { return ticket->lines.closed(); });
    EXPECT_TRUE(was_held);
    EXPECT_EQ(gate(), nullptr);
    std::vector<std::string> events;
    for (const auto& line : house.lines(*ticket))
        events.push_back(text(line, "event"));
    EXPECT_THAT(events, ElementsAre("committed", "released", "drained"));
    std::optional<json::object> receipt;
    house.run_until([&] {
        for (std::size_t i = 1; i <= house.disk->entries(); ++i) {
            const auto entry = house.disk->entry(static_cast<std::int64_t>(i));
            if (entry.action == "switch" && entry.outcome == "drained") {
                receipt = json::parse(entry.receipt).as_object();
            }
        }
        return receipt.has_value();
    });
    EXPECT_EQ(text(receipt->at("hold").as_object(), "reason"), "switched");
}

TEST_F(Hold, C04_ASwitchWithHoldThatFailsLetsGoToTheLiveSlot) {
    house.disk->fail_commit = true;
    ChangeRequest wish = switch_to(Colour::green);
    wish.hold = true;
    EXPECT_EQ(house.refused(wish).code, "state_failed");
    EXPECT_TRUE(house.run_until([&] { return gate() == nullptr; }));
    EXPECT_EQ(house.publisher.current->services.at(0)->live, Colour::blue);

    house.health.otherwise = route::Health::unhealthy;
    EXPECT_EQ(house.refused(wish).code, "unhealthy_target");
    EXPECT_EQ(gate(), nullptr);
}

TEST_F(Hold, ASwitchWithHoldDuringAHoldIsRefused) {
    hold(request());
    ChangeRequest wish = switch_to(Colour::green);
    wish.hold = true;
    EXPECT_EQ(house.refused(wish).code, "already_held");
    wish.hold_max = 11min;
    EXPECT_EQ(house.refused(wish).code, "bad_request");
}

TEST_F(Hold, GoesOnThroughAReloadWithTheNewBounds) {
    hold(request());
    config::Config next = *house.config;
    next.services[0].hold.requests = 5;
    next.services[0].retries.attempts = 1;
    house.next_load.config = next;
    const auto ticket = house.controller->reload({0, "root"});
    ASSERT_TRUE(house.run_until([&] { return ticket->is_decided(); }));
    ASSERT_FALSE(ticket->error);
    ASSERT_TRUE(held());
    EXPECT_EQ(gate()->config->hold.requests, 5U);
}

TEST_F(Hold, EndsWithItsService) {
    const auto ticket = hold(request());
    house.next_load.config = make_config({make_service("other")});
    const auto reload = house.controller->reload({0, "root"});
    ASSERT_TRUE(house.run_until([&] { return reload->is_decided(); }));
    ASSERT_FALSE(reload->error) << reload->error->message;
    EXPECT_EQ(text(last_line(*ticket), "reason"), "removed");
}

TEST_F(Hold, TheDaemonsEndReleases) {
    const auto ticket = hold(request());
    house.controller->expect_stop();
    EXPECT_EQ(text(last_line(*ticket), "reason"), "stopped");
    EXPECT_EQ(gate(), nullptr);
    EXPECT_EQ(refused(request()).code, "stopping");
}

TEST_F(Hold, MaintenanceTakesItsPlace) {
    const auto ticket = hold(request());
    const auto maintenance = house.controller->maintenance({{0, "root"}, "app", true, "", 0});
    ASSERT_TRUE(house.run_until([&] { return maintenance->is_decided(); }));
    EXPECT_EQ(text(last_line(*ticket), "reason"), "maintenance");
    ASSERT_NE(gate(), nullptr);
    EXPECT_EQ(gate()->mode, route::Gate::Mode::maintenance);
    EXPECT_EQ(refused(request()).code, "in_maintenance");
}

}  // namespace
}  // namespace switchyard::control::testing
