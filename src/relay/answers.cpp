// What the proxy answers itself: errors, redirects, the name of the live slot.
#include "h1/serialize.hpp"
#include "relay/error_page.hpp"
#include "relay/preview.hpp"
#include "relay/relay.hpp"

#include <chrono>
#include <ctime>

namespace switchyard::relay {

namespace {

/// IMF-fixdate (RFC 9110 §5.6.7) of now.
std::string_view http_date() {
    static thread_local std::time_t made = 0;
    static thread_local char text[40] = {};
    static thread_local std::size_t size = 0;
    const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    if (now != made) {
        made = now;
        std::tm utc{};
        ::gmtime_r(&now, &utc);
        size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    }
    return {text, size};
}

}  // namespace

/// Sends flight.page as the whole answer; flight.reply.fields may hold fields already.
Task<void> Relay::send_local(Flight& flight, unsigned status, std::string_view content_type) {
    http::Exchange& exchange = *flight.exchange;
    http::OutgoingResponse& reply = flight.reply;
    const bool head_only = exchange.request().verb == http::Verb::head;
    reply.status = status;
    reply.reason = h1::reason_phrase(status);
    reply.fields.push_back({http::FieldId::date, "Date", http_date()});
    if (!content_type.empty()) {
        reply.fields.push_back({http::FieldId::content_type, "Content-Type", content_type});
    }
    reply.raw_lines = flight.options->via_line;
    if (flight.in_preview()) {
        flight.lines = flight.slot->preview_lines;
        flight.lines += flight.options->via_line;
        reply.raw_lines = flight.lines;
    } else {
        reply.fields.push_back({http::FieldId::cache_control, "Cache-Control", "no-store"});
    }
    reply.fields.push_back({http::FieldId::unknown, "X-Request-Id", flight.request_id});
    reply.content_length = flight.page.size();
    reply.send_content_length = true;
    http::Chunk whole;
    whole.last = true;
    if (head_only || flight.page.empty()) {
        reply.framing = http::Framing::none;
    } else {
        reply.framing = http::Framing::length;
        whole.data = flight.page;
    }
    flight.status = status;
    static const http::Fields kNone;
    const http::Fault fault = co_await exchange.send_head(reply, whole, kNone);
    if (fault != http::Fault::none) exchange.abort();
}

/// Ends the request with an error page, or visibly where the head was sent. Status 0: the client is
/// gone, nothing can be sent.
Task<void> Relay::fail(Flight& flight, observe::Outcome outcome, unsigned status,
                       std::string_view code) {
    http::Exchange& exchange = *flight.exchange;
    exchange.watch_client(nullptr, nullptr);
    co_await stop_upload(flight);
    flight.connection.reset();
    flight.outcome = outcome;
    flight.error = code;
    exchange.resume_io();
    if (exchange.head_sent() || status == 0) {
        exchange.abort();
        co_return;
    }
    flight.reply.fields.clear();
    flight.reply.fields.push_back({http::FieldId::unknown, "X-Switchyard-Error", code});
    std::string_view seconds = "1";
    if (!flight.retry_after.empty()) seconds = flight.retry_after;
    if (status == 503) {
        flight.reply.fields.push_back({http::FieldId::retry_after, "Retry-After", seconds});
    }
    const bool json = prefers_json(exchange.request().value(http::FieldId::accept));
    const std::string_view type =
        make_error_page(flight.page, status, code, flight.request_id, json,
                        flight.options->error_pages, preview_note(flight), seconds);
    co_await send_local(flight, status, type);
}

/// A listener with redirect_to_https: the same address, encrypted. GET and HEAD get the 301 that
/// every client knows, others the 308 that keeps their method and body.
Task<void> Relay::redirect(Flight& flight) {
    const http::Exchange& exchange = *flight.exchange;
    const http::RequestHead& request = exchange.request();
    std::string_view host = request.host;
    if (host.empty()) {
        co_await fail(flight, observe::Outcome::refused, 400, "bad_host");
        co_return;
    }
    if (host.front() == '[') {
        host = host.substr(0, host.find(']') + 1);
    } else {
        host = host.substr(0, host.find(':'));
    }
    flight.outcome = observe::Outcome::refused;
    flight.lines = "https://";
    flight.lines += host;
    if (exchange.peer().https_port != 443) {
        flight.lines += ':';
        flight.lines += std::to_string(exchange.peer().https_port);
    }
    if (request.origin_target != "*") flight.lines += request.origin_target;
    flight.page.clear();
    flight.reply.fields.clear();
    flight.reply.fields.push_back({http::FieldId::location, "Location", flight.lines});
    const bool simple = request.verb == http::Verb::get || request.verb == http::Verb::head;
    co_await send_local(flight, simple ? 301 : 308, {});
}

/// The slot's name and nothing else: the live one's, or in a preview the idle one's.
Task<void> Relay::server_info(Flight& flight) {
    flight.outcome = observe::Outcome::refused;
    flight.page = flight.slot->name;
    flight.reply.fields.clear();
    co_await send_local(flight, 200, "text/plain; charset=utf-8");
}

}  // namespace switchyard::relay
