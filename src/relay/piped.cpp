// Long bodies between two sockets without TLS: through a pipe, without coming into our memory.
#include "base/pipe.hpp"
#include "relay/fair_share.hpp"
#include "relay/relay.hpp"

namespace switchyard::relay {

using http::Fault;

namespace {
/// A piece of this size means that the origin is ahead of us: the next one follows at once. Others
/// are sent as they come, since the origin may take its time.
constexpr std::size_t kFollows = 64 * 1024;
}  // namespace

Task<Relay::Passed> Relay::pass_piped(http::Exchange& exchange, http::Body& body) {
    Passed passed;
    Pipe pipe = Pipe::take();
    if (!pipe.is_open()) co_return passed;
    std::size_t moved = 0;
    while (!passed.complete) {
        const http::PipedChunk piece = co_await body.next_into(pipe);
        passed.origin = piece.fault;
        if (passed.origin != Fault::none) co_return passed;
        if (piece.size == 0 && !piece.last) co_return passed;
        const bool more = piece.size >= kFollows && !piece.last;
        passed.client = co_await exchange.send_body(pipe, more);
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
