#pragma once

#include "config/config.hpp"
#include "observe/slot_metrics.hpp"
#include "route/snapshot.hpp"
#include "route/target.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace switchyard::control {

/// The objects that live longer than an epoch: one Target for each (service, slot, address), one
/// SlotMetrics for each (service, slot), another one for its previews, and one HoldRoom,
/// CanaryTraffic, RetryBudget and Outliers for each service. Builds service states out of them.
/// Control thread only.
class Catalog {
  public:
    explicit Catalog(std::size_t workers) : workers_(workers) {}

    /// A state of the service with fresh ledgers. `canary` null: none runs. `failover`: the idle
    /// slot serves.
    [[nodiscard]] std::shared_ptr<const route::ServiceState> make_state(
        std::shared_ptr<const config::Service> service, std::uint64_t epoch, Colour live,
        const route::CanaryRun* canary = nullptr, bool failover = false);

    /// Forgets targets that `config` does not name (whoever still uses one keeps it).
    void keep_only(const config::Config& config);

    [[nodiscard]] std::shared_ptr<observe::SlotMetrics> metrics(const std::string& service,
                                                                Colour colour);

  private:
    /// What requests in preview are counted in and marked with.
    void add_preview(route::SlotState& slot, const config::Service& service);

    using TargetKey = std::tuple<std::string, Colour, std::string>;

    [[nodiscard]] std::shared_ptr<route::HoldRoom> hold_room(const std::string& service);
    [[nodiscard]] std::shared_ptr<observe::CanaryTraffic> canary_traffic(
        const std::string& service);
    [[nodiscard]] std::shared_ptr<route::Target> target(const std::string& service, Colour colour,
                                                        const config::Target& config);

    std::size_t workers_;
    std::uint32_t next_target_id_ = 1;
    std::map<TargetKey, std::shared_ptr<route::Target>> targets_;
    std::map<std::pair<std::string, Colour>, std::shared_ptr<observe::SlotMetrics>> metrics_;
    std::map<std::pair<std::string, Colour>, std::shared_ptr<observe::SlotMetrics>>
        preview_metrics_;
    std::map<std::string, std::shared_ptr<route::HoldRoom>> hold_rooms_;
    std::map<std::string, std::shared_ptr<observe::CanaryTraffic>> canary_traffic_;
    std::map<std::string, std::shared_ptr<route::RetryBudget>> budgets_;
    std::map<std::string, std::shared_ptr<route::Outliers>> outliers_;
};

}  // namespace switchyard::control
