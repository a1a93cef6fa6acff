#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace switchyard::observe {

/// Why a connection that had to begin with a header of the PROXY protocol was closed.
enum class ProxyFault : std::uint8_t {
    absent,     ///< It began with something else.
    malformed,  ///< The header was none.
    timed_out,  ///< It did not come in time.
    cut_off,    ///< The connection ended within it.
};

inline constexpr std::size_t kProxyFaults = 4;

constexpr std::string_view to_string(ProxyFault fault) noexcept {
    switch (fault) {
        case ProxyFault::absent:
            return "absent";
        case ProxyFault::malformed:
            return "malformed";
        case ProxyFault::timed_out:
            return "timed_out";
        case ProxyFault::cut_off:
            return "cut_off";
    }
    return {};
}

}  // namespace switchyard::observe
