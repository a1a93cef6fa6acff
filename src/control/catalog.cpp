#include "control/catalog.hpp"

#include "control/times.hpp"

#include <set>

namespace switchyard::control {

std::shared_ptr<observe::SlotMetrics> Catalog::metrics(const std::string& service, Colour colour) {
    auto& entry = metrics_[{service, colour}];
    if (!entry) entry = std::make_shared<observe::SlotMetrics>(service, colour, workers_);
    return entry;
}

void Catalog::add_preview(route::SlotState& slot, const config::Service& service) {
    auto& entry = preview_metrics_[{service.name, slot.colour}];
    if (!entry) {
        entry = std::make_shared<observe::SlotMetrics>(service.name, slot.colour, workers_);
    }
    slot.preview_metrics = entry;
    if (!service.served_by_header.empty()) {
        slot.preview_lines = service.served_by_header + ": " + slot.name + "; preview\r\n";
    }
    slot.preview_lines += "Cache-Control: private, no-store\r\nX-Robots-Tag: noindex\r\n";
}

std::shared_ptr<route::HoldRoom> Catalog::hold_room(const std::string& service) {
    auto& room = hold_rooms_[service];
    if (!room) room = std::make_shared<route::HoldRoom>(service, workers_);
    return room;
}

std::shared_ptr<observe::CanaryTraffic> Catalog::canary_traffic(const std::string& service) {
    auto& traffic = canary_traffic_[service];
    if (!traffic) traffic = std::make_shared<observe::CanaryTraffic>(workers_);
    return traffic;
}

std::shared_ptr<route::Target> Catalog::target(const std::string& service, Colour colour,
                                               const config::Target& config) {
    auto& entry = targets_[{service, colour, config.address}];
    if (!entry || !(entry->config() == config)) {
        entry =
            std::make_shared<route::Target>(next_target_id_++, service, colour, config, workers_);
    }
    return entry;
}

std::shared_ptr<const route::ServiceState> Catalog::make_state(
    std::shared_ptr<const config::Service> service, std::uint64_t epoch, Colour live,
    const route::CanaryRun* canary, bool failover) {
    auto state = std::make_shared<route::ServiceState>();
    state->room = hold_room(service->name);
    auto& budget = budgets_[service->name];
    if (!budget) budget = std::make_shared<route::RetryBudget>(workers_, steady_now_ns());
    state->budget = budget;
    auto& outliers = outliers_[service->name];
    if (!outliers) outliers = std::make_shared<route::Outliers>();
    state->outliers = outliers;
    state->failover = failover;
    state->epoch = epoch;
    state->live = live;
    for (const Colour colour : kColours) {
        const auto& configured = service->slots[index_of(colour)];
        if (!configured) continue;
        route::SlotState slot;
        slot.colour = colour;
        slot.name = configured->name.empty() ? std::string(to_string(colour)) : configured->name;
        for (const config::Target& entry : configured->targets) {
            slot.targets.push_back(target(service->name, colour, entry));
        }
        slot.ledger = std::make_shared<route::Ledger>(service->name, colour, epoch, workers_);
        slot.metrics = metrics(service->name, colour);
        if (!service->served_by_header.empty()) {
            slot.served_by_line = service->served_by_header + ": " + slot.name + "\r\n";
        }
        if (service->preview) add_preview(slot, *service);
        state->slots[index_of(colour)] = std::move(slot);
    }
    if (service->preview) state->preview.emplace(*service->preview);
    if (service->canary) {
        state->canary.emplace(*service->canary, canary, canary_traffic(service->name));
    }
    state->config = std::move(service);
    return state;
}

void Catalog::keep_only(const config::Config& config) {
    std::set<TargetKey> wanted;
    for (const config::Service& service : config.services) {
        for (const Colour colour : kColours) {
            const auto& slot = service.slots[index_of(colour)];
            if (!slot) continue;
            for (const config::Target& entry : slot->targets) {
                wanted.emplace(service.name, colour, entry.address);
            }
        }
    }
    std::erase_if(targets_, [&](const auto& entry) { return !wanted.contains(entry.first); });
}

}  // namespace switchyard::control
