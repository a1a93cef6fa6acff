#include "state/schema.hpp"

#include "state/file.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <fcntl.h>
#include <string_view>
#include <unistd.h>

namespace switchyard::state {

namespace {

/// Schema 1. A new file is made by the same steps as an old one is brought forward.
constexpr const char* kFirstTables = R"sql(
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
)sql";

/// Schema 2: what deploys left in the slots. Never change a step that was released: add one.
constexpr const char* kReleases = R"sql(
    CREATE TABLE releases (
        service TEXT NOT NULL,
        slot TEXT NOT NULL CHECK (slot IN ('blue', 'green')),
        version TEXT NOT NULL,
        deployed_at_ns INTEGER NOT NULL,
        complete INTEGER NOT NULL CHECK (complete IN (0, 1)),
        PRIMARY KEY (service, slot)
    ) STRICT, WITHOUT ROWID;
    ALTER TABLE history ADD COLUMN version TEXT NOT NULL DEFAULT '';
)sql";

/// Schema 3: the services that are under maintenance; who is not here is not.
constexpr const char* kMaintenance = R"sql(
    CREATE TABLE maintenance (
        service TEXT PRIMARY KEY,
        since_ns INTEGER NOT NULL,
        message TEXT NOT NULL,
        retry_after_s INTEGER NOT NULL CHECK (retry_after_s >= 0),
        uid INTEGER NOT NULL,
        user TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
)sql";

/// Schema 4: the canaries that run; who is not here has none.
constexpr const char* kCanaries = R"sql(
    CREATE TABLE canaries (
        service TEXT PRIMARY KEY,
        slot TEXT NOT NULL CHECK (slot IN ('blue', 'green')),
        share INTEGER NOT NULL CHECK (share BETWEEN 1 AND 10000),
        share_since_ns INTEGER NOT NULL,
        run INTEGER NOT NULL CHECK (run >= 1),
        since_ns INTEGER NOT NULL,
        secret TEXT NOT NULL,
        uid INTEGER NOT NULL,
        user TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
)sql";

/// The step at index N leads from schema N to N + 1.
constexpr std::array kSteps{kFirstTables, kReleases, kMaintenance, kCanaries};
static_assert(kSteps.size() == kSchemaVersion);

/// A transaction of all steps behind `version`.
std::string steps_from(std::size_t version) {
    std::string sql = "BEGIN IMMEDIATE;";
    for (std::size_t i = version; i < kSteps.size(); ++i)
        sql += kSteps[i];
    return sql + "PRAGMA user_version=" + std::to_string(kSchemaVersion) + ";";
}

constexpr std::string_view kMagic("SQLite format 3\0", 16);
constexpr std::size_t kHeaderBytes = 100;  // https://www.sqlite.org/fileformat2.html §1.3
constexpr std::size_t kApplicationIdOffset = 68;

std::string way_on(const std::string& file) {
    return " Move it aside and restore a backup, or start without a state file: then every "
           "service begins with the slot that the configuration names, so find out first which "
           "one is really live. (mv " +
           file + " " + file + ".damaged)";
}

/// Reads the header without SQLite, so that nothing of a foreign file is touched.
Result<void> check_header(const std::string& file) {
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return file_error(file, "cannot be opened", errno);
    std::array<char, kHeaderBytes> header{};
    const ssize_t got = ::read(fd, header.data(), header.size());
    const int failed = errno;
    ::close(fd);
    if (got < 0) return file_error(file, "cannot be read", failed);
    const std::string_view bytes(header.data(), static_cast<std::size_t>(got));
    if (bytes.empty()) {
        return Error(file + " is empty, which no state file ever is: it is damaged." +
                     way_on(file));
    }
    if (!bytes.starts_with(kMagic.substr(0, bytes.size())) || bytes.size() < kMagic.size()) {
        return Error(file +
                     " is not a state file of Switchyard (not even a SQLite database). Correct "
                     "'state' in the configuration." +
                     " If it once was one, it is damaged." + way_on(file));
    }
    if (bytes.size() < kHeaderBytes) {
        return Error(file + " is cut short: it is damaged." + way_on(file));
    }
    std::uint32_t id = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        id = (id << 8) | static_cast<unsigned char>(bytes[kApplicationIdOffset + i]);
    }
    if (id != kApplicationId) {
        return Error(file +
                     " is a database of another application. It was not touched. Correct 'state' "
                     "in the configuration, or move the file aside.");
    }
    return {};
}

