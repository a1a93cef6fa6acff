#include "relay/preview.hpp"

#include "http/validate.hpp"
#include "relay/client_address.hpp"
#include "relay/relay.hpp"
#include "route/preview_signs.hpp"

#include <algorithm>
#include <chrono>
#include <exception>

namespace switchyard::relay {

namespace {

/// "Cloudflare-CDN-Cache-Control" and its like are for one cache alone.
bool is_caching_field(const http::Field& field) noexcept {
    switch (field.id) {
        case http::FieldId::cache_control:
        case http::FieldId::expires:
        case http::FieldId::pragma:
        case http::FieldId::age:
            return true;
        default:
            return http::iends_with(field.name, "CDN-Cache-Control") ||
                   http::iequals(field.name, "Surrogate-Control") ||
                   http::iequals(field.name, "X-Robots-Tag");
    }
}

/// The cookie with the pass of a link, or the one that takes it away (RFC 6265 §4.1).
void make_cookie(const Flight& flight, std::string& out) {
    const config::Service& config = *flight.service->config;
    const route::PreviewVisit& visit = flight.visit;
    std::int64_t seconds = 0;
    if (visit.link) {
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        seconds = flight.service->preview->longest;
        if (visit.expires != 0) {
            seconds = visit.expires - std::chrono::floor<std::chrono::seconds>(now).count();
        }
    }
    out = config.preview->cookie;
    out += '=';
    if (visit.link) out += visit.pass;
    out += "; Path=";
    // Only where the service is; other services of the host have no use for it.
    out += config.path.find(';') == std::string::npos ? std::string_view(config.path)
                                                      : std::string_view("/");
    out += "; Max-Age=";
    out += std::to_string(std::max<std::int64_t>(seconds, 0));
    out += "; HttpOnly; SameSite=Lax";
    if (came_encrypted(flight.exchange->request(), flight.exchange->peer())) out += "; Secure";
}

}  // namespace

bool hides_preview(const Flight& flight) noexcept {
    if (!flight.visit.signs) return false;
    const auto& gate = flight.service->preview;
    return !gate || !gate->forward;
}

void drop_caching_fields(http::Fields& fields) noexcept {
    std::erase_if(fields, is_caching_field);
}

std::string_view without_pass(std::string_view target, std::string& scratch) noexcept {
    try {
        return route::without_preview_parameter(target, scratch);
    } catch (const std::exception&) {  // memory
        return target.substr(0, target.find('?'));
    }
}

std::string_view preview_note(const Flight& flight) noexcept {
    if (!flight.in_preview()) return {};
    const bool blue = flight.slot->colour == Colour::blue;
    if (flight.error == "preview_unavailable") {
        return blue ? "This is the preview of the idle slot, blue: none of its targets is healthy. "
                    : "This is the preview of the idle slot, green: none of its targets is "
                      "healthy. ";
    }
    return blue ? "This is the preview of the slot blue. "
                : "This is the preview of the slot green. ";
}

/// What a preview answers without asking the slot. True: it did.
Task<bool> Relay::answer_preview(Flight& flight) {
    const http::RequestHead& request = flight.exchange->request();
    const bool simple = request.verb == http::Verb::get || request.verb == http::Verb::head;
    if (simple && (flight.visit.link || flight.visit.leave)) {
        co_await enter_preview(flight);
        co_return true;
    }
    // Live requests try an unhealthy slot all the same; here somebody wants to know.
    if (!route::may_answer(*flight.slot)) {
        co_await fail(flight, observe::Outcome::refused, 503, "preview_unavailable");
        co_return true;
    }
    co_return false;
}

/// A link: the browser gets (or loses) the cookie, and comes back to the address without the pass.
Task<void> Relay::enter_preview(Flight& flight) {
    flight.outcome = observe::Outcome::refused;
    make_cookie(flight, flight.preview_cookies);
    const std::string_view target = route::without_preview_parameter(
        flight.exchange->request().origin_target, flight.preview_target);
    flight.page.clear();
    route::append_local_location(flight.page, target);
    flight.preview_target.swap(flight.page);
    flight.page.clear();
    flight.reply.fields.clear();
    flight.reply.fields.push_back({http::FieldId::location, "Location", flight.preview_target});
    flight.reply.fields.push_back(
        {http::FieldId::set_cookie, "Set-Cookie", flight.preview_cookies});
    co_await send_local(flight, 303, {});
}

}  // namespace switchyard::relay
