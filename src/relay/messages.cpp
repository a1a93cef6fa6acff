// One request and its response over one upstream connection.
#include "h1/serialize.hpp"
#include "relay/canary.hpp"
#include "relay/compression.hpp"
#include "relay/fair_share.hpp"
#include "relay/grpc.hpp"
#include "relay/http2_origin.hpp"
#include "relay/preview.hpp"
#include "relay/relay.hpp"

namespace switchyard::relay {

namespace {

using http::Fault;
using observe::Outcome;

/// An octet that is compressed costs as much as so many that are passed on.
constexpr std::size_t kCompressionWork = 4;
/// A body of which so much is to come goes through a pipe, if nobody has to look at it.
constexpr std::size_t kPipeFrom = 128 * 1024;
/// Up to here the request goes out in one write that is waited for; sockets take that much.
constexpr std::size_t kInlineBody = 16 * 1024;

/// HTTP/2 has no reason phrases, and there are clients of HTTP/1.1 that want one.
std::string_view reason_of(const http::ResponseHead& response) noexcept {
    return response.version == 20 ? h1::reason_phrase(response.status) : response.reason;
}

}  // namespace

void Relay::prepare_request(Flight& flight) {
    const http::RequestHead& request = flight.exchange->request();
    const config::Service& config = *flight.service->config;
    http::OutgoingRequest& out = flight.outgoing;
    out.method = request.method;
    const bool hides = hides_preview(flight);
    out.target = request.origin_target;
    if (hides) out.target = route::without_preview_parameter(out.target, flight.preview_target);
    if (config.strip_path && config.path.size() > 1 && out.target.starts_with(config.path)) {
        std::size_t size = config.path.size();
        while (config.path[size - 1] == '/')
            --size;
        out.target.remove_prefix(size);
        if (out.target.empty()) {
            out.target = "/";
        } else if (out.target.front() == '?') {
            flight.lines = "/";
            flight.lines += out.target;
            out.target = flight.lines;
        }
    }
    std::string_view host = request.host;
    if (!config.forward_host || host.empty()) host = flight.target_host;
    // RFC 9110 §7.6.3: the version that the message came in.
    const std::string_view via =
        request.version == 20 ? flight.options->via_request_http2 : flight.options->via_request;
    const http::ForwardRequest context{&flight.exchange->peer(), flight.request_id, host, via};
    http::forward_request(request, context, flight.forward, out.fields);
    if (hides) {
        route::remove_signs(out.fields, flight.previews->names(), flight.preview_cookies);
    }
    if (flight.service->canary) hide_canary_cookie(flight);
    out.framing = request.framing;
    out.content_length = request.content_length;
    out.send_content_length = request.has_content_length;
    // RFC 9112 §7.1.2: trailers that were announced need chunks.
    if (request.version == 20 && request.framing == http::Framing::length &&
        !request.value(http::FieldId::trailer).empty()) {
        out.framing = http::Framing::chunked;
        out.send_content_length = false;
    }
    flight.upgrade = {};
    if (!request.upgrade.empty()) ask_for_upgrade(flight);
    out.upgrade = flight.upgrade;
}

/// Of a request whose last piece came: what of them may pass. What may open a preview is looked for
/// in heads alone, but must not reach the application from here, either.
const http::Fields& Relay::request_trailers(Flight& flight) {
    const http::Fields& all = flight.exchange->request_body().trailers();
    if (all.empty()) return all;
    const auto& gate = flight.service->preview;
    const auto& previews = worker_.snapshot.load(std::memory_order_acquire)->previews;
    if (previews == nullptr || (gate && gate->forward)) return all;
    flight.trailers = all;
    std::erase_if(flight.trailers, [headers = previews->names().headers](const auto& field) {
        return route::is_preview_header(field.name, headers);
    });
    return flight.trailers;
}

Task<Relay::Attempt> Relay::exchange_messages(Flight& flight) {
    http::Exchange& exchange = *flight.exchange;
    http::OriginExchange& origin = flight.connection->exchange();
    const config::Service& config = *flight.service->config;
    prepare_request(flight);
    const bool http2 = flight.connection->http1() == nullptr;
    if (http2 && !adapt_to_http2(flight)) {
        co_await fail(flight, Outcome::refused, 501, "websocket_over_http2");
        co_return Attempt::done;
    }

    flight.upload_complete = false;
    // RFC 9113 §8.7: a stream may be refused after a part of its body was sent.
    const bool keeps = exchange.request().idempotent || http2;
    if (flight.first_piece.data.size() > (http2 ? 0 : kInlineBody)) {
        // What the origin answers meanwhile is read: it may not want all of it.
        if (keeps && !flight.first_piece.last) flight.begin_replay();
        flight.upload.start(send_request(flight));
    } else {
        const Fault sent =
            co_await origin.send_head(flight.outgoing, flight.first_piece, request_trailers(flight),
                                      config.timeouts.request_write);
        if (sent != Fault::none) {
            flight.upload_upstream_fault = sent;
            // Nothing was pulled since: another try can have the same.
            if (!flight.first_piece.last) flight.begin_replay();
            // The origin may have answered before it closed its side: look, unless nothing of the
            // request can have reached it.
            if (sent == Fault::timed_out || sent == Fault::cancelled || flight.untouched()) {
                const Attempt result = co_await no_response(flight, sent);
                co_return result;
            }
        } else if (!flight.first_piece.last) {
            if (keeps) flight.begin_replay();
            flight.upload.start(upload(flight));
        } else {
            flight.upload_complete = true;
            flight.watch_client();
        }
    }
    const Fault fault = co_await read_response_head(flight);
    if (fault != Fault::none) {
        const Attempt result = co_await no_response(flight, fault);
        co_return result;
    }
    if (flight.response.status >= 500) [[unlikely]] {
        judge(flight, false);
        const bool given_up = co_await give_up_answer(flight);
        if (given_up) co_return Attempt::retry;
    }
    // Of any other, pass_response() knows how good it was: it may break off.
    if (flight.response.status == 101) {
        judge(flight, true);
        co_await pass_tunnel(flight);
    } else if (flight.response.status < 300 && must_upgrade(exchange.request())) {
        judge(flight, true);
        co_await fail(flight, Outcome::upstream_error, 502, "upgrade_ignored");
    } else {
        co_await pass_response(flight);
    }
    co_return Attempt::done;
}

/// Reads the final response head; interim ones are passed on at once.
Task<Fault> Relay::read_response_head(Flight& flight) {
    http::OriginExchange& origin = flight.connection->exchange();
    const config::UpstreamTimeouts& timeouts = flight.service->config->timeouts;
    const http::Verb verb = flight.exchange->request().verb;
    bool upload_ended = flight.upload_complete;
    const HeadLimits limits = head_limits(flight);
    std::chrono::milliseconds limit = limits.first;
    bool early = limits.first < limits.whole;
    for (;;) {
        const Fault fault = co_await origin.read_head(flight.response, verb, flight.upgrade, limit,
                                                      timeouts.response_body);
        if (fault == Fault::timed_out && !upload_ended) {
            // The time counts from the end of the request, and an upload may be long. The one time
            // more that a finished upload gets here is at most twice the time-out in all.
            upload_ended = flight.upload.done();
            continue;
        }
        if (fault == Fault::timed_out && early) {
            // Another try may do better; if there is none, this one goes on.
            early = false;
            flight.try_over = may_retry(flight, http::TryFailure::timed_out);
            if (flight.try_over) co_return fault;
            limit = limits.whole - limits.first;
            continue;
        }
        const unsigned status = flight.response.status;
        if (fault != Fault::none || status >= 200 || status == 101) co_return fault;

        http::OutgoingResponse& interim = flight.reply;
        interim = {};
        interim.status = flight.response.status;
        interim.reason = reason_of(flight.response);
        http::forward_response(flight.response, {}, interim.fields);
        flight.interim_sent = true;
        const Fault passed = co_await flight.exchange->send_interim(interim);
        if (passed != Fault::none) {
            flight.client_gone = flight.interim_torn = true;
            co_return Fault::cancelled;
        }
    }
}

/// Decides what follows when there is no response: another try, or an error.
Task<Relay::Attempt> Relay::no_response(Flight& flight, Fault fault) {
    if (flight.was_cut) {
        co_await fail(flight, Outcome::cut, flight.interim_torn ? 0 : 503, "drained");
        co_return Attempt::done;
    }
    if (flight.upload_client_fault != Fault::none) {
        co_await fail_upload(flight);
        co_return Attempt::done;
    }
    if (flight.client_gone) {
        co_await fail(flight, Outcome::client_abort, 0, "client_closed");
        co_return Attempt::done;
    }
    const bool broken = fault == Fault::closed || fault == Fault::reset;
    const bool stale = broken && flight.connection->reused;
    if (!stale) judge(flight, false);
    if (flight.upload_upstream_fault == Fault::timed_out) {
        co_await fail(flight, Outcome::upstream_error, 504, "request_write_timeout");
        co_return Attempt::done;
    }
    if (broken || flight.try_over) {
        // Only then is it known what was sent.
        co_await stop_upload(flight);
        if (flight.was_cut || flight.client_gone || flight.upload_client_fault != Fault::none) {
            const Attempt result = co_await no_response(flight, Fault::cancelled);
            co_return result;
        }
        const auto failure =
            flight.untouched() ? http::TryFailure::not_processed : http::TryFailure::broken;
        Attempt result = Attempt::done;
        if (flight.try_over || (!stale && may_retry(flight, failure))) {
            result = Attempt::retry;
        } else if (stale && http::safe_to_retry(failure, try_facts(flight))) {
            result = Attempt::stale;
        }
        if (result != Attempt::done) {
            if (!flight.first_piece.last) flight.rewind_body();
            flight.upload_upstream_fault = Fault::none;
            co_return result;
        }
    }
    switch (fault) {
        case Fault::timed_out:
            co_await fail(flight, Outcome::upstream_error, 504, "response_timeout");
            break;
        case Fault::malformed:
            co_await fail(flight, Outcome::upstream_error, 502, "bad_response");
            break;
        default:
            flight.reset_code = flight.connection->exchange().reset_code();
            co_await fail(flight, Outcome::upstream_error, 502, "upstream_closed");
            break;
    }
    co_return Attempt::done;
}

/// Status and fields of the origin's response, and ours.
void Relay::prepare_reply(Flight& flight) {
    http::OutgoingResponse& reply = flight.reply;
    reply.status = flight.response.status;
    reply.reason = reason_of(flight.response);
    http::forward_response(flight.response, flight.service->config->served_by_header, reply.fields);
    flight.lines = flight.slot->served_by_line;
    if (flight.in_preview()) {
        drop_caching_fields(reply.fields);
        flight.lines = flight.slot->preview_lines;
    }
    if (flight.canary.wants_cookie && !flight.in_preview()) give_canary_cookie(flight);
    const bool http2 = flight.response.version == 20;
    flight.lines += http2 ? flight.options->via_line_http2 : flight.options->via_line;
    flight.lines += "X-Request-Id: ";
    flight.lines += flight.request_id;
    flight.lines += "\r\n";
    reply.raw_lines = flight.lines;
    flight.status = reply.status;
}

/// After a complete response and request.
void Relay::keep_connection(Flight& flight) {
    h1::ClientSession* const session = flight.connection->http1();
    if (session == nullptr || !session->make_idle(flight.response)) return;
    const config::Service& config = *flight.service->config;
    std::unique_ptr<upstream::Connection> own(
        static_cast<upstream::Connection*>(flight.connection.release()));
    worker_.pool.put(std::move(own), config.max_idle_connections, config.timeouts.idle,
                     flight.slot->metrics);
}

Task<void> Relay::pass_response(Flight& flight) {
    http::Exchange& exchange = *flight.exchange;
    const http::ResponseHead& response = flight.response;
    const config::Service& config = *flight.service->config;
    const std::uint64_t now_ns = net::EventLoop::now_ns();
    flight.first_byte_us = micros_between(exchange.started_ns(), now_ns);
    if (config.ejection.slow_factor != 0 && flight.upload_complete) {
        // Latency is the target's alone only when it did not wait for the client.
        route::Target::Cell& pace = flight.target->cell(worker_.index);
        pace.answers.add();
        pace.answer_us.add(static_cast<std::uint64_t>(micros_between(flight.try_ns, now_ns)));
    }

    http::Body& body = flight.connection->exchange().body();
    http::Chunk piece;
    if (!body.take_received(piece)) piece = {};
    if (piece.fault != Fault::none) {
        const bool malformed = piece.fault == Fault::malformed;
        judge_answer(flight, true);
        if (!malformed) flight.reset_code = flight.connection->exchange().reset_code();
        co_await fail(flight, Outcome::upstream_error, 502,
                      malformed ? "bad_response" : "upstream_closed");
        co_return;
    }
    prepare_reply(flight);
    http::OutgoingResponse& reply = flight.reply;
    reply.framing = response.framing;
    reply.content_length = response.content_length;
    reply.send_content_length = response.has_content_length || ends_without_length(flight);
    // An answer to a request that is still being sent mostly means that the origin won't read it.
    if (!flight.upload_complete && response.status >= 400) exchange.close_after();

    http::Body* source = &body;
    if (config.compression) source = &compress_reply(flight, body, piece);
    Fault client_fault = co_await exchange.send_head(reply, piece, source->trailers());
    Fault origin_fault = Fault::none;
    if (client_fault == Fault::none && !piece.last && source->pipeable() >= kPipeFrom &&
        exchange.takes_pipe()) {
        const Passed passed = co_await pass_piped(exchange, *source);
        client_fault = passed.client;
        origin_fault = passed.origin;
        piece.last = passed.complete;
    }
    std::size_t moved = 0;
    while (client_fault == Fault::none && origin_fault == Fault::none && !piece.last) {
        if (!source->try_next(piece)) piece = co_await source->next();
        if (piece.fault != Fault::none) {
            origin_fault = piece.fault;
            break;
        }
        client_fault = co_await exchange.send_body(piece, source->trailers());
        moved += piece.data.size();
        if (flight.compressed) moved += flight.compressed->taken() * kCompressionWork;
        if (moved > kFairShare) {
            moved = 0;
            co_await worker_.loop.yield();
        }
    }
    end_compression(flight);
    if (!flight.upload_complete) co_await stop_upload(flight);
    judge_answer(flight, origin_fault != Fault::none);
    if (client_fault == Fault::none && origin_fault == Fault::none) {
        flight.outcome = Outcome::completed;
        if (flight.upload_complete) keep_connection(flight);
        flight.connection.reset();
        co_return;
    }
    // C9: the head is out, so all that is left is to make the failure visible.
    const auto reset_code = flight.connection->exchange().reset_code();
    flight.connection.reset();
    // Clients of gRPC know from its status what was not whole. Others may take CANCEL for an end in
    // good order.
    if (origin_fault != Fault::none && reset_code && is_grpc(exchange.request())) {
        exchange.abort_with(*reset_code);
    } else {
        exchange.abort();
    }
    if (flight.was_cut) {
        flight.outcome = Outcome::cut;
        flight.error = "drained";
    } else if (client_fault != Fault::none || flight.client_gone ||
               flight.upload_client_fault != Fault::none) {
        flight.outcome = Outcome::client_abort;
        flight.error = "client_closed";
        if (client_fault == Fault::timed_out) flight.error = "client_write_timeout";
    } else {
        flight.outcome = Outcome::upstream_error;
        flight.error = "upstream_truncated";
        if (origin_fault == Fault::timed_out) flight.error = "response_body_timeout";
        if (origin_fault == Fault::malformed) flight.error = "bad_response";
    }
}

/// The answer may have begun: a client of HTTP/1.1 is noticed to be gone when it is written to, but
/// of a stream the end is known, and what the origin still says may come in hours (C11).
void Relay::watch_after_upload(Flight& flight) noexcept {
    if (!flight.exchange->head_sent() || flight.exchange->request().version == 20) {
        flight.watch_client();
    }
}

/// Sends a request with a long first piece, while the response is awaited.
Task<void> Relay::send_request(Flight& flight) {
    const Fault sent = co_await flight.connection->exchange().send_head(
        flight.outgoing, flight.first_piece, request_trailers(flight),
        flight.service->config->timeouts.request_write);
    if (sent != Fault::none) {
        upload_failed(flight, sent);
    } else if (flight.first_piece.last) {
        flight.upload_complete = true;
        watch_after_upload(flight);
    } else {
        co_await upload(flight);
    }
}

/// Broken: the origin may have answered before. One that takes nothing is not waited for.
void Relay::upload_failed(Flight& flight, Fault sent) noexcept {
    flight.upload_upstream_fault = sent;
    if (sent == Fault::timed_out && !flight.exchange->head_sent()) flight.cancel_upstream();
}

/// Sends the rest of the request's body, while the response is awaited or passed on (C8).
Task<void> Relay::upload(Flight& flight) {
    http::Body& body = flight.exchange->request_body();
    http::OriginExchange& origin = flight.connection->exchange();
    std::size_t moved = 0;
    for (;;) {
        http::Chunk piece;
        if (!body.try_next(piece)) piece = co_await body.next();
        if (piece.fault != Fault::none) {
            flight.upload_client_fault = piece.fault;
            flight.cancel_upstream();
            co_return;
        }
        flight.keep_for_replay(piece);
        const Fault sent = co_await origin.send_body(piece, request_trailers(flight));
        if (sent != Fault::none) {
            upload_failed(flight, sent);
            co_return;
        }
        if (piece.last) {
            flight.upload_complete = true;
            watch_after_upload(flight);
            co_return;
        }
        moved += piece.data.size();
        if (moved > kFairShare) {
            moved = 0;
            co_await worker_.loop.yield();
        }
    }
}

Task<void> Relay::stop_upload(Flight& flight) {
    if (!flight.upload.started() || flight.upload.done()) co_return;
    const Fault before = flight.upload_client_fault;
    flight.exchange->cancel_io();
    flight.cancel_upstream();
    co_await flight.upload.join();
    // That it was stopped is not the client's fault.
    if (before == Fault::none && flight.upload_client_fault == Fault::cancelled) {
        flight.upload_client_fault = Fault::none;
    }
    if (!flight.was_cut) flight.exchange->resume_io();
}

/// The client's part of the upload failed, before there was a response.
Task<void> Relay::fail_upload(Flight& flight) {
    switch (flight.upload_client_fault) {
        case Fault::timed_out:
            co_await fail(flight, Outcome::client_abort, 408, "request_body_timeout");
            break;
        case Fault::malformed:
            co_await fail(flight, Outcome::client_abort, 400, "bad_chunk");
            break;
        case Fault::too_large:
            co_await fail(flight, Outcome::refused, 413, "body_too_large");
            break;
        default:
            co_await fail(flight, Outcome::client_abort, 0, "client_closed");
            break;
    }
}

}  // namespace switchyard::relay
