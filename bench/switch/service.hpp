#pragma once

#include "bench/switch/epochs.hpp"
#include "bench/switch/last_switch.hpp"
#include "bench/switch/tally.hpp"
#include "bench/switch/timeline.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace switchyard::bench {

/// What is known of WebSockets (C11).
struct Tunnels {
    enum class Policy : unsigned char { unknown, keep, close, cut };
    Policy policy = Policy::unknown;  ///< As the first switch says.
    std::int64_t drain_timeout = 0;   ///< Nanoseconds; the same.
    std::array<unsigned, 2> open{};   ///< By index_of(Colour): to whom nobody said goodbye yet.
    /// Those of this slot have to be told to go: until then none of them goes by itself.
    std::optional<Colour> to_be_told;
};

/// One of the proxy's services, as its clients and its commander see it.
struct Service {
    explicit Service(Colour live) : timeline(live) {}

    std::string name;
    std::string host;                       ///< Host field and SNI.
    std::array<std::string, 2> slot_names;  ///< What X-Served-By has to say; empty: not checked.
    Timeline timeline;
    LastSwitch last_switch;
    std::optional<Epochs> epochs;  ///< None: nobody can tell in which epoch a request was routed.
    Tunnels tunnels;
    ClientBooks books;
};

}  // namespace switchyard::bench
