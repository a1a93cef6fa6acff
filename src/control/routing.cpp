#include "control/routing.hpp"

#include <algorithm>

#include <spdlog/spdlog.h>

namespace switchyard::control {

namespace asio = boost::asio;

namespace {

Books books_of(const route::Ledger::Totals& totals) {
    Books books;
    books.ended = totals.left;
    books.in_flight = totals.in_flight();
    books.tunnels = totals.open_tunnels();
    return books;
}

bool empty(const route::ServiceState& state) {
    return std::all_of(std::begin(state.slots), std::end(state.slots), [](const auto& slot) {
        return !slot || slot->ledger->totals().in_flight() == 0;
    });
}

}  // namespace

std::uint64_t Books::accepted() const noexcept {
    std::uint64_t sum = in_flight;
    for (const std::uint64_t count : ended)
        sum += count;
    return sum;
}

Books& Books::operator+=(const Books& other) noexcept {
    for (std::size_t i = 0; i < ended.size(); ++i)
        ended[i] += other.ended[i];
    in_flight += other.in_flight;
    tunnels += other.tunnels;
    return *this;
}

Routing::Routing(asio::any_io_executor executor, Publisher& publisher, MakeGate make_gate)
    : publisher_(publisher), make_gate_(std::move(make_gate)), publishing_(std::move(executor)) {}

void Routing::make_gates(route::Snapshot& snapshot) const {
    snapshot.gates.clear();
    for (const auto& state : snapshot.services)
        snapshot.gates.push_back(make_gate_(*state));
}

void Routing::begin(std::shared_ptr<const config::Config> config, Services services) {
    auto first = std::make_shared<route::Snapshot>();
    first->version = 1;
    first->hosts = std::make_shared<const route::HostTable>(config->services);
    first->previews = route::PreviewTable::make(config->services);
    first->config = std::move(config);
    first->services = std::move(services);
    make_gates(*first);
    confirmed_ = first->version;
    current_ = std::move(first);
}

std::shared_ptr<const route::ServiceState> Routing::find(const std::string& service) const {
    for (const auto& state : current_->services) {
        if (state->name() == service) return state;
    }
    return nullptr;
}

asio::awaitable<Routing::Published> Routing::replace(
    std::shared_ptr<const route::ServiceState> next) {
    const AsyncMutex::Lock lock = co_await publishing_.lock();
    auto snapshot = std::make_shared<route::Snapshot>(*current_);
    for (auto& state : snapshot->services) {
        if (state->name() == next->name()) state = next;
    }
    co_return co_await publish(std::move(snapshot));
}

asio::awaitable<std::optional<Routing::Published>> Routing::replace_by(
    std::string service,
    std::function<std::shared_ptr<const route::ServiceState>(const route::ServiceState&)> make) {
    const AsyncMutex::Lock lock = co_await publishing_.lock();
    const auto state = find(service);
    if (!state) co_return std::nullopt;
    const auto next = make(*state);
    if (!next) co_return std::nullopt;
    auto snapshot = std::make_shared<route::Snapshot>(*current_);
    std::replace(snapshot->services.begin(), snapshot->services.end(), state, next);
    co_return co_await publish(std::move(snapshot));
}

asio::awaitable<Routing::Published> Routing::replace_all(
    std::shared_ptr<const config::Config> config, Services services) {
    const AsyncMutex::Lock lock = co_await publishing_.lock();
    auto snapshot = std::make_shared<route::Snapshot>(*current_);
    if (!(config->services == current_->config->services)) {
        snapshot->hosts = std::make_shared<const route::HostTable>(config->services);
        snapshot->previews = route::PreviewTable::make(config->services);
    }
    snapshot->config = std::move(config);
    snapshot->services = std::move(services);
    co_return co_await publish(std::move(snapshot));
}

asio::awaitable<Routing::Published> Routing::republish() {
    const AsyncMutex::Lock lock = co_await publishing_.lock();
    co_return co_await publish(std::make_shared<route::Snapshot>(*current_));
}

asio::awaitable<Routing::Published> Routing::publish(std::shared_ptr<route::Snapshot> next) {
    next->version = current_->version + 1;
    make_gates(*next);
    retire_missing(*current_, *next);
    current_ = std::move(next);

    Published published;
    const std::uint64_t version = current_->version;
    published.at = Wall::now();
    published.visible = Steady::now();
    published.result = co_await publisher_.publish(current_);
    published.acknowledged = Steady::now();
    if (published.result.stuck_workers.empty()) {
        confirmed_ = version;
        free_empty();
    } else {
        for (const std::size_t worker : published.result.stuck_workers) {
            spdlog::error("worker_stuck worker={} snapshot={}", worker, version);
        }
    }
    co_return published;
}

void Routing::retire_missing(const route::Snapshot& former, const route::Snapshot& next) {
    for (const auto& state : former.services) {
        if (std::find(next.services.begin(), next.services.end(), state) == next.services.end()) {
            retired_.push_back({state, next.version, std::nullopt});
        }
    }
}

bool Routing::sweep() {
    bool wanted = confirmed_ != current_->version;
    for (Retired& entry : retired_) {
        // Only after every worker confirmed is an empty ledger empty for good.
        if (!entry.empty_since && confirmed_ >= entry.replaced_in && empty(*entry.state)) {
            entry.empty_since = current_->version;
        }
        if (entry.empty_since) wanted = true;
    }
    return wanted;
}

void Routing::free_empty() {
    for (auto entry = retired_.begin(); entry != retired_.end();) {
        // A confirmation that began after the state was seen empty: no worker still reads it.
        if (entry->empty_since && confirmed_ > *entry->empty_since) {
            fold(*entry->state);
            entry = retired_.erase(entry);
        } else {
            ++entry;
        }
    }
}

void Routing::fold(const route::ServiceState& state) {
    for (const auto& slot : state.slots) {
        if (!slot) continue;
        const route::Ledger::Totals totals = slot->ledger->totals();
        Folded& folded = folded_[{state.name(), slot->colour}];
        folded.books += books_of(totals);
        folded.last_entered_ns = std::max(folded.last_entered_ns, totals.last_entered_ns);
    }
}

std::vector<std::shared_ptr<route::Ledger>> Routing::ledgers(const std::string& service,
                                                             Colour colour) const {
    std::vector<std::shared_ptr<route::Ledger>> found;
    for (const Retired& entry : retired_) {
        if (entry.state->name() != service) continue;
        if (const route::SlotState* slot = entry.state->slot(colour)) {
            if (slot->ledger->totals().in_flight() != 0) found.push_back(slot->ledger);
        }
    }
    if (const auto state = find(service)) {
        if (const route::SlotState* slot = state->slot(colour)) found.push_back(slot->ledger);
    }
    return found;
}

Books Routing::books(const std::string& service, Colour colour) const {
    Books sum;
    if (const auto folded = folded_.find({service, colour}); folded != folded_.end()) {
        sum += folded->second.books;
    }
    const auto add = [&](const route::ServiceState& state) {
        if (state.name() != service) return;
        if (const route::SlotState* slot = state.slot(colour)) {
            sum += books_of(slot->ledger->totals());
        }
    };
    for (const Retired& entry : retired_)
        add(*entry.state);
    for (const auto& state : current_->services)
        add(*state);
    return sum;
}

std::uint64_t Routing::last_entered(const std::string& service, Colour colour,
                                    std::uint64_t before_epoch) const {
    std::uint64_t last = 0;
    if (const auto folded = folded_.find({service, colour}); folded != folded_.end()) {
        last = folded->second.last_entered_ns;
    }
    const auto look = [&](const route::ServiceState& state) {
        if (state.name() != service || state.epoch >= before_epoch) return;
        if (const route::SlotState* slot = state.slot(colour)) {
            last = std::max(last, slot->ledger->totals().last_entered_ns);
        }
    };
    for (const Retired& entry : retired_)
        look(*entry.state);
    for (const auto& state : current_->services)
        look(*state);
    return last;
}

}  // namespace switchyard::control
