#pragma once

#include "config/config.hpp"
#include "route/target.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>

namespace switchyard::control {

/// Answers of one target in one interval.
struct Pace {
    std::uint64_t answers = 0;
    std::uint64_t sum_us = 0;
    [[nodiscard]] std::uint64_t mean_us() const noexcept {
        return answers == 0 ? 0 : sum_us / answers;
    }
};

/// A target with fewer answers in an interval is not judged, nor are others by it.
inline constexpr std::uint64_t kLeastAnswers = 20;

/// The slowest target whose mean is more than `slow_factor` times the median of the others' means,
/// and by at least `slow_by` more; none: there is none, or nothing to compare with.
[[nodiscard]] std::optional<std::size_t> find_slow(std::span<const Pace> paces,
                                                   const config::Ejection& policy);

/// Looks at the latencies of one slot's targets, interval by interval (ejection.slow_factor). One
/// that was the slow one in two intervals in a row is an outlier. Control thread.
class SlowTargets {
  public:
    /// To be called often; `now_ns` of the steady clock. The outlier, or null.
    [[nodiscard]] std::shared_ptr<route::Target> look(
        std::span<const std::shared_ptr<route::Target>> targets, const config::Ejection& policy,
        std::uint64_t now_ns);

  private:
    std::uint64_t next_ns_ = 0;               ///< The end of the interval; 0: none has begun.
    std::map<std::uint32_t, Pace> counted_;   ///< By target id: all up to the interval's begin.
    std::optional<std::uint32_t> suspected_;  ///< Was slow in the last interval.
};

}  // namespace switchyard::control
