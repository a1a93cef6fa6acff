#pragma once

#include <cstdint>
#include <string_view>

namespace switchyard::observe {

/// How an accepted request ended: exactly one of these (C18).
enum class Outcome : std::uint8_t {
    completed,       ///< The whole answer of the application went to the client.
    client_abort,    ///< The client left, broke the protocol in the body, or was too slow.
    upstream_error,  ///< The target could not be reached, failed, or broke off.
    refused,  ///< Answered by the proxy itself: bad request, limit, no such service, redirect.
    cut,  ///< Ended by the proxy: at the deadline of a drain or of its own shutdown, or a tunnel
          ///< that was silent for too long.
};

inline constexpr std::size_t kOutcomes = 5;

constexpr std::string_view to_string(Outcome outcome) noexcept {
    switch (outcome) {
        case Outcome::completed:
            return "completed";
        case Outcome::client_abort:
            return "client_abort";
        case Outcome::upstream_error:
            return "upstream_error";
        case Outcome::refused:
            return "refused";
        case Outcome::cut:
            return "cut";
    }
    return "unknown";
}

}  // namespace switchyard::observe
