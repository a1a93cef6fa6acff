#pragma once

#include "control/ports.hpp"
#include "server/upstream_tls.hpp"
#include "upstream/health_monitor.hpp"

#include <functional>
#include <utility>
#include <vector>

namespace switchyard::server {

/// The health monitor as the controller's port. What it begins to watch is equipped with TLS first,
/// since whatever is watched may be connected to.
class MonitorPort final : public control::HealthMonitor {
  public:
    /// `tls` must outlive it.
    MonitorPort(boost::asio::io_context& context, const UpstreamTls& tls)
        : tls_(tls), monitor_(context) {}

    void watch(const std::vector<
               std::pair<std::shared_ptr<route::Target>, std::shared_ptr<const config::Service>>>&
                   targets) override {
        for (const auto& [target, service] : targets)
            tls_.equip(*target);
        monitor_.watch(targets);
    }
    boost::asio::awaitable<void> resolved(std::chrono::milliseconds limit) override {
        return monitor_.resolved(limit);
    }
    [[nodiscard]] control::TargetReport report(const route::Target& target) const override {
        return monitor_.report(target);
    }
    void on_change(
        std::function<void(const route::Target&, const control::TargetReport&)> callback) override {
        monitor_.on_change(std::move(callback));
    }
    boost::asio::awaitable<void> stop() { return monitor_.stop(); }
    [[nodiscard]] std::size_t lookups() const noexcept { return monitor_.lookups(); }

  private:
    const UpstreamTls& tls_;
    upstream::HealthMonitor monitor_;
};

}  // namespace switchyard::server
