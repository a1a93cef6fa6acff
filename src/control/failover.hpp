#pragma once

#include "base/colour.hpp"
#include "control/times.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace switchyard::control {

/// Whether the idle slot serves in place of a live one that is down. Pure: what is seen, and when,
/// in; what to do out. Begins at once, since health has its thresholds; ends when the live slot has
/// been up for some time without a break, so that one that comes and goes is left alone.
class Failover {
  public:
    /// Health of slots. A target that nothing is known of is neither up nor down.
    struct Sight {
        bool live_up = false;    ///< Some target of the live slot is healthy.
        bool live_down = false;  ///< Each of them is unhealthy.
        bool idle_up = false;    ///< Some target of the idle slot is healthy.
        bool barred = false;     ///< Something else speaks against it: it does not begin.
    };
    enum class Step : std::uint8_t { none, begin, end };

    [[nodiscard]] Step advance(const Sight& sight, std::chrono::milliseconds return_after,
                               Steady::time_point now);
    /// It came to nothing, or something else ended it.
    void reset() {
        active_ = false;
        up_since_.reset();
    }
    [[nodiscard]] bool active() const noexcept { return active_; }
    /// Since when the live slot has been up again; none: it is not, or nothing is under way.
    [[nodiscard]] std::optional<Steady::time_point> up_since() const noexcept { return up_since_; }

  private:
    bool active_ = false;
    std::optional<Steady::time_point> up_since_;
};

/// One failover of a service, from its begin to its end. Not durable: after a restart it is found
/// anew.
struct FailoverJob {
    std::string service;
    Colour live{};  ///< The slot that is down.
    Colour to{};    ///< The one that serves.
    std::uint64_t epoch = 0;
    Wall::time_point since{};
    Steady::time_point begun{};
    std::string reason;           ///< What is known of the live slot's targets.
    std::int64_t history_id = 0;  ///< 0: not written.
    std::uint64_t requests_before = 0;
    std::uint64_t errors_before = 0;
    bool in_force = false;  ///< Published.
    bool ending = false;
};

}  // namespace switchyard::control
