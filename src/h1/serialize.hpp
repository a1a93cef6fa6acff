#pragma once

#include "http/head.hpp"

#include <string>

/// Heads as octets (RFC 9112 §3, §4). Names and values were validated before.
namespace switchyard::h1 {

/// What the connection line of a head says.
enum class ConnectionLine : unsigned char { none, close, keep_alive };

/// Appends the head of a 101 that switches to `protocol` (RFC 9110 §15.2.2).
void append_switching(std::string& out, const http::OutgoingResponse& head,
                      std::string_view protocol);

/// Appends "HTTP/1.1 200 OK" … up to and with the empty line.
void append_response(std::string& out, const http::OutgoingResponse& head, bool chunked,
                     ConnectionLine connection);

/// Appends "GET /path HTTP/1.1" … up to and with the empty line.
void append_request(std::string& out, const http::OutgoingRequest& head);

/// Appends trailer fields, without the empty line.
void append_fields(std::string& out, const http::Fields& fields);

/// The usual reason phrase (RFC 9110 §15), "" when there is none.
[[nodiscard]] std::string_view reason_phrase(unsigned status) noexcept;

}  // namespace switchyard::h1
