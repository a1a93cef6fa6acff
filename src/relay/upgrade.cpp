// An origin that is asked to switch protocols: from the request for it to the end of the tunnel
// (C11).
#include "http/validate.hpp"
#include "relay/relay.hpp"
#include "relay/tunnel.hpp"
#include "relay/websocket_handshake.hpp"

namespace switchyard::relay {

using http::Fault;
using observe::Outcome;

namespace {

std::string_view allowed_upgrade(const Flight& flight) noexcept {
    const config::Upgrade& allowed = flight.service->config->upgrade;
    const auto policy = allowed.any ? http::UpgradePolicy::any : http::UpgradePolicy::listed;
    return http::choose_upgrade(flight.exchange->request().upgrade, policy, allowed.protocols);
}

bool is_websocket(const Flight& flight) noexcept {
    return http::iequals(flight.upgrade, "websocket");
}

void remove_fields(http::Fields& fields, http::FieldId id) {
    std::erase_if(fields, [id](const http::Field& field) { return field.id == id; });
}

/// Whether it is ours to look at the answer, and that is wrong.
bool wrong_accept(const Flight& flight) noexcept {
    if (!must_upgrade(flight.exchange->request()) || !is_websocket(flight)) return false;
    std::size_t right = 0;
    std::size_t all = 0;
    for (const http::Field& field : flight.response.fields) {
        if (field.id != http::FieldId::sec_websocket_accept) continue;
        ++all;
        if (answers_websocket_key(field.value, flight.websocket_key)) ++right;
    }
    return all != 1 || right != 1;
}

}  // namespace

bool Relay::may_upgrade(const Flight& flight) noexcept {
    return !allowed_upgrade(flight).empty();
}

/// What of the request's wish goes to the origin; without any it is an ordinary request there.
void Relay::ask_for_upgrade(Flight& flight) {
    flight.upgrade = allowed_upgrade(flight);
    if (!must_upgrade(flight.exchange->request()) || !is_websocket(flight)) return;
    // RFC 8441 §5: key and answer are of HTTP/1.1 alone.
    http::Fields& fields = flight.outgoing.fields;
    remove_fields(fields, http::FieldId::sec_websocket_key);
    flight.websocket_key = new_websocket_key();
    fields.push_back({http::FieldId::sec_websocket_key, "Sec-WebSocket-Key", flight.websocket_key});
}

Task<void> Relay::pass_tunnel(Flight& flight) {
    if (wrong_accept(flight)) {
        co_await fail(flight, Outcome::upstream_error, 502, "bad_websocket_accept");
    } else {
        co_await run_tunnel(flight);
    }
}

Task<void> Relay::run_tunnel(Flight& flight) {
    http::Exchange& exchange = *flight.exchange;
    // Only HTTP/1.1 switches protocols.
    h1::ClientSession& origin = *flight.connection->http1();
    exchange.watch_client(nullptr, nullptr);
    flight.first_byte_us = micros_between(exchange.started_ns(), net::EventLoop::now_ns());
    prepare_reply(flight);
    if (must_upgrade(exchange.request())) {
        remove_fields(flight.reply.fields, http::FieldId::sec_websocket_accept);
    }
    const Fault accepted = co_await exchange.accept_upgrade(flight.reply, flight.upgrade);
    if (accepted != Fault::none) {
        origin.stream().reset();
        flight.connection.reset();
        exchange.abort();
        flight.outcome = flight.was_cut ? Outcome::cut : Outcome::client_abort;
        flight.error = "client_closed";
        if (flight.was_cut) flight.error = "drained";
        co_return;
    }
    observe::SlotCell& cell = flight.metrics->cell(worker_.index);
    Tunnel tunnel({.client = exchange,
                   .origin = origin,
                   .cell = cell,
                   .idle = flight.service->config->timeouts.tunnel_idle,
                   .websocket = is_websocket(flight),
                   .random = worker_.random.next()});
    flight.slot->ledger->cell(worker_.index).open_tunnel();
    cell.tunnels.add();
    cell.tunnels_opened.add();
    flight.was_tunnel = true;
    flight.tunnel = &tunnel;
    if (closing_tunnels_) tunnel.go_away();
    Tunnel::End end = Tunnel::End::cancelled;
    std::exception_ptr failure;
    try {
        end = co_await tunnel.run();
    } catch (...) {
        failure = std::current_exception();
    }
    flight.tunnel = nullptr;
    flight.tunnel_sent = tunnel.sent();
    if (failure) std::rethrow_exception(failure);

    flight.outcome = Outcome::completed;
    bool broken = true;
    switch (end) {
        case Tunnel::End::completed:
            broken = false;
            break;
        case Tunnel::End::closed:
            broken = false;
            flight.told_to_go = true;
            flight.error = "tunnel_closed";
            if (tunnel.expired()) flight.error = "tunnel_idle";
            break;
        case Tunnel::End::client_failed:
            flight.outcome = Outcome::client_abort;
            flight.error = "client_closed";
            break;
        case Tunnel::End::origin_failed:
            flight.outcome = Outcome::upstream_error;
            flight.error = "upstream_truncated";
            break;
        case Tunnel::End::expired:
            flight.outcome = Outcome::cut;
            flight.error = "tunnel_idle";
            break;
        case Tunnel::End::cancelled:
            flight.outcome = Outcome::cut;
            flight.error = "drained";
            break;
    }
    // C9: whoever is still there must not take what it got for the whole.
    if (broken) {
        origin.stream().reset();
        exchange.abort();
    }
    flight.connection.reset();
}

}  // namespace switchyard::relay
