// Long bodies between two sockets without TLS: through a pipe, without coming into our memory.
#include "base/pipe.hpp"
#include "relay/fair_share.hpp"
#include "relay/relay.hpp"

namespace switchyard::relay {

using http::Fault;

Task<Relay::Passed> Relay::pass_piped(http::Exchange& exchange, http::Body& body) {
    Passed passed;
    Pipe pipe = Pipe::take();
    if (!pipe.is_open()) co_return passed;
    std::size_t moved = 0;
    while (!passed.complete) {
        const http::PipedChunk piece = co_await body.next_into(pipe);
        passed.origin = piece.fault;
        if (passed.origin != Fault::none) co_return passed;
        passed.client = co_await exchange.send_body(pipe, piece.last);
        if (passed.client != Fault::none) co_return passed;
        passed.complete = piece.last;
        moved += piece.size;
        if (moved > kFairShare && !passed.complete) {
            moved = 0;
            co_await worker_.loop.yield();
        }
    }
    co_return passed;
}

}  // namespace switchyard::relay
