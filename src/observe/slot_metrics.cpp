#include "observe/slot_metrics.hpp"

#include <algorithm>

namespace switchyard::observe {

void SlotCell::record(unsigned status, Outcome outcome, std::uint64_t total_us) noexcept {
    const unsigned status_class = status / 100;
    by_status_class[status_class < by_status_class.size() ? status_class : 0].add();
    by_outcome[static_cast<std::size_t>(outcome)].add();
    if (status_class == 5 || outcome == Outcome::upstream_error) errors.add();
    // A bound is inclusive ("le"), so the first bound that is not below the value takes it.
    const auto bound = std::lower_bound(kLatencyBoundsUs.begin(), kLatencyBoundsUs.end(), total_us);
    latency[static_cast<std::size_t>(bound - kLatencyBoundsUs.begin())].add();
    latency_sum_us.add(total_us);
}

}  // namespace switchyard::observe
