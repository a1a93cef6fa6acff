#pragma once

#include "base/colour.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace switchyard::bench {

/// Judges the messages of one call of gRPC: all come from the slot that took it, each once, in
/// order, to the end (C11). Each call that judges returns what is wrong, or nothing.
class GrpcCheck {
  public:
    /// A call with messages back and forth begins.
    void begin_echo();
    /// One begins that is answered by so many messages of so many octets.
    void begin_watch(std::uint64_t messages, std::size_t octets);
    /// Its head came from this slot.
    void opened(Colour slot) noexcept { slot_ = slot; }

    /// The next message to send; it has to come back, in order.
    std::string next_message(std::int64_t now, std::size_t filling);
    /// A message came. `round_trip` gets how long it was under way; 0: nobody asked for it.
    std::string message(std::string_view text, std::int64_t now, std::int64_t& round_trip);
    /// The call has ended in an orderly way.
    std::string ended() const;

    std::size_t under_way() const noexcept { return sent_.size(); }

  private:
    struct Sent {
        std::string text;
        std::int64_t at = 0;
    };
    std::string name() const;

    Colour slot_ = Colour::blue;
    std::uint64_t number_ = 0;  // of the last message
    std::uint64_t wanted_ = 0;  // how many a stream has; 0: it is an echo
    std::size_t octets_ = 0;
    std::deque<Sent> sent_;
};

}  // namespace switchyard::bench
