#include "http/exchange.hpp"

namespace switchyard::http {

// Nobody asks for these where pipeable() is 0 and takes_pipe() is false.
Task<PipedChunk> Body::next_into(Pipe&) {
    co_return PipedChunk{0, false, Fault::cancelled};
}

Task<Fault> Exchange::send_body(Pipe&, bool) {
    co_return Fault::cancelled;
}

}  // namespace switchyard::http
