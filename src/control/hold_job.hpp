#pragma once

#include "base/colour.hpp"
#include "control/change_ticket.hpp"
#include "control/refusal.hpp"
#include "control/times.hpp"
#include "control/wakeup.hpp"
#include "route/hold_room.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/json/object.hpp>

namespace switchyard::control {

struct HoldRequest {
    Caller caller;
    std::string service;
    std::optional<std::chrono::milliseconds> max;  ///< None: what a request may wait.
    bool wait = true;
    std::chrono::milliseconds idle_wait{0};  ///< The answer waits so long for what is in flight.
};

struct MaintenanceRequest {
    Caller caller;
    std::string service;
    bool on = false;
    std::string message;
    std::uint64_t retry_after_s = 0;  ///< 0: what the configuration says.
};

/// Why a hold ended.
enum class HoldEnd : std::uint8_t {
    released,     ///< Somebody said so.
    switched,     ///< It belonged to a switch, which is committed.
    failed,       ///< It belonged to a switch that came to nothing, or a worker was stuck.
    expired,      ///< Nobody ended it in time.
    maintenance,  ///< The service went into maintenance: who waited got its page.
    removed,      ///< A reload took the service away.
    stopped,      ///< The daemon ends.
};

[[nodiscard]] constexpr std::string_view to_string(HoldEnd end) noexcept {
    switch (end) {
        case HoldEnd::released:
            return "released";
        case HoldEnd::switched:
            return "switched";
        case HoldEnd::failed:
            return "failed";
        case HoldEnd::expired:
            return "expired";
        case HoldEnd::maintenance:
            return "maintenance";
        case HoldEnd::removed:
            return "removed";
        case HoldEnd::stopped:
            return "stopped";
    }
    return "unknown";
}

/// A hold of one service, from the command to the moment at which nobody waits any more. It belongs
/// to the controller and to nobody's connection, and is not durable: a daemon that comes back after
/// a crash holds nothing.
struct HoldJob {
    explicit HoldJob(boost::asio::any_io_executor executor) : wake(executor), changed(executor) {}

    std::string service;
    Caller caller;
    std::uint64_t number = 0;         ///< Unique since the start.
    bool by_switch = false;           ///< A switch began it, and ends it.
    std::optional<Colour> switch_to;  ///< What that makes live.
    std::chrono::milliseconds max{0};
    Wall::time_point since{};
    Steady::time_point begun{};
    Steady::time_point deadline{};
    std::int64_t history_id = 0;  ///< 0: none.

    std::shared_ptr<route::HoldRoom> room;
    route::HoldRoom::Totals before;  ///< What the room had counted when it began.

    bool in_force = false;       ///< Acknowledged by the workers.
    bool visible = false;        ///< From the next publication on requests are held.
    std::optional<HoldEnd> end;  ///< Set once: it is to end.
    Caller ended_by;
    bool over = false;           ///< Nobody waits any more, and `result` is complete.
    boost::json::object result;  ///< The event "released".
    std::vector<std::shared_ptr<ChangeTicket>> listeners;
    Wakeup wake;     ///< For its task.
    Wakeup changed;  ///< `in_force` or `over` is set.

    void finish(HoldEnd how, Caller who) {
        if (end) return;
        end = how;
        ended_by = std::move(who);
        wake.notify();
    }
    [[nodiscard]] Wall::time_point deadline_at() const {
        return since + std::chrono::duration_cast<Wall::duration>(deadline - begun);
    }
};

}  // namespace switchyard::control
