// Any octets that a client sends are refused, or go on as one clean request: the way of a head from
// the parser to the origin's connection. The first octet says where the input is split.
// depends: switchyard_h1 switchyard_http
#include "fuzz/h1_check.hpp"
#include "h1/serialize.hpp"
#include "http/forward.hpp"

namespace {

using namespace switchyard;

struct Judged {
    fuzz::Parsed parsed;
    bool accepted = false;
    std::string sent;  ///< What goes to the origin.
    http::Framing framing = http::Framing::none;
    std::uint64_t length = 0;
};

Judged judge(std::string_view octets, std::size_t split) {
    Judged out;
    h1::RequestParser parser;
    http::RequestHead head;
    std::vector<char> memory;
    out.parsed = fuzz::parse_in_two(octets, split, parser, head, memory);
    if (out.parsed.status != h1::ParseStatus::done) return out;
    if (!http::validate_request(head).accepted()) return out;
    out.accepted = true;
    out.framing = head.framing;
    out.length = head.content_length;

    const http::Peer peer{"2001:db8::1", "TLSv1.3", 0, octets.size() % 2 == 0};
    http::ForwardScratch scratch;
    http::normalize_host(head.host, scratch.host_lower);
    const std::string_view id = http::trusted_request_id(head, peer);
    http::OutgoingRequest outgoing;
    outgoing.method = head.method;
    outgoing.target = head.origin_target;
    outgoing.framing = head.framing;
    outgoing.content_length = head.content_length;
    const std::string_view host = head.host.empty() ? "10.0.0.1:80" : head.host;
    const http::ForwardRequest context{&peer, id.empty() ? "id" : id, host, "1.1 switchyard"};
    http::forward_request(head, context, scratch, outgoing.fields);
    h1::append_request(out.sent, outgoing);
    return out;
}

void check_sent(const Judged& judged) {
    const auto lines = fuzz::lines_of(judged.sent);
    fuzz::check_fields(lines, false);
    fuzz::require(fuzz::count(lines, "Host") == 1, "a request has one Host", judged.sent);
    for (const char* name : {"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host",
                             "Forwarded", "X-Request-Id"}) {
        fuzz::require(fuzz::count(lines, name) <= 1, "what we say is said once", name);
    }
    // The origin understands what we understood.
    h1::RequestParser parser;
    http::RequestHead head;
    parser.start(head, h1::HeadLimits{64 * 1024, 64, 4 * 1024});
    const h1::ParseResult result = parser.parse(judged.sent.data(), judged.sent.size());
    fuzz::require(result.status == h1::ParseStatus::done, "it parses again", judged.sent);
    fuzz::require(result.consumed == judged.sent.size(), "it is one head", judged.sent);
    fuzz::require(http::validate_request(head).accepted(), "it is valid again", judged.sent);
    fuzz::require(head.framing == judged.framing && head.content_length == judged.length,
                  "its framing is the same", judged.sent);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::size_t split = octets.empty() ? 0 : data[0] * 37 % octets.size();
    const Judged whole = judge(octets, octets.size());
    const Judged parts = judge(octets, split);
    fuzz::require_same(octets, whole.parsed, parts.parsed);
    fuzz::require(whole.accepted == parts.accepted && whole.sent == parts.sent,
                  "pieces make no difference to what is sent");
    if (whole.accepted) check_sent(whole);
    return 0;
}