/// The schema of the file, if it is one that we know.
Result<std::size_t> check_version(Database& database) {
    const auto text = database.value("PRAGMA user_version");
    if (!text) return text.error();
    std::int64_t version = 0;
    std::from_chars(text->data(), text->data() + text->size(), version);
    if (version < 1 || version > kSchemaVersion) {
        return Error(database.file() + " was written by another version of Switchyard (schema " +
                     *text + "; this one, " SWITCHYARD_VERSION ", knows " +
                     std::to_string(kSchemaVersion) +
                     "). Start the newer switchyardd again, or restore the backup from before the "
                     "upgrade.");
    }
    return static_cast<std::size_t>(version);
}

Result<void> bring_forward(Database& database, std::size_t version) {
    if (version == kSteps.size()) return {};
    const std::string sql = steps_from(version) + "COMMIT;";
    auto ran = database.run(sql.c_str());
    if (ran) return ran;
    const Error failed = ran.error();
    (void)database.run("ROLLBACK");  // Fails where SQLite has rolled back already.
    return Error("The state file could not be brought from schema " + std::to_string(version) +
                 " to " + std::to_string(kSchemaVersion) + ", it is as it was: " + failed.message);
}

bool damaged(const Database& database) {
    const int code = sqlite3_errcode(database.handle());
    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

/// It failed for reasons that are not the file's: they say nothing of what is in it.
bool not_its_fault(const Database& database) {
    switch (sqlite3_errcode(database.handle())) {
        case SQLITE_FULL:
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_NOMEM:
            return true;
        default:
            return false;
    }
}

Result<void> check_pages(Database& database) {
    const auto found = database.value("PRAGMA quick_check(1)");
    if (found && *found == "ok") return {};
    if (!found && not_its_fault(database)) return found.error();
    std::string reason = found ? *found : std::string(sqlite3_errmsg(database.handle()));
    for (char& c : reason) {
        if (c == '\n') c = ' ';
    }
    return Error(database.file() + " is damaged (" + reason + ")." + way_on(database.file()));
}

}  // namespace

Result<void> create_state_file(const std::string& file) {
    if (exists(file + "-wal")) {
        return Error(file + " is missing, but " + file +
                     "-wal, which belongs to it, is there and may hold the last changes. Restore "
                     "both from a backup, or move " +
                     file + "-wal aside to start without a state.");
    }
    const std::string draft = file + ".new";
    for (const char* suffix : {"", "-journal", "-wal", "-shm"}) {
        std::remove((draft + suffix).c_str());
    }
    if (auto made = create_private(draft); !made) return made;
    {
        auto database = Database::open(draft);
        if (!database) return database.error();
        const std::string sql = "PRAGMA synchronous=FULL;" + steps_from(0) +
                                "PRAGMA application_id=" + std::to_string(kApplicationId) +
                                ";COMMIT;";
        if (auto ran = database->run(sql.c_str()); !ran) return ran;
    }
    return move_into_place(draft, file);
}

Result<Database> open_state_file(const std::string& file) {
    if (auto ours = check_header(file); !ours) return ours.error();
    auto database = Database::open(file);
    if (!database) return database.error();
    const auto known = check_version(*database);
    const bool unreadable = !known && damaged(*database);
    if (!known && !unreadable) return known.error();
    if (auto whole = check_pages(*database); !whole) return whole.error();
    if (unreadable) return known.error();
    if (database->read_only()) return file_error(file, "cannot be written", EACCES);

    const auto mode = database->value("PRAGMA journal_mode=WAL");
    if (!mode) return mode.error();
    if (*mode != "wal") {
        return Error(file +
                     " cannot use a write-ahead log here. Put it on a local file system, not on a "
                     "network share.");
    }
    if (auto set = database->run("PRAGMA synchronous=FULL;"); !set) {
        return set.error();
    }
    if (auto forward = bring_forward(*database, *known); !forward) return forward.error();
    return database;
}

}  // namespace switchyard::state
