#pragma once

#include "base/colour.hpp"
#include "base/error.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/system/result.hpp>

/// What must survive a crash: each service's live slot and epoch, its canary,
/// maintenance, and the history.
namespace switchyard::state {

using WallTime = std::chrono::system_clock::time_point;

/// What a deploy left in a slot.
struct Release {
    std::string version;     ///< As its deploy named it; empty: it named none.
    WallTime deployed_at{};  ///< When its command was started.
    bool complete = false;   ///< The command succeeded and the slot was healthy after it.
    bool operator==(const Release&) const = default;
};

/// A share of the clients that goes to the idle slot.
struct Canary {
    Colour slot = Colour::green;
    std::uint32_t share = 0;  ///< Of 10,000; at least 1.
    WallTime share_since{};   ///< When it last changed.
    std::uint64_t run = 0;    ///< The epoch that the canary began in.
    WallTime since{};         ///< When that was.
    std::string secret;       ///< What its cookies are signed with, unless one is configured.
    std::uint32_t uid = 0;    ///< Who changed the share last.
    std::string user;
    bool operator==(const Canary&) const = default;
};

struct ServiceRecord {
    Colour live = Colour::blue;
    std::uint64_t epoch = 1;
    WallTime live_since{};  ///< When the live slot last changed.
    /// The slot that was live before, for rollback; none before the first switch.
    std::optional<Colour> previous;
    /// By index_of(Colour); none: never deployed to. Read with the record, but written by
    /// progress() alone: a switch moves no release.
    std::array<std::optional<Release>, 2> releases{};
    /// None: all clients go to the live slot. Never one of the live slot itself.
    std::optional<Canary> canary{};
    bool operator==(const ServiceRecord&) const = default;
};

/// A service under maintenance. Apart from the record, which a switch writes.
struct Maintenance {
    WallTime since{};
    std::string message;              ///< For its page; empty: none.
    std::uint64_t retry_after_s = 0;  ///< 0: what the configuration says.
    std::uint32_t uid = 0;            ///< Who turned it on.
    std::string user;
    bool operator==(const Maintenance&) const = default;
};

/// One line of the history: a change, or an attempt that was refused.
struct HistoryEntry {
    std::int64_t id = 0;  ///< Assigned by the store, growing.
    WallTime at{};
    std::string service;
    std::string action;     ///< "switch", "rollback", "deploy", "reload", "start", ...
    std::uint32_t uid = 0;  ///< Peer of the admin socket (SO_PEERCRED).
    std::string user;       ///< Its name when it has one.
    std::optional<Colour> from;
    std::optional<Colour> to;
    std::uint64_t epoch = 0;  ///< Epoch after the change; for a refusal the one in force.
    /// "committed", "drained", "cut", "cancelled", "refused", "interrupted"; of a hold "holding",
    /// "released", "expired", "interrupted"; of a failover "serving", "returned", "switched",
    /// "reloaded", "removed", "interrupted"; of a deploy "running",
    /// "deployed", "switched", "failed", "cancelled", "interrupted".
    std::string outcome;
    std::string detail;   ///< Reason of a refusal, or a remark; one line.
    std::string receipt;  ///< JSON object, or empty.
    std::string version;  ///< Of the release that it is about; empty: none, or it has no name.
    /// Not stored: outcome, detail and receipt are not in the file yet, and why; empty: they are.
    std::string unwritten{};
};

/// What a slot holds from now on; none: nothing that a deploy brought.
struct SlotRelease {
    std::string service;
    Colour slot = Colour::blue;
    std::optional<Release> release;
};

/// A SQLite file (WAL, synchronous=FULL). All calls block on the disk: call them from one thread
/// of their own, never from a worker. Not thread-safe.
class Store {
  public:
    /// Opens or creates FILE (its folder must exist) and takes an exclusive advisory lock that
    /// lives as long as the store: a second daemon on the same file is refused by name. Errors say
    /// how to go on: not a database, another application's file, a newer schema, damaged
    /// (quick_check), not writable, locked by pid N. Entries that a crash left as "committed"
    /// (their drain never ended), "holding" or "serving" become "interrupted"; for those of deploys
    /// see unfinished(). A file of an older schema is brought forward.
    static boost::system::result<std::unique_ptr<Store>, Error> open(const std::string& file);

    virtual ~Store() = default;

    /// All services that were ever recorded.
    virtual boost::system::result<std::map<std::string, ServiceRecord>, Error> services() = 0;

    /// Writes the record and the entry in one transaction; durable when it returns. Returns the
    /// entry's id.
    virtual boost::system::result<std::int64_t, Error> commit(const std::string& service,
                                                              const ServiceRecord& record,
                                                              const HistoryEntry& entry) = 0;

    /// Several records at once (start-up, reload), in one transaction, with one entry.
    virtual boost::system::result<std::int64_t, Error> commit_all(
        const std::map<std::string, ServiceRecord>& records, const HistoryEntry& entry) = 0;

    /// Adds an entry that changes nothing (a refusal).
    virtual boost::system::result<std::int64_t, Error> append(const HistoryEntry& entry) = 0;

    /// Completes an entry: how it ended.
    virtual boost::system::result<void, Error> finish(std::int64_t id, const std::string& outcome,
                                                      const std::string& detail,
                                                      const std::string& receipt) = 0;

    /// The same for an entry of a deploy, while it runs and when it ends; with what its slot holds
    /// now, in one transaction.
    virtual boost::system::result<void, Error> progress(std::int64_t id, const std::string& outcome,
                                                        const std::string& detail,
                                                        const std::string& receipt,
                                                        const SlotRelease& holds) = 0;

    /// The services under maintenance.
    virtual boost::system::result<std::map<std::string, Maintenance>, Error> maintenance() = 0;

    /// Begins (or changes) maintenance of a service, or ends it; with the entry in one transaction.
    /// Returns the entry's id.
    virtual boost::system::result<std::int64_t, Error> set_maintenance(
        const std::string& service, const std::optional<Maintenance>& maintenance,
        const HistoryEntry& entry) = 0;

    /// Entries whose outcome is "running", oldest first: at the start, deploys that a crash ended.
    virtual boost::system::result<std::vector<HistoryEntry>, Error> unfinished() = 0;

    /// The newest entries first; an empty service means all. At most `limit`.
    virtual boost::system::result<std::vector<HistoryEntry>, Error> history(
        const std::string& service, std::size_t limit) = 0;
};

}  // namespace switchyard::state
