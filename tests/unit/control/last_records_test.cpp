// Ends of changes that the store does not take: kept, shown, and written later.
#include "control/last_records.hpp"

#include "control/status.hpp"
#include "remote_script.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::control::testing {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

class UnwrittenEnd : public ::testing::Test {
  protected:
    /// A deploy whose every step was written but the last one; the store still fails.
    std::shared_ptr<DeployJob> deploy_without_end() {
        house.start();
        house.health.set("green:1", route::Health::unhealthy, "connection refused");
        const auto job = house.begin_deploy(DeployHouse::request());
        house.until_stage(job, DeployStage::healthy);
        fail(&Disk::fail_progress, true);
        house.health.set("green:1", route::Health::healthy);
        EXPECT_EQ(text(house.finish(job), "outcome"), "deployed");
        EXPECT_FALSE(job->result.at("history_written").as_bool());
        EXPECT_EQ(house.entry_of(*job).outcome, "running");
        return job;
    }
    void fail(std::atomic<bool> Disk::*what, bool fails) {
        const std::lock_guard lock(house.disk->mutex);
        (*house.disk).*what = fails;
    }
    state::HistoryEntry told(std::int64_t id) {
        state::HistoryEntry found;
        const auto ask = [](Controller& controller, std::int64_t wanted,
                            state::HistoryEntry& into) -> boost::asio::awaitable<void> {
            const auto entries = co_await controller.history("", 100);
            for (const state::HistoryEntry& entry : entries.value()) {
                if (entry.id == wanted) into = entry;
            }
        };
        house.run(ask(*house.controller, id, found));
        return found;
    }
    json::array unwritten() const {
        return status_json(*house.controller, "").at("history_unwritten").as_array();
    }

    DeployHouse house;
};

TEST_F(UnwrittenEnd, IsShownAsItWasWithANote) {
    house.tuning.records = {1h, 1h};
    const auto job = deploy_without_end();
    const state::HistoryEntry entry = told(job->history_id);
    EXPECT_EQ(entry.outcome, "deployed");
    EXPECT_THAT(entry.unwritten, HasSubstr("no space left"));
    EXPECT_THAT(text(history_json(entry), "unwritten"), HasSubstr("no space left"));
    ASSERT_EQ(unwritten().size(), 1U);
    const json::object record = unwritten().at(0).as_object();
    EXPECT_EQ(number(record, "history_id"), job->history_id);
    EXPECT_EQ(text(record, "action"), "deploy");
    EXPECT_EQ(text(record, "outcome"), "deployed");
    EXPECT_THAT(text(record, "error"), HasSubstr("no space left"));
    EXPECT_EQ(scrape(*house.controller).history_unwritten, 1U);
    const json::object service =
        service_json(*house.controller, *house.publisher.current->services.at(0));
    EXPECT_EQ(service.at("history_unwritten").as_array().size(), 1U);
    // What the slot holds is known as well: nobody needs --force to go there.
    EXPECT_TRUE(service.at("slots").at("green").at("release").at("complete").as_bool());
    EXPECT_EQ(text(house.change(switch_to(Colour::green)).front(), "event"), "committed");
}

TEST_F(UnwrittenEnd, IsWrittenWhenTheStoreWorksAgain) {
    house.tuning.records = {2ms, 10ms};
    const auto job = deploy_without_end();
    EXPECT_FALSE(house.disk->records["app"].releases[1]->complete);
    fail(&Disk::fail_progress, false);
    house.run_until([&] { return house.entry_of(*job).outcome == "deployed"; });
    house.run_until([&] { return house.controller->unwritten().empty(); });
    EXPECT_TRUE(house.disk->records["app"].releases[1]->complete);
    EXPECT_EQ(told(job->history_id).unwritten, "");
    EXPECT_TRUE(unwritten().empty());
}

TEST_F(UnwrittenEnd, IsWrittenAfterTheNextWriteThatWorks) {
    house.tuning.records = {1h, 1h};
    const auto job = deploy_without_end();
    fail(&Disk::fail_progress, false);
    ChangeRequest refused = switch_to(Colour::blue);
    EXPECT_EQ(house.refused(refused).code, "already_live");  // which becomes a line of the history
    house.run_until([&] { return house.entry_of(*job).outcome == "deployed"; });
}

