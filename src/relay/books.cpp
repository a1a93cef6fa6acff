// What is counted and logged of a request when it is over (C18).
#include "relay/client_address.hpp"
#include "relay/preview.hpp"
#include "relay/relay.hpp"

namespace switchyard::relay {

void Relay::conclude(Flight& flight) noexcept {
    http::Exchange& exchange = *flight.exchange;
    exchange.watch_client(nullptr, nullptr);
    exchange.resume_io();
    const std::uint64_t now_ns = net::EventLoop::now_ns();
    const std::int64_t total_us = micros_between(exchange.started_ns(), now_ns);
    if (flight.slot != nullptr) {
        observe::SlotCell& cell = flight.metrics->cell(worker_.index);
        if (flight.was_tunnel) {
            // It may have lasted for days: what was waited for is its beginning. Its octets were
            // counted as they passed.
            cell.record(flight.status, flight.outcome,
                        static_cast<std::uint64_t>(flight.first_byte_us));
            cell.bytes_sent.add(exchange.bytes_sent() - flight.tunnel_sent);
            cell.tunnels.subtract();
            if (flight.told_to_go) cell.tunnels_closed.add();
        } else {
            cell.record(flight.status, flight.outcome, static_cast<std::uint64_t>(total_us));
            cell.bytes_received.add(exchange.request_body().received());
            cell.bytes_sent.add(exchange.bytes_sent());
        }
        if (flight.service->canary) count_canary(flight);
    } else {
        worker_.counters.unrouted_by_outcome[static_cast<std::size_t>(flight.outcome)].add();
        worker_.counters.unrouted_by_status_class[flight.status / 100 % 6].add();
    }
    if (worker_.access_log != nullptr) log(flight, now_ns);
    // The lease is what keeps the service alive: last of all.
    if (flight.slot != nullptr) flight.leave(flight.outcome);
}

void Relay::log(Flight& flight, std::uint64_t now_ns) noexcept {
    http::Exchange& exchange = *flight.exchange;
    const http::RequestHead& request = exchange.request();
    observe::AccessRecord record;
    record.start = worker_.wall.at(exchange.started_ns(), now_ns);
    record.client = client_address(request, exchange.peer(), flight.options->trusted_proxies);
    record.method = request.method;
    record.target = request.target;
    // What opens a preview is nobody's business who reads a log.
    if (worker_.snapshot.load(std::memory_order_acquire)->previews != nullptr) {
        record.target = without_pass(record.target, flight.preview_target);
    }
    if (flight.in_preview()) record.preview = flight.visit.id;
    record.host = request.host;
    record.protocol = request.version == 10 ? "HTTP/1.0" : "HTTP/1.1";
    if (request.version == 20) record.protocol = "HTTP/2.0";
    record.tls = exchange.peer().tls_version;
    if (flight.slot != nullptr) {
        record.service = flight.service->name();
        record.slot = to_string(flight.slot->colour);
        record.epoch = flight.service->epoch;
    } else if (flight.gate) {
        record.service = flight.gate->config->name;
    }
    record.upstream = flight.target_address;
    record.request_id = flight.request_id;
    record.referer = request.value(http::FieldId::referer);
    record.user_agent = request.value(http::FieldId::user_agent);
    record.error = flight.error;
    record.status = flight.status;
    record.bytes_received = exchange.request_body().received();
    record.bytes_sent = exchange.bytes_sent();
    record.hold_us = flight.hold_us;
    record.connect_us = flight.connect_us;
    record.first_byte_us = flight.first_byte_us;
    record.total_us = micros_between(exchange.started_ns(), now_ns);
    record.retries = flight.retries;
    record.outcome = flight.outcome;
    worker_.access_log->write(record);
}

/// 128 random bits in hexadecimal.
void Relay::make_request_id(std::string& out) {
    static constexpr char kDigits[] = "0123456789abcdef";
    out.resize(32);
    for (std::size_t half = 0; half < 2; ++half) {
        std::uint64_t bits = worker_.random.next();
        for (std::size_t i = 0; i < 16; ++i) {
            out[half * 16 + i] = kDigits[bits & 15];
            bits >>= 4;
        }
    }
}

}  // namespace switchyard::relay
