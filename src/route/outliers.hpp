#pragma once

#include "config/config.hpp"
#include "route/target.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

namespace switchyard::route {

/// For how long a target is ejected the `times`-th time in a row (1, 2, ...): twice as long each
/// time, up to the longest.
[[nodiscard]] std::chrono::milliseconds ejection_time(const config::Ejection& policy,
                                                      std::uint32_t times) noexcept;

/// Who may eject targets of one service that can be connected to but do badly, since that must
/// never leave a slot without a target: one at a time. Nobody comes here but for a target that has
/// just become an outlier. Any thread. Lives as long as the service's counters.
class Outliers {
  public:
    /// Ejects `target`, one of the slot's `targets`. False: it is ejected already, or no target
    /// that is neither unhealthy nor ejected would be left, or too many would be ejected. The next
    /// time that it is an outlier it is asked again.
    bool eject(std::span<const std::shared_ptr<Target>> targets, Target& target, Ejected::Why why,
               const config::Ejection& policy, std::uint64_t now_ns);

  private:
    std::mutex mutex_;
};

}  // namespace switchyard::route
