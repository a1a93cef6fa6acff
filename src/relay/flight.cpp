#include "relay/flight.hpp"

#include <algorithm>
#include <utility>

namespace switchyard::relay {

namespace {
/// Memory of an upload's copy that the next request may find.
constexpr std::size_t kSpareReplayBytes = 64 * 1024;
}  // namespace

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
    reset_code = {};
    retries = 0;
    head_tick = waited_ticks = 0;
    try_over = interim_sent = false;
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
    try_ns = net::EventLoop::now_ns();
    slot->ledger->cell(worker->index).enter(try_ns);
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
    pause.end();
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
    pause.end();
}

bool Flight::make_replay_room(std::uint64_t bytes) noexcept {
    if (replay_owner && replay_owner != service->budget) {
        // Another service's by now. What is kept counts there from here on.
        const std::uint64_t room = std::exchange(replay_room, 0);
        replay_owner->drop(room);
        replay_owner.reset();
        bytes = std::max<std::uint64_t>(bytes, room);
    }
    if (bytes <= replay_room) return true;
    const config::Retries& limits = service->config->retries;
    if (bytes > limits.body_bytes) return false;
    if (!service->budget->keep(bytes - replay_room, limits.bodies_bytes)) return false;
    replay_owner = service->budget;
    replay_room = bytes;
    return true;
}

void Flight::begin_replay() {
    replayable = make_replay_room(first_piece.data.size());
    // After a rewind the first piece is what was kept.
    if (replayable && first_piece.data.data() != replay.data()) replay.assign(first_piece.data);
}

void Flight::keep_for_replay(const http::Chunk& piece) {
    if (!replayable) return;
    const std::uint64_t needed = replay.size() + piece.data.size();
    if (needed > replay_room) {
        // In steps, as the memory of a string grows.
        const std::uint64_t most = service->config->retries.body_bytes;
        const std::uint64_t step = std::min(std::max(needed, 2 * replay_room), most);
        replayable = needed <= most && (make_replay_room(step) || make_replay_room(needed));
        if (!replayable) return;
    }
    replay += piece.data;
}

void Flight::drop_replay() noexcept {
    if (replay_owner) replay_owner->drop(replay_room);
    replay_owner.reset();
    replay_room = 0;
    // A long one is not kept for the next request.
    if (replay.capacity() > kSpareReplayBytes) std::string().swap(replay);
}

void Flight::rewind_body() noexcept {
    first_piece = {};
    first_piece.data = replay;
    first_piece.last = exchange->request_body().finished();
    upload_upstream_fault = http::Fault::none;
}

}  // namespace switchyard::relay
