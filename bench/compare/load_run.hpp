#pragma once

#include "bench/common/histogram.hpp"
#include "bench/compare/load_options.hpp"

#include <cstdint>
#include <string>

namespace switchyard::bench {

/// What became of the requests that were due in the measured time of a run at a rate.
struct LoadBooks {
    std::uint64_t due = 0;
    std::uint64_t sent = 0;
    std::uint64_t answered = 0;
    std::uint64_t failed = 0;
    std::uint64_t queued = 0;      ///< Those for which no connection or stream was free when due.
    std::uint64_t unanswered = 0;  ///< Neither answered nor failed when the run was given up.
};

/// What a run has seen in its measured time.
struct LoadResult {
    std::uint64_t requests = 0;  ///< Answers that came in that time.
    std::uint64_t failed = 0;
    std::string first_error;
    double seconds = 0;
    double cpu_seconds = 0;  ///< CPU time that the process `pid` used in the same time.
    Histogram latency;
    Histogram sent_late;  ///< At a rate only: from when each was due until it was sent.
    LoadBooks books;      ///< At a rate only.
};

/// Runs the load; throws std::runtime_error when it cannot even start.
LoadResult run_load(const LoadOptions& options);

/// The same at a rate (options.rate > 0): requests are due at random moments, whatever the answers
/// do, and an answer's time counts from when its request was due. One that finds no connection or
/// stream free waits for one. Throws std::runtime_error also when the books do not balance.
LoadResult run_open(const LoadOptions& options);

/// Opens the connections, one request on each, writes "ready" to standard output and keeps the
/// connections until standard input ends. Returns how many are open.
unsigned run_idle(const LoadOptions& options);

}  // namespace switchyard::bench
