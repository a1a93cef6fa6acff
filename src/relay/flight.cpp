#include "relay/flight.hpp"

namespace switchyard::relay {

void Flight::start(http::Exchange& of, WorkerContext& on) {
    exchange = &of;
    worker = &on;
    options = on.options;
    service = nullptr;
    slot = nullptr;
    metrics = nullptr;
    way = route::Way::live;
    visit = {};
    canary = {};
    outcome = observe::Outcome::completed;
    status = 0;
    error = {};
    retries = 0;
    queue = nullptr;
    hold_us = connect_us = first_byte_us = -1;
    retry_after.clear();
    request_id.clear();
    target_address.clear();
    upgrade = {};
    tunnel = nullptr;
    was_tunnel = told_to_go = false;
    tunnel_sent = 0;
    was_cut = client_gone = interim_torn = fresh_connection = false;
    first_piece = {};
    body_touched = replayable = false;
    upload_client_fault = upload_upstream_fault = http::Fault::none;
    upload_complete = true;
    tried.clear();
}

void Flight::enter(const route::Decision& decision) noexcept {
    service = decision.service;
    slot = decision.slot;
    way = decision.way;
    metrics = way == route::Way::preview ? slot->preview_metrics.get() : slot->metrics.get();
    slot->ledger->cell(worker->index).enter(net::EventLoop::now_ns());
    metrics->cell(worker->index).in_flight.add();
}

void Flight::move_on() noexcept {
    metrics->cell(worker->index).in_flight.subtract();
    slot->ledger->cell(worker->index).move();
    slot = nullptr;
    service = nullptr;
}

void Flight::leave(observe::Outcome how) noexcept {
    route::Ledger::Cell& books = slot->ledger->cell(worker->index);
    metrics->cell(worker->index).in_flight.subtract();
    if (was_tunnel) books.end_tunnel(told_to_go, how == observe::Outcome::cut);
    books.leave(how);
    slot = nullptr;
    service = nullptr;
}

void Flight::cancel_upstream() noexcept {
    if (connection) connection->exchange().cancel();
}

void Flight::cut() noexcept {
    was_cut = true;
    exchange->cancel_io();
    cancel_upstream();
    if (held.queue != nullptr) held.queue->end(held, Held::End::left);
}

void Flight::watch_client() noexcept {
    const bool gone =
        exchange->watch_client([](void* self) { static_cast<Flight*>(self)->client_left(); }, this);
    if (gone) client_left();
}

void Flight::client_left() noexcept {
    client_gone = true;
    cancel_upstream();
    if (held.queue != nullptr) held.queue->end(held, Held::End::left);
}

void Flight::begin_replay() {
    replayable = first_piece.data.size() <= kReplayBytes;
    // After a rewind the first piece is what was kept.
    if (replayable && first_piece.data.data() != replay.data()) replay.assign(first_piece.data);
}

void Flight::keep_for_replay(const http::Chunk& piece) {
    if (!replayable) return;
    if (replay.size() + piece.data.size() > kReplayBytes) {
        replayable = false;
        return;
    }
    replay += piece.data;
}

void Flight::rewind_body() noexcept {
    first_piece = {};
    first_piece.data = replay;
    first_piece.last = exchange->request_body().finished();
    upload_upstream_fault = http::Fault::none;
}

}  // namespace switchyard::relay
