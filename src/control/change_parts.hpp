#pragma once

#include "control/controller.hpp"

#include <optional>
#include <vector>

/// Inner types of the controller that its source files share.
namespace switchyard::control {

/// What can be said of a request without waiting: what it would do and why not, in the order in
/// which refusals are answered.
struct Controller::Assessment {
    State state;               ///< Null: unknown service.
    std::optional<Colour> to;  ///< None: nothing to roll back to.
    std::vector<Refusal> refusals;
    [[nodiscard]] bool slot_exists() const { return state && to && state->slot(*to) != nullptr; }
};

/// How many targets of a slot are in which health.
struct Controller::Survey {
    std::size_t healthy = 0;
    std::size_t unhealthy = 0;
    std::size_t unknown = 0;
    enum class Verdict { go, wait, refuse } verdict = Verdict::refuse;
};

/// What a committed change tells.
struct Controller::Commit {
    const ChangeRequest* request = nullptr;
    const route::ServiceState* former = nullptr;
    const route::ServiceState* next = nullptr;
    std::array<std::optional<state::Release>, 2> releases;
    Steady::time_point begun{};
    Steady::time_point durable{};
    Routing::Published published;
    std::uint64_t in_flight_on_old = 0;
    std::uint64_t tunnels_on_old = 0;
    bool forced = false;
    std::chrono::milliseconds drain_timeout{0};
    std::int64_t history_id = 0;
};

/// The hold of a change that asked for one; ends with the change, whatever becomes of it.
struct Controller::HoldOfChange {
    HoldOfChange() = default;
    HoldOfChange(const HoldOfChange&) = delete;
    HoldOfChange& operator=(const HoldOfChange&) = delete;
    ~HoldOfChange() { finish(HoldEnd::failed); }

    void finish(HoldEnd how) const {
        if (job) job->finish(how, job->caller);
    }

    Holding job;  ///< Null: none.
};

}  // namespace switchyard::control
