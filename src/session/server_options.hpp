#pragma once

#include "http/head_limits.hpp"
#include "session/http2_options.hpp"

#include <chrono>
#include <cstdint>

namespace switchyard::session {

/// What a session asks for with each request; replaced as a whole by a reload.
struct ServerOptions {
    http::HeadLimits limits;
    std::uint64_t body_bytes = 0;  ///< 0: unlimited.
    std::chrono::milliseconds tls_handshake{0};
    std::chrono::milliseconds request_head{0};
    std::chrono::milliseconds request_body{0};
    std::chrono::milliseconds response_write{0};
    std::chrono::milliseconds keep_alive{0};
    Http2Options http2;
};

}  // namespace switchyard::session
