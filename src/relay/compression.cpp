#include "relay/compression.hpp"

#include "compress/plan.hpp"
#include "relay/flight.hpp"

#include <optional>

namespace switchyard::relay {

http::Body& compress_reply(Flight& flight, http::Body& body, http::Chunk& first) {
    const http::RequestHead& request = flight.exchange->request();
    const http::ResponseHead& response = flight.response;
    const config::Compression& options = *flight.service->config->compression;
    http::OutgoingResponse& reply = flight.reply;
    if (response.status == 304) {
        compress::adapt_not_modified(request, reply.fields, flight.head_scratch);
        return body;
    }
    const compress::Plan plan = compress::make_plan(options, request, response);
    if (!plan.varies) return body;
    compress::say_that_it_varies(reply.fields, flight.head_scratch);
    if (!plan.coding) return body;
    if (request.verb == http::Verb::head) {
        compress::say_that_it_is_compressed(reply.fields, *plan.coding, flight.head_scratch);
        reply.send_content_length = false;
        return body;
    }
    // Of unknown length, and all here already.
    if (first.last && first.data.size() < options.min_length) return body;
    std::optional<std::uint64_t> size;
    if (response.has_content_length) size = response.content_length;
    if (first.last) size = first.data.size();
    auto encoder = compress::make_encoder(*plan.coding, options, size);
    if (encoder == nullptr) return body;
    compress::say_that_it_is_compressed(reply.fields, *plan.coding, flight.head_scratch);
    flight.compressed = std::make_unique<compress::CompressedBody>(body, std::move(encoder));
    first = flight.compressed->begin(first);
    reply.framing = http::Framing::close;
    reply.send_content_length = false;
    if (first.last && flight.compressed->trailers().empty()) {
        reply.framing = http::Framing::length;
        reply.content_length = first.data.size();
        reply.send_content_length = true;
    }
    return *flight.compressed;
}

void end_compression(Flight& flight) {
    if (!flight.compressed) return;
    observe::SlotCell& cell = flight.metrics->cell(flight.worker->index);
    cell.compressed.add();
    cell.compression_bytes_in.add(flight.compressed->received());
    cell.compression_bytes_out.add(flight.compressed->produced());
    flight.compressed.reset();
}

}  // namespace switchyard::relay
