#pragma once

#include <chrono>
#include <cstdint>
#include <random>

/// How long to wait before the next try. Pure functions of their arguments and the generator.
namespace switchyard::cloud {

using std::chrono::milliseconds;
using Random = std::mt19937_64;

/// Full jitter: anything up to `first` doubled `failures - 1` times, at most `longest`; but at
/// least a tenth of `first`, so that a lucky draw does not hammer. `failures` counts from 1.
[[nodiscard]] milliseconds full_jitter(unsigned failures, milliseconds first, milliseconds longest,
                                       Random& random);

/// `first` doubled `failures - 1` times, at most `longest`, without a random part.
[[nodiscard]] milliseconds doubled(unsigned failures, milliseconds first, milliseconds longest);

/// `interval`, give or take up to 30 %.
[[nodiscard]] milliseconds spread(milliseconds interval, Random& random);

/// Between two thirds of `interval` and all of it: the first look at something that was begun.
[[nodiscard]] milliseconds first_of(milliseconds interval, Random& random);

}  // namespace switchyard::cloud
