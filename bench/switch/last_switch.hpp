#pragma once

#include "bench/common/histogram.hpp"
#include "bench/switch/kinds.hpp"

#include <cstdint>
#include <limits>

namespace switchyard::bench {

/// The latest switch, as far as it can have touched a request: from the sending of the command to a
/// while after its acknowledgement. Nanoseconds of the monotonic clock.
class LastSwitch {
  public:
    static constexpr std::int64_t kAfterwards = 10 * kMillisecond;

    void sent(std::int64_t now) noexcept {
        begin_ = now;
        end_ = std::numeric_limits<std::int64_t>::max();
    }
    void acknowledged(std::int64_t now) noexcept { end_ = now + kAfterwards; }
    /// Whether a request that ends now was under way then. Earlier switches need no look: they were
    /// over before this one.
    [[nodiscard]] bool met(std::int64_t began, std::int64_t now) const noexcept {
        return began <= end_ && now >= begin_;
    }

  private:
    std::int64_t begin_ = std::numeric_limits<std::int64_t>::max();
    std::int64_t end_ = std::numeric_limits<std::int64_t>::min();
};

/// What a command takes from its arrival to its acknowledgement, as the daemon reports it: until
/// the decision is durable, from there until all workers have it, and until all have said so.
struct CommandParts {
    Histogram durable;
    Histogram visible;
    Histogram acknowledged;
};

}  // namespace switchyard::bench
