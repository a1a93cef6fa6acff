#include "relay/canary.hpp"

#include "http/validate.hpp"
#include "relay/client_address.hpp"
#include "relay/relay.hpp"
#include "route/canary_cookie.hpp"
#include "route/preview_signs.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

namespace switchyard::relay {

namespace {

using observe::Outcome;

constexpr std::string_view kBlank = " \t";

std::string_view trimmed(std::string_view text) noexcept {
    const std::size_t begin = text.find_first_not_of(kBlank);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

/// Takes the piece up to the next ',' that is not within quotes, or all of it.
std::string_view take_directive(std::string_view& list) noexcept {
    bool quoted = false;
    std::size_t end = 0;
    for (; end < list.size(); ++end) {
        if (list[end] == '\\' && quoted) {
            ++end;
        } else if (list[end] == '"') {
            quoted = !quoted;
        } else if (list[end] == ',' && !quoted) {
            break;
        }
    }
    end = std::min(end, list.size());
    const std::string_view directive = trimmed(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
    return directive;
}

std::string_view name_of(std::string_view directive) noexcept {
    return trimmed(directive.substr(0, directive.find('=')));
}

/// Only for shared caches, or against what is added.
bool is_for_shared_caches(std::string_view directive) noexcept {
    const std::string_view name = name_of(directive);
    for (const std::string_view known : {"public", "s-maxage", "proxy-revalidate", "private"}) {
        if (http::iequals(name, known)) return true;
    }
    return false;
}

/// Fields for caches of a certain kind alone (RFC 9213), which they obey before Cache-Control.
bool is_targeted(const http::Field& field) noexcept {
    return http::iends_with(field.name, "CDN-Cache-Control") ||
           http::iequals(field.name, "Surrogate-Control") ||
           http::iequals(field.name, "X-Accel-Expires");
}

}  // namespace

void hide_canary_cookie(Flight& flight) {
    const route::Canary& canary = *flight.service->canary;
    if (!canary.by_cookie() || canary.forward) return;
    route::remove_signs(flight.outgoing.fields, {{}, {&canary.cookie, 1}}, flight.canary_cookies);
}

void make_private(std::string_view value, std::string& out) {
    out += "private";
    while (!value.empty()) {
        const std::string_view directive = take_directive(value);
        if (directive.empty() || is_for_shared_caches(directive)) continue;
        out += ", ";
        out += directive;
    }
}

void keep_off_shared_caches(http::Fields& fields, std::string& scratch) {
    std::erase_if(fields, is_targeted);
    // One field in place of all of them: caches differ in what they make of several.
    std::string all;
    for (const http::Field& field : fields) {
        if (field.id != http::FieldId::cache_control) continue;
        if (!all.empty()) all += ", ";
        all += field.value;
    }
    scratch.clear();
    make_private(all, scratch);
    std::erase_if(
        fields, [](const http::Field& field) { return field.id == http::FieldId::cache_control; });
    fields.push_back({http::FieldId::cache_control, "Cache-Control", scratch});
}

route::Decision Relay::with_canary(Flight& flight, const route::Decision& live) {
    const route::Canary& canary = *live.service->canary;
    if (!canary.runs()) {
        flight.canary = {};
        return live;
    }
    const http::Exchange& exchange = *flight.exchange;
    route::CanaryClient client;
    if (canary.stick == config::Canary::Stick::address) {
        client.address =
            client_address(exchange.request(), exchange.peer(), flight.options->trusted_proxies);
    }
    if (canary.by_cookie()) client.draw = worker_.random.next();
    client.now_ns = net::EventLoop::now_ns();
    client.tried = flight.tried;
    return route::decide_canary(live, exchange.request(), client, flight.canary);
}

/// Set-Cookie (RFC 6265 §4.1) at the end of flight.lines.
void Relay::give_canary_cookie(Flight& flight) {
    const route::ServiceState& service = *flight.service;
    // (A retry may have come to a service without it.)
    if (!service.canary || !service.canary->runs() || service.canary->run != flight.canary.run) {
        return;
    }
    const route::Canary& canary = *service.canary;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    route::CanaryCookie cookie;
    cookie.point = flight.canary.point;
    cookie.expires = std::chrono::floor<std::chrono::seconds>(now).count() + canary.longest;
    const std::size_t begin = flight.lines.size();
    flight.lines += "Set-Cookie: ";
    flight.lines += canary.cookie;
    flight.lines += '=';
    if (!route::append_canary_cookie(flight.lines, canary.keys.front(), service.name(), canary.run,
                                     cookie)) {
        flight.lines.resize(begin);
        return;
    }
    flight.lines += "; Path=";
    // Only where the service is: others of the same host have canaries of their own.
    const std::string& path = service.config->path;
    flight.lines +=
        path.find(';') == std::string::npos ? std::string_view(path) : std::string_view("/");
    flight.lines += "; Max-Age=";
    flight.lines += std::to_string(canary.longest);
    flight.lines += "; HttpOnly; SameSite=Lax";
    const http::Exchange& exchange = *flight.exchange;
    if (came_encrypted(exchange.request(), exchange.peer())) flight.lines += "; Secure";
    flight.lines += "\r\n";
    keep_off_shared_caches(flight.reply.fields, flight.canary_caching);
}

void Relay::count_canary(const Flight& flight) noexcept {
    const route::Canary& canary = *flight.service->canary;
    const route::CanaryVisit& visit = flight.canary;
    if (!canary.runs() || visit.run != canary.run || flight.in_preview()) return;
    canary.traffic->cell(worker_.index)
        .requests[index_of(flight.slot->colour)][static_cast<std::size_t>(visit.reason)]
        .add();
    if (!visit.compared) return;
    // What the client or the proxy ended says nothing of the slot.
    if (flight.outcome != Outcome::completed && flight.outcome != Outcome::upstream_error) return;
    const bool given_up = visit.reason == observe::CanaryReason::failed;
    const bool error =
        given_up || flight.status >= 500 || flight.outcome == Outcome::upstream_error;
    // Up to the first byte: what follows depends on the client. A tunnel's is a greeting.
    std::optional<std::uint64_t> us;
    if (!error && !flight.was_tunnel && flight.first_byte_us >= 0) {
        const std::int64_t held = std::max<std::int64_t>(flight.hold_us, 0);
        us = static_cast<std::uint64_t>(std::max<std::int64_t>(flight.first_byte_us - held, 0));
    }
    canary.counts->record(worker_.index, visit.point, visit.belongs, error, us);
}

}  // namespace switchyard::relay
