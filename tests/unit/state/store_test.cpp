#include "state/store.hpp"

#include "unit/state/fixture.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <sqlite3.h>

namespace switchyard::state {
namespace {

TEST_F(StoreTest, StartsEmptyInAFileThatOthersCannotRead) {
    auto store = open();
    EXPECT_TRUE(store->services().value().empty());
    EXPECT_TRUE(store->history("", 10).value().empty());
    struct stat info {};
    ASSERT_EQ(::stat(file.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600U);
    EXPECT_FALSE(std::filesystem::exists(file + ".new"));
}

TEST_F(StoreTest, KeepsEverythingAcrossReopen) {
    const ServiceRecord first = record(Colour::green, 2);
    ServiceRecord never_switched;
    never_switched.live_since = WallTime(7ns);
    {
        auto store = open();
        ASSERT_TRUE(store->commit_all({{"a", never_switched}, {"b", record(Colour::blue, 9)}},
                                      HistoryEntry{}));
        ASSERT_TRUE(store->commit("b", first, entry("b", 2)));
    }
    auto store = open();
    const auto services = store->services().value();
    ASSERT_EQ(services.size(), 2U);
    EXPECT_EQ(services.at("a"), never_switched);
    EXPECT_EQ(services.at("b"), first);

    const auto history = store->history("b", 10).value();
    ASSERT_EQ(history.size(), 1U);
    const HistoryEntry expected = entry("b", 2);
    EXPECT_EQ(history[0].at, expected.at);
    EXPECT_EQ(history[0].service, "b");
    EXPECT_EQ(history[0].action, "switch");
    EXPECT_EQ(history[0].uid, expected.uid);
    EXPECT_EQ(history[0].user, "deploy");
    EXPECT_EQ(history[0].from, Colour::blue);
    EXPECT_EQ(history[0].to, Colour::green);
    EXPECT_EQ(history[0].epoch, 2U);
    EXPECT_EQ(history[0].detail, "a remark");
    EXPECT_EQ(history[0].receipt, expected.receipt);
}

TEST_F(StoreTest, HistoryIsNewestFirstPerServiceAndLimited) {
    auto store = open();
    for (std::uint64_t epoch = 1; epoch <= 5; ++epoch) {
        ASSERT_TRUE(store->append(entry(epoch % 2 == 0 ? "even" : "odd", epoch)));
    }
    const auto all = store->history("", 3).value();
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[0].epoch, 5U);
    EXPECT_EQ(all[2].epoch, 3U);
    EXPECT_GT(all[0].id, all[1].id);
    const auto even = store->history("even", 10).value();
    ASSERT_EQ(even.size(), 2U);
    EXPECT_EQ(even[0].epoch, 4U);
    EXPECT_TRUE(store->history("none", 10).value().empty());
}

TEST_F(StoreTest, FinishCompletesAnEntryAndRefusesAnUnknownOne) {
    auto store = open();
    const auto id = store->commit("a", record(Colour::green, 2), entry("a", 2)).value();
    ASSERT_TRUE(store->finish(id, "drained", "slowly", "{}"));
    const auto history = store->history("a", 1).value();
    EXPECT_EQ(history[0].outcome, "drained");
    EXPECT_EQ(history[0].detail, "slowly");
    EXPECT_EQ(history[0].receipt, "{}");
    EXPECT_FALSE(store->finish(id + 1, "drained", "", ""));
}

TEST_F(StoreTest, MarksOnlyUnfinishedDrainsAsInterrupted) {
    {
        auto store = open();
        ASSERT_TRUE(store->commit("a", record(Colour::green, 2), entry("a", 2)));
        HistoryEntry ended = entry("a", 3);
        ended.outcome = "drained";
        ASSERT_TRUE(store->append(ended));
        HistoryEntry reload;
        reload.action = "reload";
        reload.outcome = "committed";
        ASSERT_TRUE(store->append(reload));
    }
    const auto history = open()->history("", 10).value();
    ASSERT_EQ(history.size(), 3U);
    EXPECT_EQ(history[0].outcome, "committed");
    EXPECT_EQ(history[1].outcome, "drained");
    EXPECT_EQ(history[2].outcome, "interrupted");
}

TEST_F(StoreTest, KeepsTheNewestTenThousandChangesAndAThousandRefusals) {
    auto store = open();
    ASSERT_TRUE(store->append(entry("first", 1)));
    // So many synced commits would take minutes on a slow disk: another connection writes them.
    sqlite3* other_connection = nullptr;
    ASSERT_EQ(sqlite3_open(file.c_str(), &other_connection), SQLITE_OK);
    const auto run = [&](const char* sql) {
        ASSERT_EQ(sqlite3_exec(other_connection, sql, nullptr, nullptr, nullptr), SQLITE_OK)
            << sqlite3_errmsg(other_connection);
    };
    const auto copies = [](const char* service, const char* outcome, int count) {
        return "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
               std::to_string(count) +
               ") INSERT INTO history (at_ns, service, action, uid, user, epoch, outcome, detail, "
               "receipt) SELECT 0, '" +
               service + "', 'switch', 0, '', 1, '" + outcome + "', '', '' FROM n";
    };
    const auto append_some = [&] {  // It looks now and then only.
        for (int i = 0; i < 64; ++i)
            ASSERT_TRUE(store->append(entry("new", 3)));
    };
    run(copies("script", "refused", 30'000).c_str());
    append_some();
    EXPECT_EQ(store->history("script", 50'000).value().size(), 1'000U);
    EXPECT_EQ(store->history("first", 10).value().size(), 1U) << "refusals pushed it out";

    run(copies("app", "drained", 12'000).c_str());
    append_some();
    sqlite3_close(other_connection);
    EXPECT_TRUE(store->history("first", 10).value().empty());
    EXPECT_EQ(store->history("script", 50'000).value().size(), 1'000U);
    EXPECT_LE(store->history("app", 50'000).value().size(), 10'000U);
    EXPECT_EQ(store->history("new", 1'000).value().size(), 64U) << "the newest ones stay";
}

TEST_F(StoreTest, C04_WhatCommitReturnedForSurvivesAKill) {
    const int status = in_child([this] {
        auto store = Store::open(file);
        if (!store) return 1;
        if (!(*store)->commit("a", record(Colour::green, 2), entry("a", 2))) return 2;
        ::kill(::getpid(), SIGKILL);
        return 3;
    });
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
    ASSERT_TRUE(std::filesystem::exists(file + "-wal")) << "the log was not needed: no test";
    auto store = open();
    EXPECT_EQ(store->services().value().at("a"), record(Colour::green, 2));
    EXPECT_EQ(store->history("a", 10).value().at(0).outcome, "interrupted");
}

/// A disk that takes no more bytes: what was refused must not come to life later.
TEST_F(StoreTest, C04_AFailedWriteChangesNothingAndTheNextOneWorks) {
    const int status = in_child([this] {
        auto opened = Store::open(file);
        if (!opened) return 1;
        Store& store = **opened;
        if (!store.commit("a", record(Colour::blue, 1), entry("a", 1))) return 2;
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit old{RLIM_INFINITY, RLIM_INFINITY};
        const rlimit full{std::filesystem::file_size(file + "-wal"), RLIM_INFINITY};
        if (::setrlimit(RLIMIT_FSIZE, &full) != 0) return 3;
        if (store.commit("a", record(Colour::green, 2), entry("a", 2))) return 4;
        if (store.services().value().at("a").epoch != 1) return 5;
        if (::setrlimit(RLIMIT_FSIZE, &old) != 0) return 6;
        if (!store.commit("b", record(Colour::green, 5), entry("b", 5))) return 7;
        ::kill(::getpid(), SIGKILL);
        return 8;
    });
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
    auto store = open();
    EXPECT_EQ(store->services().value().at("a").epoch, 1U);
    EXPECT_EQ(store->services().value().at("b").epoch, 5U);
    EXPECT_EQ(store->history("", 10).value().size(), 2U);
}

TEST_F(StoreTest, WaitsNotForeverForAnotherProgramsWrite) {
    auto store = open();
    sqlite3* shell = nullptr;
    ASSERT_EQ(sqlite3_open(file.c_str(), &shell), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(shell, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
    const auto refused = store->append(entry("a", 1));
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("Another program holds it"), std::string::npos);
    sqlite3_close(shell);
    EXPECT_TRUE(store->append(entry("a", 1)));
}

TEST_F(StoreTest, ACanaryIsWrittenWithItsRecordAndEndsWithIt) {
    ServiceRecord written = record(Colour::blue, 5);
    written.canary = Canary{
        Colour::green,  500,     WallTime(1'700'000'000'123'456'789ns), 4, WallTime(9ns), "secret",
        4'000'000'000U, "deploy"};
    {
        auto store = open();
        ASSERT_TRUE(store->commit("app", written, entry("app", 5)));
        ASSERT_TRUE(store->commit("other", record(Colour::blue, 1), HistoryEntry{}));
    }
    auto store = open();
    EXPECT_EQ(store->services().value().at("app"), written);
    EXPECT_FALSE(store->services().value().at("other").canary);
    written.canary->share = 10'000;
    ASSERT_TRUE(store->commit("app", written, HistoryEntry{}));
    EXPECT_EQ(store->services().value().at("app"), written);
    // What no reader could make sense of is not written, and the rest of it neither.
    ServiceRecord wrong = written;
    wrong.epoch = 9;
    wrong.canary->share = 10'001;
    EXPECT_FALSE(store->commit("app", wrong, HistoryEntry{}));
    EXPECT_EQ(store->services().value().at("app"), written);
    // A switch writes a record without one.
    ASSERT_TRUE(store->commit("app", record(Colour::green, 6), HistoryEntry{}));
    EXPECT_FALSE(store->services().value().at("app").canary);
}

}  // namespace
}  // namespace switchyard::state
