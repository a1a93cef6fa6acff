// Any octets behind the preface of HTTP/2 end in refusals or in clean requests, and the session
// comes to its end. What becomes a request is sent on as the same request of HTTP/1.1. The first
// octet says where the input is split into two reads.
// depends: switchyard_h2 switchyard_h1 switchyard_http
#include "fuzz/h1_check.hpp"
#include "h1/serialize.hpp"
#include "h2/server_session.hpp"
#include "http/forward.hpp"
#include "unit/h2/session_host.hpp"
#include "unit/net/support.hpp"

#include <cstdint>
#include <cstring>
#include <string>

namespace {

using namespace switchyard;

void check_request(const http::RequestHead& head) {
    const http::Peer peer{"2001:db8::1", "TLSv1.3", 0, false};
    http::ForwardScratch scratch;
    http::OutgoingRequest outgoing;
    outgoing.method = head.method;
    outgoing.target = head.origin_target;
    outgoing.framing = head.framing;
    outgoing.content_length = head.content_length;
    const http::ForwardRequest context{&peer, "id", head.host, "2 switchyard"};
    http::forward_request(head, context, scratch, outgoing.fields);
    std::string sent;
    h1::append_request(sent, outgoing);

    const auto lines = fuzz::lines_of(sent);
    fuzz::check_fields(lines, false);
    fuzz::require(fuzz::count(lines, "Host") == 1, "a request has one Host", sent);
    fuzz::require(fuzz::count(lines, "Cookie") <= 1, "a request has one Cookie", sent);
    h1::RequestParser parser;
    http::RequestHead again;
    parser.start(again, h1::HeadLimits{256 * 1024, 200, 64 * 1024});
    const h1::ParseResult result = parser.parse(sent.data(), sent.size());
    fuzz::require(result.status == h1::ParseStatus::done, "it parses in HTTP/1.1", sent);
    fuzz::require(result.consumed == sent.size(), "it is one head", sent);
    fuzz::require(http::validate_request(again).accepted(), "it is valid in HTTP/1.1", sent);
    fuzz::require(again.framing == head.framing && again.content_length == head.content_length,
                  "its framing is the same", sent);
    fuzz::require(again.method == head.method && again.target == head.origin_target,
                  "it asks for the same", sent);
}

/// What comes of an extended CONNECT that is accepted: octets come back as they are.
Task<void> echo_tunnel(http::Exchange& exchange) {
    http::Body& body = exchange.request_body();
    http::Chunk piece;
    fuzz::require(body.try_next(piece) && piece.last && piece.data.empty(), "it has no body");
    http::OutgoingResponse head;
    head.status = 101;
    http::Fault fault = co_await exchange.accept_upgrade(head, exchange.request().upgrade);
    static const http::Fields none;
    piece = {};
    while (fault == http::Fault::none && !piece.last) {
        if (!body.try_next(piece)) piece = co_await body.next();
        fault = piece.fault;
        if (fault == http::Fault::none) fault = co_await exchange.send_body(piece, none);
    }
    if (fault != http::Fault::none) exchange.abort();
}

class Judge final : public http::Handler {
  public:
    Task<void> handle(http::Exchange& exchange) override {
        const http::RequestHead& request = exchange.request();
        check_request(request);
        if (!request.upgrade.empty()) {
            co_await echo_tunnel(exchange);
            co_return;
        }
        http::OutgoingResponse head;
        head.framing = http::Framing::close;
        static const http::Fields none;
        http::Chunk piece;
        piece.data = "so ";
        http::Fault fault = co_await exchange.send_head(head, piece, none);
        http::Body& body = exchange.request_body();
        http::Chunk got;
        while (fault == http::Fault::none && !got.last) {
            if (!body.try_next(got)) got = co_await body.next();
            fault = got.fault;
        }
        if (fault == http::Fault::none) {
            fuzz::require(!request.has_content_length || body.received() == request.content_length,
                          "a body is as long as it was said");
            for (const http::Field& field : body.trailers())
                fuzz::require(http::trailer_allowed(field), "a trailer field may pass", field.name);
            piece.data = "what";
            piece.last = true;
            fault = co_await exchange.send_body(piece, body.trailers());
        }
        if (fault != http::Fault::none) exchange.abort();
    }
    Task<void> refuse(http::Exchange& exchange, unsigned status, std::string_view) override {
        fuzz::require(status >= 400 && status < 600, "a refusal has its status");
        http::OutgoingResponse head;
        head.status = status;
        static const http::Fields none;
        http::Chunk nothing;
        nothing.last = true;
        const http::Fault fault = co_await exchange.send_head(head, nothing, none);
        if (fault != http::Fault::none) exchange.abort();
    }
};

/// The first part is there when the session begins, the second one is read.
void serve(std::string_view first, std::string_view second) {
    Judge judge;
    h2::test::Host host(judge);
    h2::StreamStore store;
    net::EventLoop loop;
    net::test::Pair pair = net::test::Pair::local();
    net::Stream stream(loop);
    if (!stream.open(pair.take_ours())) return;
    session::ClientFacts facts{net::Address()};
    h2::ServerSession session(stream, host, store, facts);
    Buffer received;
    received.reserve(h2::test::kPreface.size() + first.size());
    std::memcpy(received.tail(), h2::test::kPreface.data(), h2::test::kPreface.size());
    received.commit(h2::test::kPreface.size());
    if (!first.empty()) std::memcpy(received.tail(), first.data(), first.size());
    received.commit(first.size());
    session.begin_with(std::move(received));
    pair.send(second);
    pair.shut();
    net::test::run(loop, session.run());
    fuzz::require(!stream.is_open(), "the session has closed its stream");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // The socket takes the second part at once.
    if (size == 0 || size > 64 * 1024) return 0;
    const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::size_t split = octets.empty() ? 0 : data[0] * 37 % octets.size();
    serve(octets.substr(0, split), octets.substr(split));
    return 0;
}
