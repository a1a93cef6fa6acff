#pragma once

#include "config/config.hpp"
#include "route/target.hpp"
#include "route/target_report.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace switchyard::upstream {

/// Watches targets: active health checks, and the resolution of host names. Sets Target::set_health
/// and Target::set_addresses, which workers read. Everything here is called on the thread of the
/// context, and calls back on it.
///
/// The first check starts at once, and its result decides at once about a target that is unknown;
/// from then on it takes `healthy_after` successes or `unhealthy_after` failures in a row. Both
/// slots are checked all the time: the idle one stays warm (C13).
class HealthMonitor {
  public:
    using Targets = std::vector<
        std::pair<std::shared_ptr<route::Target>, std::shared_ptr<const config::Service>>>;
    using ChangeCallback = std::function<void(const route::Target&, const route::TargetReport&)>;

    struct Options {
        std::chrono::milliseconds resolve_interval{5000};
        std::chrono::milliseconds resolve_timeout{5000};
    };

    /// `context` must outlive the monitor.
    explicit HealthMonitor(boost::asio::io_context& context);
    HealthMonitor(boost::asio::io_context& context, Options options);
    /// Cancels what stop() was not awaited for; nothing calls back any more.
    ~HealthMonitor();
    HealthMonitor(const HealthMonitor&) = delete;
    HealthMonitor& operator=(const HealthMonitor&) = delete;

    /// From now on exactly these are watched. Those that were watched already go on undisturbed; if
    /// their check's configuration changed, it is checked anew at once, and keeps its health until
    /// the thresholds say otherwise. May be called from the change callback.
    void watch(const Targets& targets);

    /// Completes when every watched host name was looked up once, well or not; after `limit` at the
    /// latest.
    boost::asio::awaitable<void> resolved(std::chrono::milliseconds limit);
    /// Look-ups under way in the system's resolver, forgotten ones too. While there is one, the
    /// context's destructor waits for it.
    [[nodiscard]] std::size_t lookups() const noexcept;

    /// What is known of a target; of one that is not watched only its health and addresses.
    [[nodiscard]] route::TargetReport report(const route::Target& target) const;

    /// Called after each change of a target's health; replaces an earlier callback.
    void on_change(ChangeCallback callback);

    /// Cancels all checks and completes when none runs any more. Nothing is watched afterwards.
    boost::asio::awaitable<void> stop();

  private:
    struct Core;
    std::shared_ptr<Core> core_;  ///< Shared with the running checks.
};

}  // namespace switchyard::upstream
