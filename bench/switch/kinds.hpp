#pragma once

#include <cstddef>
#include <cstdint>

namespace switchyard::bench {

/// The kinds of clients: each breaks in its own way when a switch is not clean.
enum class Kind : std::uint8_t {
    keep_alive,  ///< One request after the other on one connection.
    fresh,       ///< A new connection for every request.
    pipelined,   ///< Bursts of requests, answers expected in order.
    upload,      ///< A body that is sent slowly.
    download,    ///< A long answer that is read slowly.
    long_poll,   ///< The application answers late.
    leaver,      ///< Goes away in the middle of the answer.
};

inline constexpr std::size_t kKinds = 7;
inline constexpr std::int64_t kMillisecond = 1'000'000;

/// How a kind of client behaves.
struct Behaviour {
    const char* name;
    char letter;         ///< Begins the test ids of its requests.
    unsigned burst = 1;  ///< Requests that are sent before an answer is read.
    bool reconnects = false;
    std::size_t write_piece = 0;   ///< Bytes of the body that are sent at a time; 0: all.
    std::int64_t write_pause = 0;  ///< Nanoseconds between two pieces.
    std::size_t read_piece = 0;    ///< Bytes that are read at a time; 0: as they come.
    std::int64_t read_pause = 0;
    std::size_t leaves_after = 0;  ///< Bytes of the answer's body; 0: stays to the end.
};

const Behaviour& behaviour(Kind kind) noexcept;

}  // namespace switchyard::bench
