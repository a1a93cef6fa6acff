#include "route/outliers.hpp"

#include <algorithm>

namespace switchyard::route {

std::chrono::milliseconds ejection_time(const config::Ejection& policy,
                                        std::uint32_t times) noexcept {
    std::chrono::milliseconds time = policy.outlier_duration;
    for (std::uint32_t i = 1; i < times && time < policy.longest; ++i)
        time *= 2;
    return std::min(time, policy.longest);
}

bool Outliers::eject(std::span<const std::shared_ptr<Target>> targets, Target& target,
                     Ejected::Why why, const config::Ejection& policy, std::uint64_t now_ns) {
    const std::lock_guard lock(mutex_);
    if (target.ejected(now_ns)) return false;
    std::size_t ejected = 1;
    std::size_t left = 0;
    for (const auto& other : targets) {
        if (other.get() == &target) continue;
        if (other->ejected(now_ns)) {
            ++ejected;
        } else if (other->health() != Health::unhealthy) {
            ++left;
        }
    }
    const std::size_t most = std::max<std::size_t>(targets.size() * policy.share / 100, 1);
    if (left == 0 || ejected > most) return false;

    // In a row: it did not last as long among the others as it had been away.
    const Ejected former = target.ejection();
    std::uint32_t times = 1;
    if (former.why != Ejected::Why::connect && former.number != 0) {
        const std::uint64_t away = former.until_ns - former.since_ns;
        if (now_ns < former.until_ns + away) times = former.times + 1;
    }
    target.eject(why, times, now_ns, ejection_time(policy, times));
    return true;
}

}  // namespace switchyard::route
