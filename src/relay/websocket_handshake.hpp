#pragma once

#include <string>
#include <string_view>

/// The part of a WebSocket's handshake that HTTP/2 does without (RFC 8441 §5): where a client comes
/// over HTTP/2 and the origin speaks HTTP/1.1, it is ours. Any thread.
namespace switchyard::relay {

/// A value for Sec-WebSocket-Key: sixteen random octets in base64 (RFC 6455 §4.1). Throws
/// std::runtime_error without randomness.
[[nodiscard]] std::string new_websocket_key();

/// Whether `accept`, a value of Sec-WebSocket-Accept, is the answer to `key` (RFC 6455 §4.2.2): the
/// origin has read this very request, and knows what it agreed to.
[[nodiscard]] bool answers_websocket_key(std::string_view accept, std::string_view key) noexcept;

}  // namespace switchyard::relay
