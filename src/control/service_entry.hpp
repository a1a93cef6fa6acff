#pragma once

#include "base/colour.hpp"
#include "control/change_ticket.hpp"
#include "control/drain.hpp"
#include "control/failover.hpp"
#include "control/refusal.hpp"
#include "control/slow_targets.hpp"
#include "control/times.hpp"
#include "control/wakeup.hpp"
#include "observe/canary_verdict.hpp"
#include "observe/exposition.hpp"
#include "state/store.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

namespace switchyard::control {

/// Events a second over about the last five seconds, out of a growing number that is looked at once
/// a second.
class RateMeter {
  public:
    void sample(Steady::time_point now, std::uint64_t total) {
        samples_.emplace_back(now, total);
        if (samples_.size() > 6) samples_.pop_front();
    }
    [[nodiscard]] double per_second() const {
        if (samples_.size() < 2) return 0;
        const auto& [first_at, first] = samples_.front();
        const auto& [last_at, last] = samples_.back();
        const double seconds = std::chrono::duration<double>(last_at - first_at).count();
        return seconds > 0 && last > first ? static_cast<double>(last - first) / seconds : 0;
    }

  private:
    std::deque<std::pair<Steady::time_point, std::uint64_t>> samples_;
};

struct DeployJob;
struct HoldJob;

/// What is watched while a canary runs; what is durable of it is in the record.
struct CanaryWatch {
    std::shared_ptr<observe::CanaryCounts> counts;  ///< Of the present comparison.
    Wall::time_point compared_since{};
    observe::CanaryJudge judge;
    bool healthy = true;  ///< As it was told last.
    Wall::time_point health_since{};
};

/// What the controller knows of a service besides its routing. Goes on through switches and
/// reloads, and while the service is not configured.
struct ServiceEntry {
    state::ServiceRecord record;
    std::optional<ChangeUnderWay> change;
    std::shared_ptr<DeployJob>
        deploy;  ///< The one under way, or the last since the start; or null.
    std::optional<state::Maintenance> maintenance;  ///< None: it serves.
    std::shared_ptr<HoldJob> hold;                  ///< Until nobody waits in it any more; or null.
    std::optional<CanaryWatch> canary;              ///< While one runs.
    std::array<RateMeter, 2> rates;                 ///< By index_of(Colour).
    Failover failing_over;                          ///< Whether the idle slot should serve.
    std::shared_ptr<FailoverJob> failover;          ///< While it does; or null.
    std::string failover_barred;                    ///< What was last logged to speak against it.
    std::array<SlowTargets, 2> slow;                ///< By index_of(Colour).

    // For the metrics, since the start:
    std::uint64_t switches = 0;
    std::uint64_t refused = 0;
    std::uint64_t drained_requests = 0;
    std::uint64_t cut_requests = 0;
    double last_drain_seconds = 0;
    double last_switch_seconds = 0;
    std::array<std::uint64_t, observe::kDeployOutcomes.size()> deploys{};  ///< Ended, by outcome.
    std::uint64_t failovers = 0;
    std::uint64_t failover_requests = 0;  ///< Of those that are over, as is their time:
    double failover_seconds = 0;
    double last_deploy_seconds = 0;
    std::vector<std::pair<std::string, double>> last_deploy_stages;  ///< Name and seconds.

    void count_deploy(std::string_view outcome) {
        for (std::size_t i = 0; i < deploys.size(); ++i)
            if (observe::kDeployOutcomes[i] == outcome) ++deploys[i];
    }
};

/// A drain under way, and who hears of it.
struct DrainJob {
    DrainJob(boost::asio::any_io_executor executor, Drain a_drain)
        : drain(std::move(a_drain)), wake(std::move(executor)) {}

    std::string service;
    Colour slot{};            ///< The slot that drains.
    std::uint64_t epoch = 0;  ///< Of the change that began it.
    Wall::time_point since{};
    Wall::time_point deadline{};
    Drain drain;
    Wakeup wake;
    std::chrono::milliseconds drain_timeout{0};  ///< Of the service, for tunnels that were kept.
    std::chrono::milliseconds keep_tunnels{0};   ///< With TunnelDrain::keep.
    bool let_go = false;                         ///< The slot is needed: keep them no longer.
    std::shared_ptr<route::Ledger> successor;    ///< Ledger of the new live slot; may be null.
    std::shared_ptr<ChangeTicket> ticket;        ///< May be null.
    std::int64_t history_id = 0;                 ///< 0: none.
    std::string action;                          ///< Of the change: "switch", "rollback".
    std::string detail;                          ///< Remark for the history.
    boost::json::object receipt;                 ///< What the change itself put into it.
};

}  // namespace switchyard::control
