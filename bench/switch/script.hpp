#pragma once

#include <cstdint>
#include <vector>

namespace switchyard::bench {

/// A command to the proxy about one service.
struct Command {
    enum class Sort : unsigned char {
        change,   ///< switch
        promote,  ///< canary promote: a switch, too
        share,    ///< canary N%; 0: off
    };
    Sort sort = Sort::change;
    unsigned percent = 0;
    bool hold = false;    ///< Requests are held while it is made.
    bool settle = false;  ///< Afterwards the drain may come to its end.

    bool switches() const noexcept { return sort != Sort::share; }
};

/// Which commands there are to be.
struct Script {
    std::uint64_t switches = 0;
    std::uint64_t hold_every = 0;    ///< At every so many switches requests are held; 0: never.
    std::uint64_t canary_every = 0;  ///< Before every so many a canary runs; 0: never.
    /// After every so many switches, and after the last, the drain may come to its end: all
    /// WebSockets of the old slot have to be told to go away (C11).
    std::uint64_t settle_every = 0;
};

/// The commands up to and including switch `number`, counted from 1: the canary before it, if there
/// is one. Canaries end in turns: promoted, off, or by a plain switch.
std::vector<Command> commands_of(const Script& script, std::uint64_t number);

}  // namespace switchyard::bench
