#pragma once

#include "base/error.hpp"
#include "config/load.hpp"
#include "state/store.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>

namespace switchyard::control {

/// The store on a thread of its own, because it waits for the disk. Calls run one after another, in
/// the order in which they were made; results arrive on the caller's executor. Exceptions of the
/// store become errors. A call that has begun is never cancelled.
class StoreThread {
  public:
    explicit StoreThread(std::unique_ptr<state::Store> store);
    /// Waits for the calls under way.
    ~StoreThread();
    StoreThread(const StoreThread&) = delete;
    StoreThread& operator=(const StoreThread&) = delete;

    boost::asio::awaitable<Result<std::int64_t>> commit(std::string service,
                                                        state::ServiceRecord record,
                                                        state::HistoryEntry entry);
    boost::asio::awaitable<Result<std::int64_t>> commit_all(
        std::map<std::string, state::ServiceRecord> records, state::HistoryEntry entry);
    boost::asio::awaitable<Result<std::int64_t>> append(state::HistoryEntry entry);
    boost::asio::awaitable<Result<void>> finish(std::int64_t id, std::string outcome,
                                                std::string detail, std::string receipt);
    boost::asio::awaitable<Result<void>> progress(std::int64_t id, std::string outcome,
                                                  std::string detail, std::string receipt,
                                                  state::SlotRelease holds);
    boost::asio::awaitable<Result<std::vector<state::HistoryEntry>>> history(std::string service,
                                                                             std::size_t limit);

    /// Other work that waits for the disk: reads a configuration file with `loader`.
    boost::asio::awaitable<config::LoadResult> load(
        std::function<config::LoadResult(const std::string&)> loader, std::string file);

    /// Called on the executor of whoever made it, after each call that has written something.
    void on_written(std::function<void()> callback) { on_written_ = std::move(callback); }

    /// For start-up, before the control thread runs: blocks.
    [[nodiscard]] state::Store& blocking() noexcept { return *store_; }

  private:
    template <class R>
    boost::asio::awaitable<R> run(std::function<R()> work);
    /// The same for work that writes.
    template <class R>
    boost::asio::awaitable<R> write(std::function<R()> work);

    std::unique_ptr<state::Store> store_;
    std::function<void()> on_written_;
    boost::asio::thread_pool thread_{1};
};

}  // namespace switchyard::control
