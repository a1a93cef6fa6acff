#include "relay/flight.hpp"

namespace switchyard::relay {

void Flight::start(http::Exchange& of, WorkerContext& on) {
    exchange = &of;
    worker = &on;
    options = on.options;
    service = nullptr;
    slot = nullptr;
    outcome = observe::Outcome::completed;
    status = 0;
    error = {};
    retries = 0;
    queue = nullptr;
    hold_us = connect_us = first_byte_us = -1;
    retry_after.clear();
    request_id.clear();
    target_address.clear();
    was_cut = client_gone = interim_torn = fresh_connection = false;
    first_piece = {};
    body_touched = replayable = false;
    upload_client_fault = upload_upstream_fault = http::Fault::none;
    upload_complete = true;
    tried.clear();
}

void Flight::enter(const route::ServiceState& to, const route::SlotState& on) noexcept {
    service = &to;
    slot = &on;
    on.ledger->cell(worker->index).enter(net::EventLoop::now_ns());
    on.metrics->cell(worker->index).in_flight.add();
}

void Flight::move_on() noexcept {
    slot->metrics->cell(worker->index).in_flight.subtract();
    slot->ledger->cell(worker->index).move();
    slot = nullptr;
    service = nullptr;
}

void Flight::leave(observe::Outcome how) noexcept {
    slot->metrics->cell(worker->index).in_flight.subtract();
    slot->ledger->cell(worker->index).leave(how);
    slot = nullptr;
    service = nullptr;
}

void Flight::cancel_upstream() noexcept {
    if (connection) connection->session.stream().cancel();
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
