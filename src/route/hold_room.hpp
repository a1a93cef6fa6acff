#pragma once

#include "observe/counter.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace switchyard::route {

/// Where the requests of one service that are held are counted, over all workers and all holds
/// since the start (C15, C18). What bounds them is exact over all workers; the rest is a cell a
/// worker, which only that worker writes. Lives as long as the service's counters.
class HoldRoom {
  public:
    struct alignas(observe::kCacheLine) Cell {
        observe::Counter held;         ///< Began to wait.
        observe::Counter released;     ///< Went on when the hold was over.
        observe::Counter timed_out;    ///< Had waited for as long as a request may: 503.
        observe::Counter left;         ///< The client left.
        observe::Counter cut;          ///< The daemon's end, or maintenance, came first: 503.
        observe::Counter full;         ///< Found no room, and never waited: 503.
        observe::Counter wait_us;      ///< Sum over those that do not wait any more.
        observe::Counter turned_away;  ///< Got the maintenance page.
        observe::Counter oldest_ns;    ///< Gauge: since when the first waits (steady); 0: none.
        observe::Counter hold;         ///< The hold that longest_us is of.
        observe::Counter longest_us;
    };

    struct Totals {
        std::uint64_t held = 0;
        std::uint64_t released = 0;
        std::uint64_t timed_out = 0;
        std::uint64_t left = 0;
        std::uint64_t cut = 0;
        std::uint64_t full = 0;
        std::uint64_t wait_us = 0;
        std::uint64_t turned_away = 0;

        Totals operator-(const Totals& before) const noexcept;
    };

    HoldRoom(std::string service, std::size_t workers)
        : service_(std::move(service)), cells_(workers) {}

    [[nodiscard]] const std::string& service() const noexcept { return service_; }
    [[nodiscard]] Cell& cell(std::size_t worker) noexcept { return cells_[worker]; }

    /// Makes room for a request of `bytes` octets, unless there would be more than `most_requests`
    /// or `most_bytes` then. Any worker.
    [[nodiscard]] bool enter(std::uint64_t bytes, std::uint64_t most_requests,
                             std::uint64_t most_bytes) noexcept;
    /// The same for one that can't be refused: it only stands behind others that are being
    /// released.
    void enter_anyway(std::uint64_t bytes) noexcept;
    void leave(std::uint64_t bytes) noexcept;

    // Any thread.
    [[nodiscard]] std::uint64_t requests() const noexcept { return requests_.load(); }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_.load(); }
    /// Since when the oldest request waits, steady nanoseconds; 0: none waits.
    [[nodiscard]] std::uint64_t oldest_ns() const noexcept;
    [[nodiscard]] Totals totals() const noexcept;
    /// The longest wait of a hold that is over for a request, microseconds.
    [[nodiscard]] std::uint64_t longest_us(std::uint64_t hold) const noexcept;

  private:
    std::string service_;
    std::vector<Cell> cells_;
    std::atomic<std::uint64_t> requests_{0};
    std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace switchyard::route
