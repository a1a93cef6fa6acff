// What stands before the routing decision: a hold, in which requests wait for it, or maintenance.
#include "relay/error_page.hpp"
#include "relay/relay.hpp"

#include <algorithm>

namespace switchyard::relay {

namespace {

using observe::Outcome;
using route::HoldRoom;

/// Until the hold ends by itself, in whole seconds; at least one.
std::uint64_t seconds_left(const route::Gate& gate) noexcept {
    constexpr std::uint64_t kSecond = 1'000'000'000;
    const std::uint64_t now = net::EventLoop::now_ns();
    if (gate.deadline_ns <= now) return 1;
    return (gate.deadline_ns - now + kSecond - 1) / kSecond;
}

}  // namespace

HoldQueue* Relay::queue_of(const HoldRoom& room) noexcept {
    for (const auto& queue : queues_) {
        if (&queue->room() == &room) return queue.get();
    }
    return nullptr;
}

HoldQueue& Relay::make_queue(const std::shared_ptr<HoldRoom>& room) {
    if (HoldQueue* const queue = queue_of(*room)) return *queue;
    auto still_held = [this, service = room->service()] {
        const route::Snapshot& snapshot = *worker_.snapshot.load(std::memory_order_acquire);
        const route::Gate* gate = snapshot.gate_of(service);
        return gate != nullptr && gate->mode == route::Gate::Mode::hold;
    };
    return *queues_.emplace_back(
        std::make_unique<HoldQueue>(worker_.loop, worker_.index, room, std::move(still_held)));
}

void Relay::gates_changed() {
    for (const auto& queue : queues_)
        queue->look();
}

/// Whether the request may be bound now; if not, flight.gate and flight.queue say what is in the
/// way. It may have its place in another queue still. Part of the decision: no suspension.
Relay::Entry Relay::at_gate(Flight& flight, const route::Decision& decision) {
    const http::RequestHead& request = flight.exchange->request();
    route::Visitor visitor;
    visitor.server_info = asks_server_info(*decision.service->config, request);
    visitor.again =
        flight.held.place == nullptr && (flight.retries != 0 || flight.fresh_connection);
    flight.gate = *decision.gate;
    switch (route::passage(flight.gate.get(), visitor)) {
        case route::Passage::turned_away:
            return Entry::turned_away;
        case route::Passage::wait:
            flight.queue = &make_queue(flight.gate->room);
            return Entry::wait;
        case route::Passage::open:
            break;
    }
    // In order of arrival: those who are still being released go first.
    if (visitor.server_info || visitor.again) return Entry::bound;
    HoldQueue* const queue = queue_of(*decision.service->room);
    if (queue == nullptr || queue->empty() || queue == flight.held.place) return Entry::bound;
    flight.queue = queue;
    return Entry::wait;
}

/// What follows when a request can't be bound at once. True: it is bound now. False: it has got its
/// answer.
Task<bool> Relay::admit(Flight& flight, Entry entry) {
    while (entry == Entry::wait) {
        const bool go_on = co_await wait_in_queue(flight);
        if (!go_on) co_return false;
        entry = bind(flight);
    }
    if (flight.held.place != nullptr) {
        HoldRoom::Cell& cell = flight.held.place->cell();
        leave_queue(flight, entry == Entry::turned_away ? cell.cut : cell.released);
    }
    if (entry == Entry::bound) co_return true;
    if (entry == Entry::turned_away) {
        co_await turn_away(flight);
    } else {
        co_await fail(flight, Outcome::refused, 404, "no_such_service");
    }
    co_return false;
}

/// One wait; true: the request is to be decided anew. Nothing is read from the client meanwhile.
Task<bool> Relay::wait_in_queue(Flight& flight) {
    HoldQueue& queue = *flight.queue;
    Held& held = flight.held;
    // It was let go there, and belongs to another service now (a reload): the last one here.
    if (held.place != nullptr && held.place != &queue) {
        leave_queue(flight, held.place->cell().released);
    }
    if (held.place == nullptr) {
        const config::Hold* limits = flight.gate ? &flight.gate->config->hold : nullptr;
        const std::uint64_t bytes = flight.exchange->held_bytes() + flight.replay.capacity();
        if (!queue.enter(held, bytes, limits)) {
            flight.retry_after = std::to_string(seconds_left(*flight.gate));
            co_await fail(flight, Outcome::refused, 503, "hold_full");
            co_return false;
        }
        ++waiting_;
    }
    if (flight.gate) queue.limit(held, flight.gate->hold, flight.gate->config->hold.wait);
    flight.watch_client();
    Held::End end = Held::End::left;
    if (!flight.client_gone && !flight.was_cut) end = co_await queue.wait(held);
    flight.exchange->watch_client(nullptr, nullptr);
    // Whatever woke it: a client that is gone can't be answered, and a cut one must be.
    if (flight.was_cut) {
        leave_queue(flight, queue.cell().cut);
        co_await fail(flight, Outcome::cut, 503, "drained");
        co_return false;
    }
    if (flight.client_gone) {
        leave_queue(flight, queue.cell().left);
        co_await fail(flight, Outcome::client_abort, 0, "client_closed");
        co_return false;
    }
    if (end == Held::End::timed_out) {
        leave_queue(flight, queue.cell().timed_out);
        if (flight.gate) flight.retry_after = std::to_string(seconds_left(*flight.gate));
        co_await fail(flight, Outcome::refused, 503, "hold_timeout");
        co_return false;
    }
    co_return true;
}

void Relay::leave_queue(Flight& flight, observe::Counter& how) noexcept {
    how.add();
    --waiting_;
    const auto waited = static_cast<std::int64_t>(flight.held.place->leave(flight.held));
    flight.hold_us = std::max<std::int64_t>(flight.hold_us, 0) + waited;
}

/// The maintenance page. The gate's own texts are used: flight.gate keeps them.
Task<void> Relay::turn_away(Flight& flight) {
    const route::Gate& gate = *flight.gate;
    gate.room->cell(worker_.index).turned_away.add();
    flight.outcome = Outcome::refused;
    flight.error = "maintenance";
    flight.retry_after = std::to_string(gate.retry_after_s);
    flight.reply.fields.clear();
    flight.reply.fields.push_back({http::FieldId::unknown, "X-Switchyard-Error", flight.error});
    flight.reply.fields.push_back({http::FieldId::retry_after, "Retry-After", flight.retry_after});
    const http::RequestHead& request = flight.exchange->request();
    const bool json = prefers_json(request.value(http::FieldId::accept));
    const std::string_view type = make_maintenance_page(flight.page, gate, flight.request_id, json,
                                                        flight.options->error_pages);
    co_await send_local(flight, 503, type);
}

}  // namespace switchyard::relay
