#pragma once

#include "http/exchange.hpp"

namespace switchyard::relay {

class Flight;

/// Of a service with `compression`, once the reply's head stands and `first` was taken of the
/// origin's body: where the response is to be compressed, changes both, and the body to be pulled
/// from here on is the one that is returned. Otherwise that is `body`.
http::Body& compress_reply(Flight& flight, http::Body& body, http::Chunk& first);

/// After the last piece, or what ended the response early: counts, and gives the memory back.
void end_compression(Flight& flight);

}  // namespace switchyard::relay
