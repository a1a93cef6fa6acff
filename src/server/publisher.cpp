#include "server/publisher.hpp"

#include <algorithm>
#include <unordered_set>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace switchyard::server {

namespace asio = boost::asio;

namespace {

/// What a publication changes for the pools: the epoch of each target that has a new one, and the
/// targets that are gone.
struct PoolChanges {
    std::vector<std::pair<std::shared_ptr<route::Target>, std::uint64_t>> advanced;
    std::vector<std::shared_ptr<route::Target>> forgotten;
};

PoolChanges compare(const route::Snapshot* before, const route::Snapshot& now) {
    PoolChanges changes;
    std::unordered_set<const route::ServiceState*> same;
    std::unordered_set<std::uint32_t> present;
    if (before != nullptr) {
        for (const auto& service : before->services)
            same.insert(service.get());
    }
    bool changed = before == nullptr || before->services.size() != now.services.size();
    for (const auto& service : now.services) {
        if (same.contains(service.get())) continue;
        changed = true;
        for (const auto& slot : service->slots) {
            if (!slot) continue;
            for (const auto& target : slot->targets) {
                changes.advanced.emplace_back(target, service->epoch);
            }
        }
    }
    if (!changed || before == nullptr) return changes;
    for (const auto& service : now.services) {
        for (const auto& slot : service->slots) {
            if (!slot) continue;
            for (const auto& target : slot->targets)
                present.insert(target->id());
        }
    }
    for (const auto& service : before->services) {
        for (const auto& slot : service->slots) {
            if (!slot) continue;
            for (const auto& target : slot->targets) {
                if (!present.contains(target->id())) changes.forgotten.push_back(target);
            }
        }
    }
    return changes;
}

/// Shared by the control thread and what was posted to the workers.
struct Acknowledgements {
    explicit Acknowledgements(asio::io_context& context, std::size_t workers)
        : timer(context), passed(workers, false), missing(workers) {}
    asio::steady_timer timer;
    std::vector<bool> passed;
    std::size_t missing;
};

}  // namespace

void WorkersPublisher::set_first(std::shared_ptr<const route::Snapshot> snapshot) {
    current_.store(snapshot.get(), std::memory_order_seq_cst);
    kept_.push_back(std::move(snapshot));
}

asio::awaitable<std::vector<std::size_t>> WorkersPublisher::on_workers(
    std::function<void(Worker&)> function, std::chrono::milliseconds deadline) {
    auto state = std::make_shared<Acknowledgements>(context_, workers_.size());
    state->timer.expires_after(deadline);
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        Worker* const worker = workers_[i];
        worker->post([worker, function, state, i, &context = context_] {
            function(*worker);
            asio::post(context, [state, i] {
                state->passed[i] = true;
                if (--state->missing == 0) state->timer.cancel();
            });
        });
    }
    boost::system::error_code ignored;
    if (state->missing != 0) {
        co_await state->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    std::vector<std::size_t> stuck;
    for (std::size_t i = 0; i < state->passed.size(); ++i) {
        if (!state->passed[i]) stuck.push_back(i);
    }
    co_return stuck;
}

asio::awaitable<control::PublishResult> WorkersPublisher::publish(
    std::shared_ptr<const route::Snapshot> snapshot) {
    auto changes = std::make_shared<const PoolChanges>(
        compare(kept_.empty() ? nullptr : kept_.back().get(), *snapshot));
    // Connections under way to them must not come back into a pool.
    for (const auto& target : changes->forgotten)
        target->retire();
    kept_.push_back(snapshot);
    // The instant of the switch (C1): every decision after it reads the new snapshot.
    current_.store(snapshot.get(), std::memory_order_seq_cst);
    control::PublishResult result;
    const std::function<void(Worker&)> pass = [changes](Worker& worker) {
        for (const auto& [target, epoch] : changes->advanced)
            worker.advance_pool(*target, epoch);
        for (const auto& target : changes->forgotten)
            worker.forget_target(target->id());
        worker.gates_changed();
    };
    result.stuck_workers = co_await on_workers(pass, kDeadline);
    if (result.stuck_workers.empty()) {
        // Nobody can still be looking at an older one (others may have been published meanwhile).
        const auto self = std::find(kept_.begin(), kept_.end(), snapshot);
        kept_.erase(kept_.begin(), self);
    }
    co_return result;
}

asio::awaitable<void> WorkersPublisher::cut(std::shared_ptr<route::Ledger> ledger,
                                            route::Tunnels tunnels) {
    const std::function<void(Worker&)> end = [ledger, tunnels](Worker& worker) {
        worker.cut(*ledger, tunnels);
    };
    co_await on_workers(end, kDeadline);
}

asio::awaitable<void> WorkersPublisher::close_tunnels(std::shared_ptr<route::Ledger> ledger,
                                                      double share) {
    const std::function<void(Worker&)> tell = [ledger, share](Worker& worker) {
        worker.close_tunnels(*ledger, share);
    };
    co_await on_workers(tell, kDeadline);
}

}  // namespace switchyard::server
