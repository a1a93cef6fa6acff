#pragma once

#include "relay/flight.hpp"

/// What is different for a request to a target that speaks HTTP/2.
namespace switchyard::relay {

/// Changes flight.outgoing, which is ready for HTTP/1.1. False: it can't be asked of the target,
/// since it is a WebSocket, which a stream carries only by an extended CONNECT (RFC 8441).
[[nodiscard]] bool adapt_to_http2(Flight& flight);

/// A response without a body whose end HTTP/2 has told, and HTTP/1.1 could not tell without a
/// length.
[[nodiscard]] bool ends_without_length(const Flight& flight) noexcept;

}  // namespace switchyard::relay
