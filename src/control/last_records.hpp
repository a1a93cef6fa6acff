#pragma once

#include "base/error.hpp"
#include "control/store_thread.hpp"
#include "control/times.hpp"
#include "control/wakeup.hpp"
#include "state/store.hpp"

#include <chrono>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace switchyard::control {

/// How an entry of the history ended.
struct LastRecord {
    std::int64_t id = 0;  ///< Of the entry.
    std::string service;
    std::string action;  ///< "switch", "rollback", "deploy"
    std::string outcome;
    std::string detail;
    std::string receipt;
    std::optional<state::SlotRelease> holds;  ///< Of a deploy: what its slot holds now.
};

/// One that the store has not taken yet.
struct UnwrittenRecord {
    LastRecord record;
    std::string error;         ///< Of the last try.
    Wall::time_point since{};  ///< Of the first one.
};

/// Pauses between two tries: the first, then twice as long each time.
struct RecordTiming {
    std::chrono::milliseconds first{1'000};
    std::chrono::milliseconds most{60'000};
};

/// Writes how changes ended. What can't be written (a full disk) would leave its entry as
/// "running" or "committed", which the next start takes for a crash: so it is kept, shown in place
/// of what the store says, and tried again: after pauses, as soon as anything else could be
/// written, and at the end. Control thread; the store outlives it.
class LastRecords {
  public:
    LastRecords(boost::asio::any_io_executor executor, StoreThread& store, RecordTiming timing);
    /// What was not written until now is lost: then at least the log has it.
    ~LastRecords();
    LastRecords(const LastRecords&) = delete;
    LastRecords& operator=(const LastRecords&) = delete;

    /// Tries once. An error: it is kept for later.
    boost::asio::awaitable<Result<void>> write(LastRecord record);
    /// For one that could not be written already.
    void keep(LastRecord record, const Error& error);

    /// A later deploy has this slot from now on: what an earlier one left there must not be written
    /// over it any more.
    void superseded(const std::string& service, Colour slot);
    /// The store has just taken something else.
    void store_works();

    /// Tries again until stop(); run it as a task.
    boost::asio::awaitable<void> run();
    void stop();
    /// One try more, behind stop().
    boost::asio::awaitable<void> write_rest() { return retry(); }

    /// Oldest first.
    [[nodiscard]] const std::list<UnwrittenRecord>& waiting() const noexcept { return waiting_; }
    /// Puts the truth into what the store says.
    void correct(std::vector<state::HistoryEntry>& entries) const;

  private:
    boost::asio::awaitable<Result<void>> attempt(const LastRecord& record);
    boost::asio::awaitable<void> retry();

    StoreThread& store_;
    RecordTiming timing_;
    Wakeup wake_;
    std::list<UnwrittenRecord> waiting_;
    bool at_once_ = false;
    bool stopping_ = false;
};

}  // namespace switchyard::control
