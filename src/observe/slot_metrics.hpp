#pragma once

#include "base/colour.hpp"
#include "observe/counter.hpp"
#include "observe/http2_limit.hpp"
#include "observe/outcome.hpp"
#include "observe/proxy_fault.hpp"
#include "observe/upstream_http2.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace switchyard::observe {

/// Upper bounds of the latency histogram, microseconds; one bucket more takes the rest.
inline constexpr std::array<std::uint64_t, 16> kLatencyBoundsUs = {
    250,     500,     1'000,   2'500,     5'000,     10'000,    25'000,     50'000,
    100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000, 30'000'000};

/// What one worker counts for one slot of one service; only that worker writes.
struct alignas(kCacheLine) SlotCell {
    /// By first digit of the status sent downstream; [0]: no head was sent.
    std::array<Counter, 6> by_status_class;
    std::array<Counter, kOutcomes> by_outcome;
    Counter errors;  ///< Answered with 5xx, or failed on the upstream side, or both.
    std::array<Counter, kLatencyBoundsUs.size() + 1> latency;  ///< Not cumulative.
    Counter latency_sum_us;
    Counter in_flight;          ///< Requests that hold a lease now.
    Counter upstream_connects;  ///< Connections opened.
    Counter upstream_connect_failures;
    Counter upstream_reuses;  ///< Requests sent on a pooled connection.
    Counter upstream_idle;    ///< Gauge: pooled connections.
    UpstreamHttp2 upstream_http2;
    Counter retries;
    Counter retries_denied;         ///< Would have been safe, but not within the budget.
    Counter bytes_received;         ///< From clients, bodies.
    Counter bytes_sent;             ///< To clients, heads and bodies.
    Counter compressed;             ///< Responses that were compressed.
    Counter compression_bytes_in;   ///< Octets of their bodies, as the origin sent them.
    Counter compression_bytes_out;  ///< The same as they were sent on.
    Counter tunnels;                ///< Gauge: open now; they are in flight as well.
    Counter tunnels_opened;
    Counter tunnels_closed;         ///< Told to go away, by a drain, the stop, or for silence.
    Counter tunnel_bytes_received;  ///< From clients, as they pass; not in bytes_received.
    Counter tunnel_bytes_sent;      ///< To clients, as they pass; not in bytes_sent.

    /// One request ended after `total_us` microseconds.
    void record(unsigned status, Outcome outcome, std::uint64_t total_us) noexcept;
};

/// The counters of one slot, a cell a worker. Lives as long as anything points to it; it outlives
/// epochs (a switch doesn't set the counters back).
class SlotMetrics {
  public:
    SlotMetrics(std::string service, Colour colour, std::size_t workers)
        : service_(std::move(service)), colour_(colour), cells_(workers) {}

    [[nodiscard]] SlotCell& cell(std::size_t worker) noexcept { return cells_[worker]; }
    [[nodiscard]] std::span<const SlotCell> cells() const noexcept { return cells_; }
    [[nodiscard]] const std::string& service() const noexcept { return service_; }
    [[nodiscard]] Colour colour() const noexcept { return colour_; }

    /// Sum over the workers of one counter: `metrics.sum(&SlotCell::retries)`.
    [[nodiscard]] std::uint64_t sum(Counter SlotCell::*counter) const noexcept {
        std::uint64_t total = 0;
        for (const SlotCell& cell : cells_)
            total += (cell.*counter).get();
        return total;
    }

  private:
    std::string service_;
    Colour colour_;
    std::vector<SlotCell> cells_;
};

/// What one worker counts besides services; only that worker writes.
struct alignas(kCacheLine) WorkerCell {
    Counter connections;  ///< Gauge: client connections now.
    Counter connections_accepted;
    Counter connections_refused;  ///< Over a limit.
    Counter tls_handshakes;
    Counter tls_handshake_failures;
    Counter tls_resumed;
    Counter proxy_headers;                           ///< Of the PROXY protocol, taken.
    std::array<Counter, kProxyFaults> proxy_faults;  ///< Connections closed for the want of one.
    Counter http2_connections;                       ///< That speak HTTP/2.
    Counter http2_malformed;  ///< Requests that were none (RFC 9113 §8.1.1): stream reset.
    Counter http2_refused;    ///< Streams over the limit of concurrent ones.
    std::array<Counter, kHttp2Limits> http2_limits;  ///< Connections ended, by limit.
    /// Requests that never reached a slot (malformed, unknown host, redirect, ...), by outcome.
    std::array<Counter, kOutcomes> unrouted_by_outcome;
    std::array<Counter, 6> unrouted_by_status_class;
};

}  // namespace switchyard::observe
