#pragma once

#include "bench/switch/kinds.hpp"

#include <cstdint>

/// How long clients wait with the next thing, in nanoseconds.
namespace switchyard::bench {

constexpr std::int64_t kPauseAfterFailure = 50 * kMillisecond;
constexpr std::int64_t kPauseAfterEnd = 10 * kMillisecond;

}  // namespace switchyard::bench
