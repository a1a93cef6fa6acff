#pragma once

#include "bench/switch/run.hpp"

#include <string>

namespace switchyard::bench {

/// The result for people: a table, the balance, the violations.
std::string report_text(const Result& result, const Options& options);

/// The result for programs.
std::string report_json(const Result& result, const Options& options);

}  // namespace switchyard::bench
