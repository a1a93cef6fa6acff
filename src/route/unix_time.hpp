#pragma once

#include <chrono>
#include <cstdint>

namespace switchyard::route {

/// Whole seconds since 1970, as passes and cookies have them.
inline std::int64_t unix_now() noexcept {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::floor<std::chrono::seconds>(now).count();
}

}  // namespace switchyard::route
