#pragma once

#include "bench/common/histogram.hpp"
#include "bench/switch/books.hpp"
#include "bench/switch/last_switch.hpp"
#include "bench/switch/options.hpp"
#include "bench/switch/processes.hpp"
#include "bench/switch/tally.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace switchyard::bench {

/// The books of one service, as everybody keeps them.
struct ServiceResult {
    std::string name;
    ClientBooks clients;
    AllBooks before;
    AllBooks after;
};

/// Everything that a run has found out.
struct Result {
    Tally tally;
    std::uint64_t switches = 0;       ///< Committed.
    Histogram command;                ///< From the sending of a command to its acknowledgement.
    CommandParts parts;               ///< Of that, as the daemon reports it.
    Histogram first_new;              ///< From the sending of a command to the first new answer.
    Histogram settled;                ///< From an acknowledgement until no WebSocket was left.
    std::uint64_t holds = 0;          ///< Switches that held requests.
    std::uint64_t held = 0;           ///< The requests that they held.
    Histogram longest_wait;           ///< Of a request in each of them, as the daemon reports it.
    std::size_t epochs_checked = 0;   ///< Answers whose epoch was compared with the access log.
    std::uint64_t grpc_switches = 0;  ///< Of the service for gRPC, committed.
    std::uint64_t canaries = 0;       ///< Begun, of both services.
    std::uint64_t shares = 0;         ///< Changes of their shares after that.
    double calm_seconds = 0;
    double switching_seconds = 0;
    std::vector<ServiceResult> services;
};

/// Loads, switches, checks. `stage` may be null (nothing was started by us). Throws
/// std::runtime_error when the run cannot take place.
Result run(const Options& options, Stage* stage);

}  // namespace switchyard::bench
