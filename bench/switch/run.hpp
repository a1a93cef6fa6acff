#pragma once

#include "bench/common/histogram.hpp"
#include "bench/switch/books.hpp"
#include "bench/switch/options.hpp"
#include "bench/switch/processes.hpp"
#include "bench/switch/tally.hpp"

#include <array>
#include <cstdint>

namespace switchyard::bench {

/// Everything that a run has found out.
struct Result {
    Tally tally;
    std::uint64_t switches = 0;      ///< Committed.
    Histogram command;               ///< From the sending of a command to its acknowledgement.
    Histogram durable;               ///< As the daemon reports it.
    Histogram first_new;             ///< From the sending of a command to the first new answer.
    Histogram settled;               ///< From an acknowledgement until no WebSocket was left.
    std::uint64_t holds = 0;         ///< Switches that held requests.
    std::uint64_t held = 0;          ///< The requests that they held.
    Histogram longest_wait;          ///< Of a request in each of them, as the daemon reports it.
    std::size_t epochs_checked = 0;  ///< Answers whose epoch was compared with the access log.
    double calm_seconds = 0;
    double switching_seconds = 0;
    AllBooks before;
    AllBooks after;
};

/// Loads, switches, checks. `stage` may be null (nothing was started by us). Throws
/// std::runtime_error when the run cannot take place.
Result run(const Options& options, Stage* stage);

}  // namespace switchyard::bench
