#pragma once

#include "control/ports.hpp"
#include "server/worker.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

#include <boost/asio/io_context.hpp>

namespace switchyard::server {

/// Publishes snapshots to the workers: one atomic store, then a no-op posted to each of them that
/// also sets its pools to the new epochs and lets go on what is not held any more. Control thread.
class WorkersPublisher final : public control::Publisher {
  public:
    /// How long a publication waits for the workers.
    static constexpr std::chrono::seconds kDeadline{2};

    WorkersPublisher(boost::asio::io_context& context, std::size_t workers)
        : context_(context), worker_count_(workers) {}

    /// What the workers read. Set before they start.
    [[nodiscard]] const std::atomic<const route::Snapshot*>& current() const noexcept {
        return current_;
    }
    void set_first(std::shared_ptr<const route::Snapshot> snapshot);
    void set_workers(std::vector<Worker*> workers) { workers_ = std::move(workers); }

    boost::asio::awaitable<control::PublishResult> publish(
        std::shared_ptr<const route::Snapshot> snapshot) override;
    boost::asio::awaitable<void> cut(std::shared_ptr<route::Ledger> ledger,
                                     route::Tunnels tunnels) override;
    boost::asio::awaitable<void> close_tunnels(std::shared_ptr<route::Ledger> ledger,
                                               double share) override;
    [[nodiscard]] std::size_t workers() const override { return worker_count_; }

    /// Runs `function(worker)` on every worker's thread; completes when all have, or at the
    /// deadline with those that have not. `function` is copied and may run late.
    boost::asio::awaitable<std::vector<std::size_t>> on_workers(
        std::function<void(Worker&)> function, std::chrono::milliseconds deadline);

  private:
    boost::asio::io_context& context_;
    std::size_t worker_count_;
    std::vector<Worker*> workers_;
    std::atomic<const route::Snapshot*> current_{nullptr};
    /// The present snapshot last; older ones stay until every worker has passed them.
    std::vector<std::shared_ptr<const route::Snapshot>> kept_;
};

}  // namespace switchyard::server
