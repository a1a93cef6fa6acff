#pragma once

#include "config/config.hpp"
#include "route/hold_room.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace switchyard::route {

/// What stands before a service whose requests are not simply served: a hold, or maintenance. An
/// immutable part of the snapshot, so that it takes effect at one instant on every worker; a
/// service that is open has none. Made anew with each publication, out of the configuration in
/// force: its bounds and pages are those of now.
struct Gate {
    enum class Mode : std::uint8_t {
        hold,         ///< Requests wait at the door, before their routing decision (C2, C15).
        maintenance,  ///< They get the maintenance page.
    };
    Mode mode = Mode::hold;
    std::shared_ptr<const config::Service> config;
    std::shared_ptr<HoldRoom> room;

    // Of a hold.
    std::uint64_t hold = 0;         ///< Its number, which no other hold of the service has had.
    std::uint64_t deadline_ns = 0;  ///< When it ends by itself; steady.

    // Of maintenance: what the page says, ready to be put into it.
    std::string message_html;
    std::string message_json;  ///< With its quotes.
    std::uint64_t retry_after_s = 0;
};

/// Who wants to pass a gate. Who was let into the preview does not come here: a gate stands before
/// the live slot.
struct Visitor {
    bool server_info = false;  ///< Asks for the live slot's name, which the proxy answers itself.
    bool again = false;  ///< A further try of a request that was in flight when the gate closed.
};

enum class Passage : std::uint8_t { open, wait, turned_away };

/// What becomes of a request at the gate (null: open). What was in flight ends: maintenance lets
/// its further tries through, while a hold has them wait like everybody, since the application may
/// be in the middle of its migration.
[[nodiscard]] inline Passage passage(const Gate* gate, const Visitor& visitor) noexcept {
    if (gate == nullptr || visitor.server_info) return Passage::open;
    if (gate->mode == Gate::Mode::hold) return Passage::wait;
    return visitor.again ? Passage::open : Passage::turned_away;
}

}  // namespace switchyard::route
