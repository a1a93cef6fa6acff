#pragma once

#include <cstdint>

/// Which failures may be followed by another try (C10). Nothing else decides about that, whatever
/// the protocols on both sides.
namespace switchyard::http {

/// How a try with a target failed.
enum class TryFailure : std::uint8_t {
    not_connected,  ///< There was no connection to send anything on.
    /// The target is known not to have processed it: none of it left the socket's buffer, or the
    /// target says so (RFC 9113 §8.7: REFUSED_STREAM, or a stream above the last one of a GOAWAY).
    not_processed,
    broken,     ///< The connection ended before the response.
    timed_out,  ///< No response in the time of one try.
    status,     ///< A response of 502, 503 or 504.
    other,      ///< A response that is none, and all else.
};

/// What is known of the request when its try has failed.
struct TryFacts {
    bool idempotent = false;    ///< By its method (RFC 9110 §9.2.2).
    bool body_at_hand = false;  ///< All of the body that was pulled can be sent again.
    bool heard = false;         ///< Something of a response was received, interim ones included.
    bool answered = false;      ///< Something was sent to the client, interim responses included.
};

/// Whether the request may be sent again. What may have been processed is repeated only if that
/// does no harm, and what the client has got is never taken back.
[[nodiscard]] constexpr bool safe_to_retry(TryFailure failure, const TryFacts& facts) noexcept {
    if (facts.answered || !facts.body_at_hand) return false;
    switch (failure) {
        case TryFailure::not_connected:
        case TryFailure::not_processed:
            return true;
        case TryFailure::broken:
        case TryFailure::timed_out:
            return facts.idempotent && !facts.heard;
        case TryFailure::status:
            return facts.idempotent;
        case TryFailure::other:
            break;
    }
    return false;
}

}  // namespace switchyard::http
