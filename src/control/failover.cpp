#include "control/failover.hpp"

namespace switchyard::control {

Failover::Step Failover::advance(const Sight& sight, std::chrono::milliseconds return_after,
                                 Steady::time_point now) {
    if (!active_) {
        if (!sight.live_down || !sight.idle_up || sight.barred) return Step::none;
        active_ = true;
        up_since_.reset();
        return Step::begin;
    }
    if (!sight.live_up) {
        up_since_.reset();
        return Step::none;
    }
    if (!up_since_) up_since_ = now;
    // With the idle slot down as well there is nothing to wait for.
    if (sight.idle_up && now - *up_since_ < return_after) return Step::none;
    reset();
    return Step::end;
}

}  // namespace switchyard::control
