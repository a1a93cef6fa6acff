#include "state/schema.hpp"
#include "unit/state/fixture.hpp"

#include <sqlite3.h>

/// A state file of an earlier Switchyard goes on, with everything that it holds.
namespace switchyard::state {
namespace {

/// What version 0.1.0 made and wrote, word for word: never to be changed with the schema.
constexpr const char* kSchema1 = R"sql(
    BEGIN IMMEDIATE;
    CREATE TABLE services (
        name TEXT PRIMARY KEY,
        live TEXT NOT NULL CHECK (live IN ('blue', 'green')),
        epoch INTEGER NOT NULL CHECK (epoch >= 1),
        live_since_ns INTEGER NOT NULL,
        previous TEXT CHECK (previous IN ('blue', 'green'))
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE history (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at_ns INTEGER NOT NULL,
        service TEXT NOT NULL,
        action TEXT NOT NULL,
        uid INTEGER NOT NULL,
        user TEXT NOT NULL,
        from_slot TEXT CHECK (from_slot IN ('blue', 'green')),
        to_slot TEXT CHECK (to_slot IN ('blue', 'green')),
        epoch INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        detail TEXT NOT NULL,
        receipt TEXT NOT NULL
    ) STRICT;
    CREATE INDEX history_of_service ON history (service, id);
    PRAGMA application_id=1398233412;
    PRAGMA user_version=1;
    COMMIT;
    PRAGMA journal_mode=WAL;
    INSERT INTO services VALUES ('app', 'green', 7, 1700000000123456789, 'blue');
    INSERT INTO history (at_ns, service, action, uid, user, from_slot, to_slot, epoch, outcome,
                         detail, receipt)
        VALUES (1700000000500000000, 'app', 'switch', 1000, 'deploy', 'blue', 'green', 7,
                'drained', 'slowly', '{"epoch":7}'),
               (1700000000600000000, 'app', 'rollback', 0, 'root', 'green', 'blue', 8,
                'committed', '', '');
)sql";

class MigrationTest : public StoreTest {
  protected:
    void make_old_file() {
        run_sql(kSchema1);
        ASSERT_EQ(value("PRAGMA user_version"), "1");
    }
    void run_sql(const char* sql) {
        sqlite3* database = nullptr;
        ASSERT_EQ(sqlite3_open(file.c_str(), &database), SQLITE_OK);
        EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK)
            << sqlite3_errmsg(database);
        sqlite3_close(database);
    }
    std::string value(const char* sql) {
        auto database = Database::open(file);
        return database ? database->value(sql).value() : database.error().message;
    }
};

TEST_F(MigrationTest, AFileOfSchema1GoesOnWithEverythingInIt) {
    make_old_file();
    {
        auto store = open();
        ASSERT_NE(store, nullptr);
        ServiceRecord expected;
        expected.live = Colour::green;
        expected.epoch = 7;
        expected.live_since = WallTime(1'700'000'000'123'456'789ns);
        expected.previous = Colour::blue;
        EXPECT_EQ(store->services().value().at("app"), expected);
        const auto history = store->history("", 10).value();
        ASSERT_EQ(history.size(), 2U);
        EXPECT_EQ(history[0].outcome, "interrupted");
        EXPECT_EQ(history[1].detail, "slowly");
        EXPECT_EQ(history[1].receipt, R"({"epoch":7})");
        EXPECT_EQ(history[1].version, "");
        EXPECT_TRUE(store->unfinished().value().empty());

        HistoryEntry deploy = entry("app", 7);
        deploy.action = "deploy";
        deploy.outcome = "running";
        deploy.version = "v42";
        const auto id = store->append(deploy).value();
        const Release release{"v42", WallTime(9ns), true};
        ASSERT_TRUE(store->progress(id, "deployed", "", "{}", {"app", Colour::blue, release}));
    }
    EXPECT_EQ(value("PRAGMA user_version"), std::to_string(kSchemaVersion));
    auto store = open();  // and once more, as a file of this version
    EXPECT_EQ(store->services().value().at("app").releases[0]->version, "v42");
    EXPECT_EQ(store->history("app", 1).value()[0].version, "v42");
}

TEST_F(MigrationTest, AFileOfSchema2GetsMaintenanceAndKeepsItsReleases) {
    make_old_file();
    run_sql(
        "CREATE TABLE releases (service TEXT NOT NULL,"
        " slot TEXT NOT NULL CHECK (slot IN ('blue', 'green')), version TEXT NOT NULL,"
        " deployed_at_ns INTEGER NOT NULL, complete INTEGER NOT NULL CHECK (complete IN (0, 1)),"
        " PRIMARY KEY (service, slot)) STRICT, WITHOUT ROWID;"
        "ALTER TABLE history ADD COLUMN version TEXT NOT NULL DEFAULT '';"
        "INSERT INTO releases VALUES ('app', 'blue', 'v7', 9, 1); PRAGMA user_version=2;");
    auto store = open();
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(store->services().value().at("app").releases[0]->version, "v7");
    EXPECT_TRUE(store->maintenance().value().empty());
    EXPECT_TRUE(store->set_maintenance("app", Maintenance{}, HistoryEntry{}));
    store.reset();
    EXPECT_EQ(value("PRAGMA user_version"), std::to_string(kSchemaVersion));
}

TEST_F(MigrationTest, AFileOfSchema3HasNoCanaryAndCanGetOne) {
    make_old_file();
    run_sql(
        "CREATE TABLE releases (service TEXT NOT NULL,"
        " slot TEXT NOT NULL CHECK (slot IN ('blue', 'green')), version TEXT NOT NULL,"
        " deployed_at_ns INTEGER NOT NULL, complete INTEGER NOT NULL CHECK (complete IN (0, 1)),"
        " PRIMARY KEY (service, slot)) STRICT, WITHOUT ROWID;"
        "ALTER TABLE history ADD COLUMN version TEXT NOT NULL DEFAULT '';"
        "CREATE TABLE maintenance (service TEXT PRIMARY KEY, since_ns INTEGER NOT NULL,"
        " message TEXT NOT NULL, retry_after_s INTEGER NOT NULL CHECK (retry_after_s >= 0),"
        " uid INTEGER NOT NULL, user TEXT NOT NULL) STRICT, WITHOUT ROWID;"
        "INSERT INTO maintenance VALUES ('app', 5, 'soon', 60, 1000, 'deploy');"
        "PRAGMA user_version=3;");
    auto store = open();
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(store->maintenance().value().at("app").message, "soon");
    ServiceRecord record = store->services().value().at("app");
    EXPECT_FALSE(record.canary);
    record.canary = Canary{Colour::blue, 500, WallTime(1ns), 8, WallTime(2ns), "s", 1, "me"};
    ASSERT_TRUE(store->commit("app", record, HistoryEntry{}));
    EXPECT_EQ(store->services().value().at("app"), record);
}

TEST_F(MigrationTest, AMigratedFileHasTheTablesOfANewOne) {
    const char* tables =
        "SELECT group_concat(name || ':' || type || ':' || \"notnull\") FROM"
        " (SELECT * FROM pragma_table_info('history') UNION ALL"
        "  SELECT * FROM pragma_table_info('maintenance') UNION ALL"
        "  SELECT * FROM pragma_table_info('canaries') UNION ALL"
        "  SELECT * FROM pragma_table_info('releases') UNION ALL"
        "  SELECT * FROM pragma_table_info('services'))";
    make_old_file();
    open().reset();
    const std::string migrated = value(tables);
    std::filesystem::remove(file);
    open().reset();
    EXPECT_EQ(value(tables), migrated);
    EXPECT_NE(migrated.find("deployed_at_ns"), std::string::npos);
}

TEST_F(MigrationTest, AFailedMigrationLeavesTheFileAsItWas) {
    make_old_file();
    run_sql("CREATE TABLE releases (mine)");  // Something that the step stumbles over.
    EXPECT_NE(refusal().find("from schema 1 to 4, it is as it was"), std::string::npos);
    EXPECT_EQ(value("PRAGMA user_version"), "1");
    EXPECT_EQ(value("SELECT count(*) FROM history"), "2");
    EXPECT_EQ(value("SELECT count(*) FROM pragma_table_info('history') WHERE name = 'version'"),
              "0");
}

TEST_F(StoreTest, MaintenanceStaysThroughSwitchesUntilItIsEnded) {
    Maintenance soon{WallTime(1'700'000'000'123'456'789ns), "soon", 90, 1000, "deploy"};
    {
        auto store = open();
        ASSERT_TRUE(store->commit("app", record(Colour::blue, 1), HistoryEntry{}));
        EXPECT_TRUE(store->maintenance().value().empty());
        HistoryEntry on = entry("app", 1);
        on.action = "maintenance on";
        const auto id = store->set_maintenance("app", soon, on);
        ASSERT_TRUE(id);
        EXPECT_EQ(store->history("app", 1).value()[0].id, *id);
        ASSERT_TRUE(store->set_maintenance("gone", Maintenance{}, HistoryEntry{}));
        ASSERT_TRUE(store->commit("app", record(Colour::green, 2), HistoryEntry{}));
    }
    auto store = open();
    EXPECT_EQ(store->maintenance().value().at("app"), soon);
    soon.message = "later";
    ASSERT_TRUE(store->set_maintenance("app", soon, HistoryEntry{}));
    EXPECT_EQ(store->maintenance().value().at("app"), soon);
    ASSERT_TRUE(store->set_maintenance("app", std::nullopt, HistoryEntry{}));
    EXPECT_FALSE(store->maintenance().value().contains("app"));
    EXPECT_TRUE(store->maintenance().value().contains("gone"));
    EXPECT_EQ(store->services().value().at("app").live, Colour::green);
}

TEST_F(StoreTest, AHoldThatACrashEndedIsInterrupted) {
    {
        auto store = open();
        HistoryEntry hold = entry("app", 1);
        hold.action = "hold";
        hold.to.reset();
        hold.outcome = "holding";
        ASSERT_TRUE(store->append(hold));
    }
    EXPECT_EQ(open()->history("app", 1).value()[0].outcome, "interrupted");
}

TEST_F(StoreTest, ProgressWritesEntryAndReleaseTogetherOrNothing) {
    auto store = open();
    ASSERT_TRUE(store->commit("app", record(Colour::blue, 1), HistoryEntry{}));
    HistoryEntry deploy = entry("app", 1);
    deploy.outcome = "running";
    const auto id = store->append(deploy).value();
    const Release first{"v1", WallTime(5ns), false};
    ASSERT_TRUE(store->progress(id, "running", "", "{}", {"app", Colour::green, first}));
    EXPECT_EQ(store->services().value().at("app").releases[1], first);
    EXPECT_FALSE(store->services().value().at("app").releases[0]);

    const Release second{"v2", WallTime(6ns), true};
    EXPECT_FALSE(store->progress(id + 100, "deployed", "", "", {"app", Colour::green, second}));
    EXPECT_EQ(store->services().value().at("app").releases[1], first);
    // A switch moves no release.
    ASSERT_TRUE(store->commit("app", record(Colour::green, 2), HistoryEntry{}));
    EXPECT_EQ(store->services().value().at("app").releases[1], first);
    ASSERT_TRUE(store->progress(id, "cancelled", "", "", {"app", Colour::green, std::nullopt}));
    EXPECT_FALSE(store->services().value().at("app").releases[1]);
}

TEST_F(StoreTest, UnfinishedDeploysAreFoundAfterACrashOldestFirst) {
    {
        auto store = open();
        for (const char* outcome : {"running", "deployed", "running", "refused"}) {
            HistoryEntry deploy = entry("app", 1);
            deploy.outcome = outcome;
            deploy.action = "deploy";
            ASSERT_TRUE(store->append(deploy));
        }
    }
    auto store = open();
    const auto found = store->unfinished().value();
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].id, 1);
    EXPECT_EQ(found[1].id, 3);
    ASSERT_TRUE(store->finish(1, "interrupted", "", ""));
    EXPECT_EQ(store->unfinished().value().size(), 1U);
}

}  // namespace
}  // namespace switchyard::state
