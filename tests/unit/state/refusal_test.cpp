#include "unit/state/fixture.hpp"

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <sqlite3.h>

/// What Store::open refuses, and that it says how to go on and leaves the file as it was.
namespace switchyard::state {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

void run_sql(const std::string& file, const char* sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(file.c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database);
    sqlite3_close(database);
}

TEST_F(StoreTest, RefusesAFileThatIsNoDatabase) {
    write_file("services:\n  scoreboard: blue\n");
    EXPECT_THAT(refusal(),
                AllOf(HasSubstr(file), HasSubstr("not a state file"), HasSubstr("'state'")));
    EXPECT_EQ(read_file(), "services:\n  scoreboard: blue\n");
}

TEST_F(StoreTest, RefusesAnEmptyFileInsteadOfStartingFromNothing) {
    write_file("");
    EXPECT_THAT(refusal(), AllOf(HasSubstr("is empty"), HasSubstr("restore a backup")));
    EXPECT_EQ(read_file(), "");
}

TEST_F(StoreTest, RefusesAnotherApplicationsDatabaseUntouched) {
    run_sql(file,
            "PRAGMA journal_mode=WAL; CREATE TABLE users (name); INSERT INTO users VALUES (1)");
    const std::string before = read_file();
    EXPECT_THAT(refusal(), HasSubstr("database of another application"));
    EXPECT_EQ(read_file(), before);
}

TEST_F(StoreTest, RefusesANewerSchema) {
    open().reset();
    run_sql(file, "PRAGMA user_version=99");
    EXPECT_THAT(refusal(), AllOf(HasSubstr("schema 99"), HasSubstr("newer switchyardd")));
}

TEST_F(StoreTest, RefusesADamagedPage) {
    {
        auto store = open();
        for (std::uint64_t epoch = 1; epoch < 40; ++epoch) {
            HistoryEntry made = entry("a", epoch);
            made.detail = std::string(500, 'x');
            ASSERT_TRUE(store->append(made));
        }
    }
    std::string bytes = read_file();
    ASSERT_GT(bytes.size(), 5U * 4096U);
    for (std::size_t page = 2; page < 5; ++page) {
        for (std::size_t i = 0; i < 64; ++i)
            bytes[page * 4096 + i] = '\x5a';
    }
    write_file(bytes);
    EXPECT_THAT(refusal(), AllOf(HasSubstr("is damaged"), HasSubstr("restore a backup"),
                                 HasSubstr("which one is really live")));
}

TEST_F(StoreTest, RefusesAFileThatWasCutShort) {
    { ASSERT_TRUE(open()->append(entry("a", 1))); }
    const std::string bytes = read_file();
    for (const std::size_t length : {std::size_t{10}, std::size_t{60}, std::size_t{4096}}) {
        write_file(bytes.substr(0, length));
        EXPECT_NE(refusal(), "") << length;
    }
}

TEST_F(StoreTest, RefusesAMissingFileWhoseLogIsStillThere) {
    std::ofstream(file + "-wal") << "the last changes";
    EXPECT_THAT(refusal(), AllOf(HasSubstr("is missing, but"), HasSubstr("-wal")));
    EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(StoreTest, RefusesAMissingFolderByName) {
    file = (folder / "no" / "state.db").string();
    EXPECT_THAT(refusal(), HasSubstr("Create the folder " + (folder / "no").string()));
}

TEST_F(StoreTest, RefusesAFolderInPlaceOfTheFile) {
    std::filesystem::create_directory(file);
    EXPECT_THAT(refusal(), HasSubstr(file));
}

/// As an ordinary user: root may write anywhere.
int refused_as_nobody(const std::string& file, const std::string& expected) {
    if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) return 1;
    const auto store = Store::open(file);
    if (store) return 2;
    return store.error().message.find(expected) != std::string::npos ? 0 : 3;
}

TEST_F(StoreTest, RefusesAReadOnlyFolder) {
    ASSERT_EQ(::chmod(folder.c_str(), 0555), 0);
    const int status = in_child([this] {
        return refused_as_nobody(file, "Give the user that runs switchyardd the right");
    });
    ::chmod(folder.c_str(), 0755);
    EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

TEST_F(StoreTest, RefusesAReadOnlyFile) {
    open().reset();
    ASSERT_EQ(::chmod(folder.c_str(), 0777), 0);
    ASSERT_EQ(::chmod(file.c_str(), 0444), 0);
    std::filesystem::remove(file + ".lock");
    const int status = in_child([this] {
        return refused_as_nobody(file, "Give the user that runs switchyardd the right");
    });
    EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

TEST_F(StoreTest, RemovesAHalfMadeFileOfACrashAndStarts) {
    std::ofstream(file + ".new") << "half";
    EXPECT_NE(open(), nullptr);
    EXPECT_FALSE(std::filesystem::exists(file + ".new"));
}

}  // namespace
}  // namespace switchyard::state
