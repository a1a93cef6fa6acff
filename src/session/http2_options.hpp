#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace switchyard::session {

/// What a client may ask of one HTTP/2 connection. Rates are frames a second, averaged over ten
/// seconds: ten times as many may come at once.
struct Http2Options {
    std::uint32_t max_concurrent_streams = 0;
    std::uint32_t stream_window = 0;  ///< Bytes of a request body that are held for a stream.
    std::uint32_t header_table = 0;   ///< Bytes of HPACK's table for requests.
    std::uint32_t continuations = 0;  ///< Frames after the first of a header block.
    std::uint32_t resets = 0;
    std::uint32_t settings = 0;
    std::uint32_t pings = 0;
    std::uint32_t ignored_frames = 0;
    std::uint32_t empty_frames = 0;
    std::uint32_t window_updates = 0;           ///< Besides those that are earned (FloodGuard).
    std::chrono::milliseconds settings_ack{0};  ///< For the acknowledgement of our SETTINGS.
    bool extended_connect = false;  ///< Some service takes upgrades (RFC 8441 is announced).
};

}  // namespace switchyard::session
