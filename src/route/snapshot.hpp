#pragma once

#include "base/colour.hpp"
#include "config/config.hpp"
#include "observe/slot_metrics.hpp"
#include "route/canary.hpp"
#include "route/gate.hpp"
#include "route/host_table.hpp"
#include "route/ledger.hpp"
#include "route/outliers.hpp"
#include "route/preview_table.hpp"
#include "route/retry_budget.hpp"
#include "route/target.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::route {

/// One slot of a service in one epoch.
struct SlotState {
    Colour colour{};
    std::string name;
    std::vector<std::shared_ptr<Target>> targets;  ///< Never empty.
    std::shared_ptr<Ledger> ledger;
    std::shared_ptr<observe::SlotMetrics> metrics;
    std::string served_by_line;  ///< "X-Served-By: blue-production\r\n", or empty.

    // Null and empty where the service has no preview.
    std::shared_ptr<observe::SlotMetrics> preview_metrics;  ///< Of requests in preview, apart.
    std::string preview_lines;  ///< The same for them: X-Served-By, and what keeps caches off.
};

/// A service in one epoch: routing, options and epoch are one immutable object (C1). Requests
/// point to it from their routing decision to their end; whoever publishes keeps it alive until its
/// ledgers are empty.
struct ServiceState {
    std::shared_ptr<const config::Service> config;
    std::uint64_t epoch = 1;
    Colour live = Colour::blue;
    std::optional<SlotState> slots[2];
    std::optional<PreviewGate> preview;  ///< None: the idle slot can't be reached.
    std::optional<Canary> canary;        ///< None: none is configured.
    // These outlive epochs.
    std::shared_ptr<HoldRoom> room;
    std::shared_ptr<RetryBudget> budget;
    std::shared_ptr<Outliers> outliers;
    /// The live slot is down, and the idle one gets its requests. Nothing else changes by it: a
    /// state like any other of this epoch, with ledgers of its own.
    bool failover = false;

    [[nodiscard]] const std::string& name() const noexcept { return config->name; }
    [[nodiscard]] const SlotState& live_slot() const noexcept { return *slots[index_of(live)]; }
    /// The slot that gets the requests: the live one, but for a failover.
    [[nodiscard]] Colour serving() const noexcept { return failover ? other(live) : live; }
    [[nodiscard]] const SlotState& serving_slot() const noexcept {
        return *slots[index_of(serving())];
    }
    [[nodiscard]] const SlotState* slot(Colour colour) const noexcept {
        const auto& entry = slots[index_of(colour)];
        return entry ? &*entry : nullptr;
    }
};

/// The immutable routing state that every request reads, once. Published with one atomic store.
struct Snapshot {
    std::uint64_t version = 0;  ///< Grows by one with each publication.
    std::shared_ptr<const config::Config> config;
    /// In the order of config->services; hosts refers to these positions.
    std::vector<std::shared_ptr<const ServiceState>> services;
    /// What stands before each of them; null: nothing.
    std::vector<std::shared_ptr<const Gate>> gates;
    std::shared_ptr<const HostTable> hosts;
    std::shared_ptr<const PreviewTable> previews;  ///< Null: no service has a preview.

    struct Match {
        const ServiceState* service = nullptr;  ///< Null: none.
        const std::shared_ptr<const Gate>* gate = nullptr;
    };
    /// The service for a host (lower case, without port) and a path.
    [[nodiscard]] Match match(std::string_view host, std::string_view path) const noexcept {
        const int index = hosts->find(host, path);
        if (index < 0) return {};
        const auto at = static_cast<std::size_t>(index);
        return {services[at].get(), &gates[at]};
    }
    /// What stands before the service of this name; null: nothing, or there is no such service.
    [[nodiscard]] const Gate* gate_of(std::string_view service) const noexcept {
        for (std::size_t i = 0; i < services.size(); ++i) {
            if (services[i]->name() == service) return gates[i].get();
        }
        return nullptr;
    }
};

}  // namespace switchyard::route
