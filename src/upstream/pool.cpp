#include "upstream/pool.hpp"

#include <algorithm>

namespace switchyard::upstream {

namespace {
/// How often idle connections are looked through, in ticks of the wheel (1 s).
constexpr std::uint64_t kSweepTicks = 10;
}  // namespace

Pool::Pool(net::EventLoop& loop, std::size_t worker) : loop_(loop), worker_(worker) {}

std::unique_ptr<Connection> Pool::take(const route::Target& target, std::uint64_t epoch,
                                       std::string_view proxy_header) {
    const auto found = shelves_.find(target.id());
    if (found == shelves_.end()) return nullptr;
    Shelf& shelf = found->second;
    if (shelf.epoch != epoch) {
        if (shelf.epoch > epoch) return nullptr;
        empty(shelf);
        shelf.epoch = epoch;
        return nullptr;
    }
    for (std::size_t i = shelf.connections.size(); i-- > 0;) {
        if (shelf.connections[i]->proxy_header != proxy_header) continue;
        std::unique_ptr<Connection> connection = std::move(shelf.connections[i]);
        shelf.connections.erase(shelf.connections.begin() + static_cast<std::ptrdiff_t>(i));
        shelf.idle_gauge->subtract();
        if (connection->leads_to_target() && connection->session.looks_alive()) {
            connection->reused = true;
            return connection;
        }
    }
    return nullptr;
}

void Pool::put(std::unique_ptr<Connection> connection, std::size_t max_idle,
               std::chrono::milliseconds idle_timeout,
               const std::shared_ptr<observe::SlotMetrics>& metrics) {
    if (max_idle == 0 || !connection->leads_to_target()) return;
    Shelf& shelf = shelves_[connection->target->id()];
    if (shelf.epoch > connection->epoch) return;
    if (shelf.epoch < connection->epoch) {
        empty(shelf);
        shelf.epoch = connection->epoch;
    }
    if (shelf.metrics != metrics) {
        empty(shelf);
        shelf.metrics = metrics;
        shelf.idle_gauge = &metrics->cell(worker_).upstream_idle;
    }
    shelf.idle_timeout = idle_timeout;
    if (shelf.connections.size() >= max_idle) drop(shelf, 0);
    connection->idle_since = loop_.timers().now();
    shelf.connections.push_back(std::move(connection));
    shelf.idle_gauge->add();
    loop_.timers().schedule(*this, loop_.timers().now() + kSweepTicks);
}

void Pool::advance(const route::Target& target, std::uint64_t epoch) {
    Shelf& shelf = shelves_[target.id()];
    if (shelf.epoch < epoch) {
        empty(shelf);
        shelf.epoch = epoch;
    }
}

void Pool::forget(std::uint32_t target_id) {
    const auto found = shelves_.find(target_id);
    if (found == shelves_.end()) return;
    empty(found->second);
    shelves_.erase(found);
}

void Pool::clear() {
    for (auto& [id, shelf] : shelves_)
        empty(shelf);
    shelves_.clear();
}

std::size_t Pool::idle() const noexcept {
    std::size_t count = 0;
    for (const auto& [id, shelf] : shelves_)
        count += shelf.connections.size();
    return count;
}

void Pool::drop(Shelf& shelf, std::size_t index) {
    shelf.connections[index]->session.stream().end_tls();
    shelf.connections.erase(shelf.connections.begin() + static_cast<std::ptrdiff_t>(index));
    shelf.idle_gauge->subtract();
}

void Pool::empty(Shelf& shelf) {
    while (!shelf.connections.empty())
        drop(shelf, shelf.connections.size() - 1);
}

std::uint64_t Pool::on_tick(std::uint64_t now) {
    bool any = false;
    for (auto& [id, shelf] : shelves_) {
        const auto timeout = net::TimerWheel::ticks(shelf.idle_timeout);
        for (std::size_t i = shelf.connections.size(); i-- > 0;) {
            Connection& connection = *shelf.connections[i];
            const bool old = timeout != 0 && connection.idle_since + timeout <= now;
            if (old || !connection.leads_to_target() || !connection.session.looks_alive()) {
                drop(shelf, i);
            }
        }
        any = any || !shelf.connections.empty();
    }
    return any ? now + kSweepTicks : 0;
}

}  // namespace switchyard::upstream
