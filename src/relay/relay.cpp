#include "relay/relay.hpp"

#include "base/log.hpp"
#include "relay/named_client.hpp"
#include "relay/tunnel.hpp"

#include <cerrno>
#include <exception>

#include <spdlog/spdlog.h>

namespace switchyard::relay {

namespace {

constexpr std::size_t kSpareFlights = 1024;

/// Not what this machine ran out of.
bool is_targets_fault(int error) noexcept {
    switch (error) {
        case EMFILE:
        case ENFILE:
        case ENOMEM:
        case ENOBUFS:
        case EADDRNOTAVAIL:
        case ECANCELED:
            return false;
        default:
            return true;
    }
}

/// What a client is told when no target could be connected to.
struct ConnectAnswer {
    unsigned status = 502;
    std::string_view code = "connect_failed";
};

ConnectAnswer answer_to(const upstream::ConnectResult& connected) noexcept {
    if (connected.error == ETIMEDOUT) return {504, "connect_timeout"};
    if (connected.error == EBUSY) return {503, "upstream_busy"};
    if (connected.not_http2) return {502, "upstream_not_http2"};
    if (!connected.tls_failure.empty()) return {502, "upstream_tls_failed"};
    return {};
}

/// Counts a request at its target for as long as it is tried there.
class AtTarget {
  public:
    AtTarget(std::shared_ptr<route::Target> target, std::size_t worker) noexcept
        : target_(std::move(target)), cell_(target_->cell(worker)) {
        cell_.in_flight.add();
    }
    AtTarget(const AtTarget&) = delete;
    AtTarget& operator=(const AtTarget&) = delete;
    ~AtTarget() { cell_.in_flight.subtract(); }

    [[nodiscard]] route::Target& operator*() const noexcept { return *target_; }
    [[nodiscard]] route::Target* operator->() const noexcept { return target_.get(); }
    [[nodiscard]] const std::shared_ptr<route::Target>& pointer() const noexcept { return target_; }

