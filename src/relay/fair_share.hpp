#pragma once

#include <cstddef>

namespace switchyard::relay {

/// Octets that a stream which is always ready may move before the other connections get a turn.
inline constexpr std::size_t kFairShare = 1024 * 1024;

}  // namespace switchyard::relay
