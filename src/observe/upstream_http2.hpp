#pragma once

#include "observe/counter.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace switchyard::observe {

/// How a connection of HTTP/2 to a target failed, once it was open.
enum class UpstreamHttp2Failure : std::uint8_t {
    not_http2,       ///< The target speaks something else.
    timeout,         ///< No SETTINGS in time, no answer to a PING, or nothing was taken.
    protocol_error,  ///< The target broke the protocol.
    rejected,        ///< The target said GOAWAY with an error.
    closed,          ///< It ended before the SETTINGS, or with requests on it.
};
inline constexpr std::size_t kUpstreamHttp2Failures = 5;

/// The label `reason`.
constexpr const char* to_string(UpstreamHttp2Failure failure) noexcept {
    constexpr const char* kNames[kUpstreamHttp2Failures] = {"not_http2", "timeout",
                                                            "protocol_error", "rejected", "closed"};
    return kNames[static_cast<std::size_t>(failure)];
}

/// What is counted of connections of HTTP/2 to targets; only one worker writes.
struct UpstreamHttp2 {
    Counter connections;  ///< Gauge: open ones.
    Counter streams;      ///< Gauge: requests on them, also those whose end the target has to hear.
    Counter goaways;      ///< Connections whose target said GOAWAY.
    Counter resets;       ///< Streams that the target has reset before its response was complete.
    std::array<Counter, kUpstreamHttp2Failures> failures;  ///< Connections, by how they failed.
};

}  // namespace switchyard::observe