  private:
    std::shared_ptr<route::Target> target_;
    route::Target::Cell& cell_;
};

}  // namespace

Relay::~Relay() = default;

std::unique_ptr<Flight> Relay::acquire() {
    std::unique_ptr<Flight> flight;
    if (spare_.empty()) {
        flight = std::make_unique<Flight>();
    } else {
        flight = std::move(spare_.back());
        spare_.pop_back();
    }
    flight->previous = nullptr;
    flight->next = flights_;
    if (flights_ != nullptr) flights_->previous = flight.get();
    flights_ = flight.get();
    ++in_flight_;
    return flight;
}

void Relay::release(std::unique_ptr<Flight> flight) {
    if (flight->previous != nullptr) {
        flight->previous->next = flight->next;
    } else {
        flights_ = flight->next;
    }
    if (flight->next != nullptr) flight->next->previous = flight->previous;
    --in_flight_;
    flight->exchange = nullptr;
    flight->compressed.reset();
    flight->connection.reset();
    flight->options.reset();
    flight->previews.reset();
    flight->gate.reset();
    flight->drop_replay();
    if (spare_.size() < kSpareFlights) spare_.push_back(std::move(flight));
}

void Relay::cut(const route::Ledger& ledger, route::Tunnels tunnels) noexcept {
    for (Flight* flight = flights_; flight != nullptr; flight = flight->next) {
        if (!flight->holds(ledger)) continue;
        if (flight->tunnel != nullptr && tunnels == route::Tunnels::spared) continue;
        flight->cut();
    }
}

void Relay::close_tunnels(const route::Ledger& ledger, double share) noexcept {
    for (Flight* flight = flights_; flight != nullptr; flight = flight->next) {
        if (flight->tunnel == nullptr || !flight->holds(ledger)) continue;
        if (flight->tunnel->place() < share) flight->tunnel->go_away();
    }
}

void Relay::close_all_tunnels() noexcept {
    closing_tunnels_ = true;
    for (Flight* flight = flights_; flight != nullptr; flight = flight->next) {
        if (flight->tunnel != nullptr) flight->tunnel->go_away();
    }
}

void Relay::cut_all() noexcept {
    for (Flight* flight = flights_; flight != nullptr; flight = flight->next)
        flight->cut();
}

Task<void> Relay::handle(http::Exchange& exchange) {
    std::unique_ptr<Flight> flight = acquire();
    flight->start(exchange, worker_);
    bool threw = false;
    try {
        co_await serve(*flight);
    } catch (const std::exception& error) {
        // Out of memory, in effect. The connection ends; the others go on.
        spdlog::error("request_failed error={}", log_value(error.what()));
        threw = true;
    }
    if (threw) {
        co_await stop_upload(*flight);
        exchange.abort();
        if (HoldQueue* const place = flight->held.place) leave_queue(*flight, place->cell().cut);
        flight->outcome = observe::Outcome::upstream_error;
        flight->error = "internal";
    }
    conclude(*flight);
    release(std::move(flight));
}

Task<void> Relay::refuse(http::Exchange& exchange, unsigned status, std::string_view code) {
    std::unique_ptr<Flight> flight = acquire();
    flight->start(exchange, worker_);
    make_request_id(flight->request_id);
    co_await fail(*flight, observe::Outcome::refused, status, code);
    conclude(*flight);
    release(std::move(flight));
}

/// C1, C2: loads the snapshot, decides, and takes the lease, without a suspension in between.
Relay::Entry Relay::bind(Flight& flight) {
    const route::Snapshot& snapshot = *worker_.snapshot.load(std::memory_order_acquire);
    const bool previewed = flight.visit.granted;
    route::Decision decision = route::decide(snapshot, flight.forward.host_lower,
                                             flight.exchange->request(), flight.visit);
    // No retry makes a live request out of one that was meant for the idle slot.
    if (decision.service == nullptr || (previewed && !flight.visit.granted)) {
        return Entry::no_such_service;
    }
    if (flight.visit.signs) flight.previews = snapshot.previews;
    // While the idle slot serves in place of the live one, there is nothing to compare it with.
    if (decision.service->canary && !decision.service->failover && decision.way == route::Way::live)
        [[unlikely]] {
        decision = with_canary(flight, decision);
    }
    // Who may see the idle slot goes past a hold and maintenance.
    if (decision.way != route::Way::preview && (*decision.gate != nullptr || waiting_ != 0)) {
        const Entry entry = at_gate(flight, decision);
        if (entry != Entry::bound) return entry;
    }
    flight.enter(decision);
    return Entry::bound;
}

Task<void> Relay::serve(Flight& flight) {
    http::Exchange& exchange = *flight.exchange;
    const http::RequestHead& request = exchange.request();
    flight.request_id = http::trusted_request_id(request, exchange.peer());
    if (flight.request_id.empty()) make_request_id(flight.request_id);
    if (exchange.peer().https_port != 0) {
        co_await redirect(flight);
        co_return;
    }
    http::normalize_host(request.host, flight.forward.host_lower);
    Entry entry = bind(flight);
    if (entry != Entry::bound) {
        const bool admitted = co_await admit(flight, entry);
        if (!admitted) co_return;
    }
    const config::Service& config = *flight.service->config;
    if (asks_server_info(config, request)) {
        co_await server_info(flight);
        co_return;
    }
    if (flight.in_preview()) {
        const bool answered = co_await answer_preview(flight);
        if (answered) co_return;
    }
    if (must_upgrade(request) && !may_upgrade(flight)) {
        co_await fail(flight, observe::Outcome::refused, 501, "upgrade_not_allowed");
        co_return;
    }
    const std::uint64_t body_limit = config.body_bytes.value_or(flight.options->body_bytes);
    exchange.limit_body(body_limit);
    if (body_limit != 0 && request.content_length > body_limit) {
        co_await fail(flight, observe::Outcome::refused, 413, "body_too_large");
        co_return;
    }
    flight.service->budget->cell(worker_.index).requests.add();
    for (;;) {
        const Attempt result = co_await attempt(flight);
        if (result == Attempt::done) co_return;
        const bool ready = co_await prepare_retry(flight, result);
        if (!ready) co_return;
    }
}

/// Pulls what is at hand of the request's body, once. False: the client's part failed already.
bool Relay::take_first_piece(Flight& flight) {
    if (flight.body_touched) return true;
    flight.body_touched = true;
    http::Chunk piece;
    if (flight.exchange->request_body().try_next(piece)) flight.first_piece = piece;
    flight.upload_client_fault = flight.first_piece.fault;
    return flight.first_piece.fault == http::Fault::none;
}

Task<Relay::Attempt> Relay::attempt(Flight& flight) {
    if (!take_first_piece(flight)) {
        co_await fail_upload(flight);
        co_return Attempt::done;
    }
    const http::RequestHead& request = flight.exchange->request();
    const route::SlotState& slot = *flight.slot;
    const config::Service& config = *flight.service->config;
    observe::SlotCell& cell = flight.metrics->cell(worker_.index);
    // It has just been bound; each try is anew.
    const std::uint64_t started_ns = flight.try_ns;
    flight.try_tick = worker_.loop.timers().now();
    const AtTarget target(
        upstream::pick_target(slot, worker_.index, started_ns, flight.tried, worker_.random),
        worker_.index);
    flight.target = target.pointer().get();
    flight.target_address = target->address();
    flight.proxy_header.clear();
    if (target->config().proxy_protocol != ProxyProtocol::off) name_client(flight, *target);
    const bool is_path = target->config().kind == config::Target::Kind::unix_socket;
    flight.target_host = is_path ? std::string_view("localhost") : flight.target_address;

    // C10: an idempotent request never fails for a stale connection, since it is sent again. One
    // whose body would not be at hand then gets a new connection.
    const bool http2 = target->config().http2;
    const bool body_fits =
        flight.body_at_hand() || ((request.idempotent || http2) && !flight.fresh_connection &&
                                  request.framing == http::Framing::length &&
                                  flight.make_replay_room(request.content_length));
    if (http2) {
        const bool careful = flight.fresh_connection || (!body_fits && request.idempotent);
        flight.connection = worker_.http2.stream(target.pointer(), flight.service->epoch, config,
                                                 careful, flight.slot->metrics);
    } else if (!flight.fresh_connection && (body_fits || !request.idempotent)) {
        auto pooled = worker_.pool.take(*target, flight.service->epoch, flight.proxy_header);
        // What must not be sent twice should not meet a connection that is already closed.
        while (pooled && !request.idempotent && !pooled->session.is_alive()) {
            pooled = worker_.pool.take(*target, flight.service->epoch, flight.proxy_header);
        }
        flight.connection = std::move(pooled);
    }
    if (flight.connection && flight.connection->reused) {
        cell.upstream_reuses.add();
    } else {
        if (!flight.connection) {
            auto made = std::make_unique<upstream::Connection>(worker_.loop, target.pointer(),
                                                               flight.service->epoch);
            made->proxy_header = flight.proxy_header;
            flight.connection = std::move(made);
        }
        const upstream::ConnectResult connected =
            co_await flight.connection->connect(connect_limit(flight));
        const std::uint64_t now_ns = net::EventLoop::now_ns();
        flight.connect_us = micros_between(started_ns, now_ns);
        if (flight.was_cut) {
            co_await fail(flight, observe::Outcome::cut, 503, "drained");
            co_return Attempt::done;
        }
        if (flight.client_gone) {
            co_await fail(flight, observe::Outcome::client_abort, 0, "client_closed");
            co_return Attempt::done;
        }
        if (connected.error != 0) {
            flight.connection.reset();
            if (!connected.shared) cell.upstream_connect_failures.add();
            if (!connected.shared && is_targets_fault(connected.error)) {
                target->connect_failed(now_ns, config.ejection.failures, config.ejection.duration);
            }
            flight.tried.push_back(target->id());
            if (may_retry(flight, http::TryFailure::not_connected)) co_return Attempt::retry;
            const ConnectAnswer answer = answer_to(connected);
            co_await fail(flight, observe::Outcome::upstream_error, answer.status, answer.code);
            co_return Attempt::done;
        }
        target->connect_succeeded();
        if (connected.shared) {
            cell.upstream_reuses.add();
        } else {
            cell.upstream_connects.add();
        }
    }
    const Attempt result = co_await exchange_messages(flight);
    if (result == Attempt::retry) flight.tried.push_back(target->id());
    co_return result;
}

}  // namespace switchyard::relay
