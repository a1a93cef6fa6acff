// An origin that switched protocols: from its 101 to the end of the tunnel (C11).
#include "http/validate.hpp"
#include "relay/relay.hpp"
#include "relay/tunnel.hpp"

namespace switchyard::relay {

using http::Fault;
using observe::Outcome;

Task<void> Relay::pass_tunnel(Flight& flight) {
    http::Exchange& exchange = *flight.exchange;
    // Only HTTP/1.1 switches protocols.
    h1::ClientSession& origin = *flight.connection->http1();
    exchange.watch_client(nullptr, nullptr);
    flight.first_byte_us = micros_between(exchange.started_ns(), net::EventLoop::now_ns());
    prepare_reply(flight);
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
                   .websocket = http::iequals(flight.upgrade, "websocket"),
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
