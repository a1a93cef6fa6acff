#pragma once

#include "bench/switch/timeline.hpp"
#include "bench/switch/world.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace switchyard::bench {

/// Judges one WebSocket: it stays with the slot that took it, message by message, to its end; and
/// it is told to go away (1001) only as the policy says, after its slot was drained (C11). Each
/// call that judges returns what is wrong, or nothing.
class WebSocketCheck {
  public:
    /// The upgrade, asked for at `began`, was accepted by `slot`. When it was routed is not known
    /// more exactly: the answer may be old when it is read.
    void opened(Colour slot, std::int64_t began);

    /// The next message to send; it has to come back, in order.
    std::string next_message(std::int64_t now, std::size_t filling);
    /// A message came. `round_trip` gets how long it was under way; 0 for the first one, which
    /// nobody asked for.
    std::string message(std::string_view text, std::int64_t now, std::int64_t& round_trip);

    /// We say goodbye ourselves.
    void leaves() noexcept { leaving_ = true; }
    /// A Close came. `told` gets whether it is the proxy's.
    std::string closed(int code, const Timeline& timeline, const Tunnels& tunnels, std::int64_t now,
                       bool& told) const;
    /// The connection ended without one.
    std::string vanished(const std::string& how) const;

    Colour slot() const noexcept { return slot_; }
    std::size_t under_way() const noexcept { return sent_.size(); }

  private:
    struct Sent {
        std::string text;
        std::int64_t at = 0;
    };
    std::string name() const;

    Colour slot_ = Colour::blue;
    std::int64_t began_ = 0;
    bool greeted_ = false;
    bool leaving_ = false;
    std::uint64_t number_ = 0;
    std::deque<Sent> sent_;
};

}  // namespace switchyard::bench
