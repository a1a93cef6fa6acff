#include "state/store.hpp"

#include "state/file.hpp"
#include "state/lock_file.hpp"
#include "state/schema.hpp"
#include "state/sqlite.hpp"

#include <algorithm>
#include <utility>

namespace switchyard::state {

namespace {

constexpr std::int64_t kHistoryRows = 10'000;  ///< Besides refusals.
/// A script that is refused again and again must not push the changes out of the history.
constexpr std::int64_t kRefusedRows = 1'000;
constexpr std::int64_t kPruneEvery = 64;

const std::string kSelectHistory =
    "SELECT id, at_ns, service, action, uid, user, from_slot, to_slot, epoch, outcome, detail,"
    " receipt, version FROM history";

std::int64_t to_ns(WallTime time) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

WallTime from_ns(std::int64_t ns) {
    return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(ns)));
}

void bind_colour(Statement& statement, const std::optional<Colour>& colour) {
    if (colour) {
        statement.bind(to_string(*colour));
    } else {
        statement.bind_null();
    }
}

/// Begins a transaction; what was not committed is taken back.
class Transaction {
  public:
    explicit Transaction(Database& database)
        : database_(database), began_(run("BEGIN IMMEDIATE")) {}
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    ~Transaction() {
        if (!began_ || committed_) return;
        // SQLite may have rolled back already: then this fails, and that is fine.
        (void)database_.run("ROLLBACK");
    }

    [[nodiscard]] const Result<void>& began() const noexcept { return began_; }

    Result<void> commit() {
        auto done = run("COMMIT");
        if (done) {
            committed_ = true;
            return done;
        }
        (void)database_.run("ROLLBACK");
        committed_ = true;  // Nothing is left to take back.
        // If the last sync failed, the log may hold the transaction that we are about to call
        // failed, and a crash would bring it to life. Emptying the log prevents that.
        (void)database_.run("PRAGMA wal_checkpoint(TRUNCATE)");
        return done;
    }

  private:
    Result<void> run(std::string_view sql) {
        Statement statement(database_, sql);
        if (!statement.finish()) return database_.error();
        return {};
    }

    Database& database_;
    Result<void> began_;
    bool committed_ = false;
};

class SqliteStore final : public Store {
  public:
    SqliteStore(LockFile lock, Database database)
        : lock_(std::move(lock)), database_(std::move(database)) {}

    Result<void> mark_interrupted() {
        return database_.run(
            "UPDATE history SET outcome = 'interrupted'"
            " WHERE (outcome = 'committed' AND to_slot IS NOT NULL)"
            " OR outcome IN ('holding', 'serving')");
    }

    Result<std::map<std::string, ServiceRecord>> services() override;
    Result<std::int64_t> commit(const std::string& service, const ServiceRecord& record,
                                const HistoryEntry& entry) override {
        return commit_all({{service, record}}, entry);
    }
    Result<std::int64_t> commit_all(const std::map<std::string, ServiceRecord>& records,
                                    const HistoryEntry& entry) override;
    Result<std::int64_t> append(const HistoryEntry& entry) override {
        return commit_all({}, entry);
    }
    Result<void> finish(std::int64_t id, const std::string& outcome, const std::string& detail,
                        const std::string& receipt) override;
    Result<void> progress(std::int64_t id, const std::string& outcome, const std::string& detail,
                          const std::string& receipt, const SlotRelease& holds) override;
    Result<std::map<std::string, Maintenance>> maintenance() override;
    Result<std::int64_t> set_maintenance(const std::string& service,
                                         const std::optional<Maintenance>& maintenance,
                                         const HistoryEntry& entry) override;
    Result<std::vector<HistoryEntry>> unfinished() override;
    Result<std::vector<HistoryEntry>> history(const std::string& service,
                                              std::size_t limit) override;

