#pragma once

#include <cstddef>
#include <cstdint>

namespace switchyard::bench {

/// The kinds of requests: each breaks in its own way when a switch is not clean.
enum class Kind : std::uint8_t {
    keep_alive,  ///< One request after the other on one connection.
    fresh,       ///< A new connection for every request.
    pipelined,   ///< Bursts of requests, answers expected in order.
    upload,      ///< A body that is sent slowly.
    download,    ///< A long answer that is read slowly.
    long_poll,   ///< The application answers late.
    leaver,      ///< Goes away in the middle of the answer.
    websocket,   ///< Messages back and forth, until one of both says goodbye.
    grpc_echo,   ///< A call of gRPC with messages back and forth.
    grpc_watch,  ///< A call of gRPC that is answered by many messages.
};

inline constexpr std::size_t kKinds = 10;
inline constexpr std::int64_t kMillisecond = 1'000'000;

/// What a request goes over.
enum class Transport : std::uint8_t { http1, http1_tls, h2c, h2_tls };

inline constexpr std::size_t kTransports = 4;

/// How requests of a kind behave.
struct Behaviour {
    const char* name;
    char letter;         ///< Begins the test ids of its requests.
    unsigned burst = 1;  ///< Requests that are sent before an answer is read (HTTP/1).
    bool reconnects = false;
    std::size_t write_piece = 0;   ///< Bytes of the body that are sent at a time; 0: all.
    std::int64_t write_pause = 0;  ///< Nanoseconds between two pieces.
    std::size_t read_piece = 0;    ///< Bytes that are read at a time; 0: as they come.
    std::int64_t read_pause = 0;
    std::size_t leaves_after = 0;  ///< Bytes of the answer's body; 0: stays to the end.
};

const Behaviour& behaviour(Kind kind) noexcept;

/// For tables: ", TLS", ", h2c", ...
const char* suffix(Transport transport) noexcept;

constexpr std::size_t index_of(Kind kind) noexcept {
    return static_cast<std::size_t>(kind);
}
constexpr std::size_t index_of(Transport transport) noexcept {
    return static_cast<std::size_t>(transport);
}

}  // namespace switchyard::bench
