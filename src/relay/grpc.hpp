#pragma once

#include "http/head.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// What a client of gRPC understands (its protocol over HTTP/2, and its mapping of HTTP's status
/// codes: grpc.github.io, "gRPC over HTTP2" and "HTTP to gRPC Status Code Mapping").
namespace switchyard::relay {

/// A call of gRPC, whatever the messages are written in; not gRPC-Web, which has bodies of its own.
[[nodiscard]] bool is_grpc(const http::RequestHead& request) noexcept;

/// The code of `grpc-status` for an answer of ours that HTTP would give with `status`.
[[nodiscard]] std::string_view grpc_status(unsigned status) noexcept;

/// The same where the origin has reset the stream, with this code (RFC 9113 §7), and no other try
/// was possible: what a client would make of it that speaks to the origin itself.
[[nodiscard]] std::string_view grpc_status_of_reset(std::uint32_t code) noexcept;

/// Appends a text as `grpc-message` has it: percent-encoded but for printable ASCII.
void append_grpc_message(std::string& out, std::string_view text);

}  // namespace switchyard::relay