  private:
    bool write(const std::string& service, const ServiceRecord& record);
    bool write(const SlotRelease& holds);
    bool write(const std::string& service, const std::optional<Canary>& canary);
    [[nodiscard]] std::vector<HistoryEntry> read(Statement& statement) const;
    bool insert(const HistoryEntry& entry);
    bool prune();

    LockFile lock_;  // Before the database: released after it is closed.
    Database database_;
};

bool SqliteStore::write(const std::string& service, const ServiceRecord& record) {
    Statement statement(database_,
                        "INSERT INTO services (name, live, epoch, live_since_ns, previous)"
                        " VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
                        " live = excluded.live, epoch = excluded.epoch,"
                        " live_since_ns = excluded.live_since_ns, previous = excluded.previous");
    statement.bind(service)
        .bind(to_string(record.live))
        .bind(static_cast<std::int64_t>(record.epoch))
        .bind(to_ns(record.live_since));
    bind_colour(statement, record.previous);
    return statement.finish() && write(service, record.canary);
}

bool SqliteStore::write(const std::string& service, const std::optional<Canary>& canary) {
    if (!canary) {
        Statement none(database_, "DELETE FROM canaries WHERE service = ?");
        return none.bind(service).finish();
    }
    Statement statement(database_,
                        "INSERT OR REPLACE INTO canaries (service, slot, share, share_since_ns,"
                        " run, since_ns, secret, uid, user) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    return statement.bind(service)
        .bind(to_string(canary->slot))
        .bind(std::int64_t{canary->share})
        .bind(to_ns(canary->share_since))
        .bind(static_cast<std::int64_t>(canary->run))
        .bind(to_ns(canary->since))
        .bind(canary->secret)
        .bind(std::int64_t{canary->uid})
        .bind(canary->user)
        .finish();
}

bool SqliteStore::write(const SlotRelease& holds) {
    if (!holds.release) {
        Statement none(database_, "DELETE FROM releases WHERE service = ? AND slot = ?");
        return none.bind(holds.service).bind(to_string(holds.slot)).finish();
    }
    Statement statement(database_,
                        "INSERT INTO releases (service, slot, version, deployed_at_ns, complete)"
                        " VALUES (?, ?, ?, ?, ?) ON CONFLICT (service, slot) DO UPDATE SET"
                        " version = excluded.version, deployed_at_ns = excluded.deployed_at_ns,"
                        " complete = excluded.complete");
    return statement.bind(holds.service)
        .bind(to_string(holds.slot))
        .bind(holds.release->version)
        .bind(to_ns(holds.release->deployed_at))
        .bind(std::int64_t{holds.release->complete})
        .finish();
}

bool SqliteStore::insert(const HistoryEntry& entry) {
    Statement statement(database_,
                        "INSERT INTO history (at_ns, service, action, uid, user, from_slot,"
                        " to_slot, epoch, outcome, detail, receipt, version)"
                        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    statement.bind(to_ns(entry.at))
        .bind(entry.service)
        .bind(entry.action)
        .bind(static_cast<std::int64_t>(entry.uid))
        .bind(entry.user);
    bind_colour(statement, entry.from);
    bind_colour(statement, entry.to);
    statement.bind(static_cast<std::int64_t>(entry.epoch))
        .bind(entry.outcome)
        .bind(entry.detail)
        .bind(entry.receipt)
        .bind(entry.version);
    return statement.finish();
}

bool SqliteStore::prune() {
    const auto keep = [this](const char* sql, std::int64_t rows) {
        Statement statement(database_, sql);
        return statement.bind(rows).finish();
    };
    return keep(
               "DELETE FROM history WHERE outcome = 'refused' AND id <= (SELECT id FROM history"
               " WHERE outcome = 'refused' ORDER BY id DESC LIMIT 1 OFFSET ?)",
               kRefusedRows) &&
           keep(
               "DELETE FROM history WHERE outcome NOT IN ('refused', 'running') AND id <= (SELECT "
               "id FROM history"
               " WHERE outcome <> 'refused' ORDER BY id DESC LIMIT 1 OFFSET ?)",
               kHistoryRows);
}

Result<std::map<std::string, ServiceRecord>> SqliteStore::services() {
    std::map<std::string, ServiceRecord> found;
    Statement statement(database_,
                        "SELECT name, live, epoch, live_since_ns, previous FROM services");
    while (statement.next()) {
        const auto live = parse_colour(statement.text(1));
        if (!live) return Error(database_.file() + ": service without a live slot.");
        ServiceRecord record;
        record.live = *live;
        record.epoch = static_cast<std::uint64_t>(statement.integer(2));
        record.live_since = from_ns(statement.integer(3));
        record.previous = parse_colour(statement.text(4));
        found.emplace(statement.text(0), record);
    }
    if (!statement.ok()) return database_.error();

    Statement releases(database_,
                       "SELECT service, slot, version, deployed_at_ns, complete FROM releases");
    while (releases.next()) {
        const auto service = found.find(releases.text(0));
        const auto slot = parse_colour(releases.text(1));
        if (service == found.end() || !slot) continue;
        service->second.releases[index_of(*slot)] =
            Release{releases.text(2), from_ns(releases.integer(3)), releases.integer(4) != 0};
    }
    if (!releases.ok()) return database_.error();

    Statement canaries(database_,
                       "SELECT service, slot, share, share_since_ns, run, since_ns, secret, uid,"
                       " user FROM canaries");
    while (canaries.next()) {
        const auto service = found.find(canaries.text(0));
        const auto slot = parse_colour(canaries.text(1));
        if (service == found.end() || !slot || *slot == service->second.live) continue;
        Canary& canary = service->second.canary.emplace();
        canary.slot = *slot;
        canary.share = static_cast<std::uint32_t>(canaries.integer(2));
        canary.share_since = from_ns(canaries.integer(3));
        canary.run = static_cast<std::uint64_t>(canaries.integer(4));
        canary.since = from_ns(canaries.integer(5));
        canary.secret = canaries.text(6);
        canary.uid = static_cast<std::uint32_t>(canaries.integer(7));
        canary.user = canaries.text(8);
    }
    if (!canaries.ok()) return database_.error();
    return found;
}

Result<std::int64_t> SqliteStore::commit_all(const std::map<std::string, ServiceRecord>& records,
                                             const HistoryEntry& entry) {
    Transaction transaction(database_);
    if (!transaction.began()) return transaction.began().error();
    for (const auto& [service, record] : records) {
        if (!write(service, record)) return database_.error();
    }
    if (!insert(entry)) return database_.error();
    const std::int64_t id = database_.last_insert_id();
    if (id % kPruneEvery == 0 && !prune()) return database_.error();
    if (auto done = transaction.commit(); !done) return done.error();
    return id;
}

Result<std::map<std::string, Maintenance>> SqliteStore::maintenance() {
    std::map<std::string, Maintenance> found;
    Statement statement(database_,
                        "SELECT service, since_ns, message, retry_after_s, uid, user"
                        " FROM maintenance");
    while (statement.next()) {
        Maintenance& maintenance = found[statement.text(0)];
        maintenance.since = from_ns(statement.integer(1));
        maintenance.message = statement.text(2);
        maintenance.retry_after_s = static_cast<std::uint64_t>(statement.integer(3));
        maintenance.uid = static_cast<std::uint32_t>(statement.integer(4));
        maintenance.user = statement.text(5);
    }
    if (!statement.ok()) return database_.error();
    return found;
}

Result<std::int64_t> SqliteStore::set_maintenance(const std::string& service,
                                                  const std::optional<Maintenance>& maintenance,
                                                  const HistoryEntry& entry) {
    Transaction transaction(database_);
    if (!transaction.began()) return transaction.began().error();
    Statement remove(database_, "DELETE FROM maintenance WHERE service = ?");
    if (!remove.bind(service).finish()) return database_.error();
    if (maintenance) {
        Statement add(database_,
                      "INSERT INTO maintenance (service, since_ns, message, retry_after_s, uid,"
                      " user) VALUES (?, ?, ?, ?, ?, ?)");
        add.bind(service)
            .bind(to_ns(maintenance->since))
            .bind(maintenance->message)
            .bind(static_cast<std::int64_t>(maintenance->retry_after_s))
            .bind(static_cast<std::int64_t>(maintenance->uid))
            .bind(maintenance->user);
        if (!add.finish()) return database_.error();
    }
    if (!insert(entry)) return database_.error();
    const std::int64_t id = database_.last_insert_id();
    if (id % kPruneEvery == 0 && !prune()) return database_.error();
    if (auto done = transaction.commit(); !done) return done.error();
    return id;
}

Result<void> SqliteStore::finish(std::int64_t id, const std::string& outcome,
                                 const std::string& detail, const std::string& receipt) {
    Statement statement(database_,
                        "UPDATE history SET outcome = ?, detail = ?, receipt = ? WHERE id = ?");
    if (!statement.bind(outcome).bind(detail).bind(receipt).bind(id).finish()) {
        return database_.error();
    }
    if (database_.changed_rows() == 0) {
        return Error(database_.file() + ": the history has no entry " + std::to_string(id) + ".");
    }
    return {};
}

Result<void> SqliteStore::progress(std::int64_t id, const std::string& outcome,
                                   const std::string& detail, const std::string& receipt,
                                   const SlotRelease& holds) {
    Transaction transaction(database_);
    if (!transaction.began()) return transaction.began().error();
    if (!write(holds)) return database_.error();
    if (auto finished = finish(id, outcome, detail, receipt); !finished) return finished;
    return transaction.commit();
}

std::vector<HistoryEntry> SqliteStore::read(Statement& statement) const {
    std::vector<HistoryEntry> found;
    while (statement.next()) {
        HistoryEntry& entry = found.emplace_back();
        entry.id = statement.integer(0);
        entry.at = from_ns(statement.integer(1));
        entry.service = statement.text(2);
        entry.action = statement.text(3);
        entry.uid = static_cast<std::uint32_t>(statement.integer(4));
        entry.user = statement.text(5);
        entry.from = parse_colour(statement.text(6));
        entry.to = parse_colour(statement.text(7));
        entry.epoch = static_cast<std::uint64_t>(statement.integer(8));
        entry.outcome = statement.text(9);
        entry.detail = statement.text(10);
        entry.receipt = statement.text(11);
        entry.version = statement.text(12);
    }
    return found;
}

Result<std::vector<HistoryEntry>> SqliteStore::history(const std::string& service,
                                                       std::size_t limit) {
    // Two statements, so that each can use its index.
    Statement statement(database_, kSelectHistory + (service.empty() ? "" : " WHERE service = ?") +
                                       " ORDER BY id DESC LIMIT ?");
    if (!service.empty()) statement.bind(service);
    statement.bind(static_cast<std::int64_t>(
        std::min(limit, static_cast<std::size_t>(kHistoryRows + kRefusedRows))));
    std::vector<HistoryEntry> found = read(statement);
    if (!statement.ok()) return database_.error();
    return found;
}

Result<std::vector<HistoryEntry>> SqliteStore::unfinished() {
    Statement statement(database_, kSelectHistory + " WHERE outcome = 'running' ORDER BY id");
    std::vector<HistoryEntry> found = read(statement);
    if (!statement.ok()) return database_.error();
    return found;
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const std::string& file) {
    auto lock = LockFile::acquire(file + ".lock", file);
    if (!lock) return lock.error();
    if (!exists(file)) {
        if (auto created = create_state_file(file); !created) return created.error();
    }
    auto database = open_state_file(file);
    if (!database) return database.error();
    auto store = std::make_unique<SqliteStore>(std::move(*lock), std::move(*database));
    if (auto marked = store->mark_interrupted(); !marked) return marked.error();
    return std::unique_ptr<Store>(std::move(store));
}

}  // namespace switchyard::state
