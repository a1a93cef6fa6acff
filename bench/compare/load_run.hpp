#pragma once

#include "bench/common/histogram.hpp"
#include "bench/compare/load_options.hpp"

#include <cstdint>
#include <string>

namespace switchyard::bench {

/// What a run has seen in its measured time.
struct LoadResult {
    std::uint64_t requests = 0;
    std::uint64_t failed = 0;
    std::string first_error;
    double seconds = 0;
    double cpu_seconds = 0;  ///< CPU time that the process `pid` used in the same time.
    Histogram latency;
};

/// Runs the load; throws std::runtime_error when it cannot even start.
LoadResult run_load(const LoadOptions& options);

/// The same at a rate (options.rate > 0), on as many connections; an answer's time counts from when
/// its request was due.
LoadResult run_open(const LoadOptions& options);

/// Opens the connections, one request on each, writes "ready" to standard output and keeps the
/// connections until standard input ends. Returns how many are open.
unsigned run_idle(const LoadOptions& options);

}  // namespace switchyard::bench