TEST_F(UnwrittenEnd, IsWrittenAtTheStop) {
    house.tuning.records = {1h, 1h};
    const auto job = deploy_without_end();
    fail(&Disk::fail_progress, false);
    house.run(house.controller->stop());
    EXPECT_EQ(house.entry_of(*job).outcome, "deployed");
}

TEST_F(UnwrittenEnd, OfADrainIsWrittenLaterToo) {
    house.tuning.records = {1h, 1h};
    house.start();
    fail(&Disk::fail_finish, true);
    const auto lines = house.change(switch_to(Colour::green));
    const std::int64_t id = number(lines.front(), "history_id");
    house.run_until([&] { return !house.controller->unwritten().empty(); });
    EXPECT_EQ(house.disk->entry(id).outcome, "committed");
    EXPECT_EQ(told(id).outcome, "drained");
    EXPECT_THAT(told(id).receipt, HasSubstr("\"completed\":0"));
    EXPECT_EQ(text(unwritten().at(0).as_object(), "action"), "switch");
    fail(&Disk::fail_finish, false);
    house.change(switch_to(Colour::blue));
    house.run_until([&] { return house.disk->entry(id).outcome == "drained"; });
}

TEST_F(UnwrittenEnd, WhatACrashLeftIsToldAndWrittenLater) {
    house.tuning.records = {2ms, 10ms};
    state::HistoryEntry entry;
    entry.id = 1;
    entry.service = "app";
    entry.action = "deploy";
    entry.outcome = "running";
    house.disk->history.push_back(entry);
    house.disk->fail_finish = true;
    house.start();
    EXPECT_EQ(house.disk->entry(1).outcome, "running");
    EXPECT_EQ(told(1).outcome, "interrupted");
    fail(&Disk::fail_finish, false);
    house.run_until([&] { return house.disk->entry(1).outcome == "interrupted"; });
}

TEST_F(UnwrittenEnd, AnInternalErrorIsAnEndAsWell) {
    config::Service service = DeployHouse::deployable("app");
    service.deploy->after_switch = config::Hook{config::Hook::Where::local, "after", 1min};
    DeployHouse own(make_config({service}));
    own.start();
    own.hosts.acts["after"].hold = true;
    const auto job = own.begin_deploy(DeployHouse::request(true));
    own.until_stage(job, DeployStage::after_switch);
    own.ip.broken = true;
    own.hosts.release();
    own.run_until([&] { return job->over(); });
    own.ip.broken = false;
    const state::HistoryEntry entry = own.entry_of(*job);
    EXPECT_EQ(entry.outcome, "interrupted");
    EXPECT_THAT(entry.detail, HasSubstr("internal error ended it in the stage reserved_ip"));
    EXPECT_THAT(entry.detail, HasSubstr("Slot green is live"));
    EXPECT_EQ(text(own.deploy(DeployHouse::request()), "outcome"), "deployed");
}

TEST(LastRecordsTest, ALaterDeployIsNotOverwritten) {
    boost::asio::io_context context;
    const auto disk = std::make_shared<Disk>();
    StoreThread store(make_store(disk, std::make_shared<Journal>()));
    LastRecords records(context.get_executor(), store, {1h, 1h});
    const auto deploy_of = [&](std::int64_t id, const std::string& version) {
        state::HistoryEntry entry;
        entry.id = id;
        entry.outcome = "running";
        disk->history.push_back(entry);
        LastRecord record;
        record.id = id;
        record.service = "app";
        record.outcome = "deployed";
        record.holds = state::SlotRelease{"app", Colour::green, state::Release{version, {}, true}};
        return record;
    };
    records.keep(deploy_of(1, "v1"), Error("no space left on device"));
    const auto all = [](LastRecords& to, LastRecord record) -> boost::asio::awaitable<void> {
        const auto written = co_await to.write(std::move(record));
        EXPECT_TRUE(written.has_value());
        co_await to.write_rest();
    };
    boost::asio::co_spawn(context, all(records, deploy_of(2, "v2")), boost::asio::detached);
    context.run();
    EXPECT_EQ(disk->entry(1).outcome, "deployed");
    EXPECT_EQ(disk->entry(2).outcome, "deployed");
    EXPECT_EQ(disk->records["app"].releases[1]->version, "v2");
    EXPECT_TRUE(records.waiting().empty());
}

}  // namespace
}  // namespace switchyard::control::testing
