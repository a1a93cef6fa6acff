// Any octets that an origin sends are refused, or go on to the client as one clean response. The
// first octet says where the input is split, the second what was asked and how the client speaks.
// depends: switchyard_h1 switchyard_http
#include "fuzz/h1_check.hpp"
#include "h1/chunk_decoder.hpp"
#include "h1/serialize.hpp"
#include "http/forward.hpp"

#include <algorithm>

namespace {

using namespace switchyard;

struct Judged {
    fuzz::Parsed parsed;
    bool accepted = false;
    bool body_failed = false;
    bool body_whole = false;
    http::Framing framing = http::Framing::none;
    std::uint64_t length = 0;
    std::string head;
    std::string body;
    std::string trailers;
};

void decode_body(std::string_view rest, Judged& out) {
    if (out.framing == http::Framing::length) {
        out.body = rest.substr(0, std::min<std::uint64_t>(rest.size(), out.length));
        out.body_whole = out.body.size() == out.length;
    } else if (out.framing == http::Framing::close) {
        out.body = rest;
        out.body_whole = true;
    } else if (out.framing == http::Framing::chunked) {
        h1::ChunkDecoder decoder;
        decoder.start();
        std::vector<char> memory(rest.begin(), rest.end());
        const auto step = decoder.decode(memory.data(), memory.size());
        out.body.assign(memory.data(), step.produced);
        out.body_failed = step.status == h1::ChunkDecoder::Status::failed;
        out.body_whole = step.status == h1::ChunkDecoder::Status::done;
        if (out.body_whole) h1::append_fields(out.trailers, decoder.trailers());
    } else {
        out.body_whole = true;
    }
}

Judged judge(std::string_view octets, std::size_t split, http::Verb verb, bool http10) {
    Judged out;
    h1::ResponseParser parser;
    http::ResponseHead head;
    std::vector<char> memory;
    out.parsed = fuzz::parse_in_two(octets, split, parser, head, memory);
    if (out.parsed.status != h1::ParseStatus::done) return out;
    if (!http::validate_response(head, verb).accepted()) return out;
    out.accepted = true;
    out.framing = head.framing;
    out.length = head.content_length;

    http::OutgoingResponse reply;
    reply.status = head.status;
    reply.reason = head.reason;
    http::forward_response(head, "X-Served-By", reply.fields);
    reply.raw_lines = "X-Served-By: blue\r\n";
    reply.framing = head.framing;
    reply.content_length = head.content_length;
    reply.send_content_length = head.has_content_length;
    const bool unknown =
        head.framing == http::Framing::chunked || head.framing == http::Framing::close;
    h1::append_response(out.head, reply, unknown && !http10,
                        http10 ? h1::ConnectionLine::close : h1::ConnectionLine::none);
    decode_body(octets.substr(out.parsed.consumed), out);
    return out;
}

void check_sent(const Judged& judged, http::Verb verb, bool http10) {
    const auto lines = fuzz::lines_of(judged.head);
    fuzz::check_fields(lines, true);
    fuzz::require(fuzz::count(lines, "Connection") <= 1, "Connection is said once");
    fuzz::require(fuzz::count(lines, "X-Served-By") == 1, "who served is said once");
    fuzz::require(fuzz::count(lines, "X-Switchyard-Error") == 0, "only we mark errors");

    h1::ResponseParser parser;
    http::ResponseHead head;
    parser.start(head, h1::HeadLimits{64 * 1024, 64, 0});
    const h1::ParseResult result = parser.parse(judged.head.data(), judged.head.size());
    fuzz::require(result.status == h1::ParseStatus::done, "it parses again", judged.head);
    fuzz::require(result.consumed == judged.head.size(), "it is one head", judged.head);
    fuzz::require(http::validate_response(head, verb).accepted(), "it is valid again", judged.head);
    http::Framing expected = judged.framing;
    if (expected == http::Framing::close && !http10) expected = http::Framing::chunked;
    if (expected == http::Framing::chunked && http10) expected = http::Framing::close;
    fuzz::require(head.framing == expected, "its framing is the same", judged.head);
    if (expected == http::Framing::length) {
        fuzz::require(head.content_length == judged.length, "its length is the same", judged.head);
    }
    fuzz::lines_of("trailers\r\n" + judged.trailers + "\r\n");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string_view octets(reinterpret_cast<const char*>(data) + 2, size - 2);
    const std::size_t split = octets.empty() ? 0 : data[0] * 37 % octets.size();
    const http::Verb verb = (data[1] & 1) != 0 ? http::Verb::head : http::Verb::get;
    const bool http10 = (data[1] & 2) != 0;
    const Judged whole = judge(octets, octets.size(), verb, http10);
    const Judged parts = judge(octets, split, verb, http10);
    fuzz::require_same(octets, whole.parsed, parts.parsed);
    fuzz::require(whole.accepted == parts.accepted && whole.head == parts.head,
                  "pieces make no difference to what is sent");
    if (whole.accepted) check_sent(whole, verb, http10);
    return 0;
}
