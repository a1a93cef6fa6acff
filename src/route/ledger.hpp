#pragma once

#include "base/colour.hpp"
#include "observe/counter.hpp"
#include "observe/outcome.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace switchyard::route {

/// Whether the tunnels of a slot are cut together with its other requests.
enum class Tunnels : std::uint8_t { cut, spared };

/// The books of one slot of one service in one epoch (C14: overlapping drains are counted apart;
/// C18: every request that entered leaves with exactly one outcome). A cell a worker; only that
/// worker writes it.
class Ledger {
  public:
    struct alignas(observe::kCacheLine) Cell {
        observe::Counter entered;
        std::array<observe::Counter, observe::kOutcomes> left;
        observe::Counter moved;             ///< Left for a retry, which entered again elsewhere.
        observe::Counter first_entered_ns;  ///< steady_clock; 0: never.
        observe::Counter last_entered_ns;
        observe::Counter tunnels;         ///< Of those that entered: became tunnels ...
        observe::Counter tunnels_ended;   ///< ... that ended, ...
        observe::Counter tunnels_closed;  ///< ... of these after they were told to go away, ...
        observe::Counter tunnels_cut;     ///< ... and by a cut.

        void open_tunnel() noexcept { tunnels.add(); }
        /// Right before leave().
        void end_tunnel(bool was_closed, bool was_cut) noexcept {
            if (was_closed) tunnels_closed.add();
            if (was_cut) tunnels_cut.add();
            tunnels_ended.add_release();
        }
        void enter(std::uint64_t now_ns) noexcept {
            entered.add();
            if (first_entered_ns.get() == 0) first_entered_ns.set(now_ns);
            last_entered_ns.set(now_ns);
        }
        /// The last thing done with the service: once the books say that nobody is left, its state
        /// may be freed.
        void leave(observe::Outcome outcome) noexcept {
            left[static_cast<std::size_t>(outcome)].add_release();
        }
        /// A retry gives its lease back before it reads the snapshot again (C10).
        void move() noexcept { moved.add_release(); }
    };

    struct Totals {
        std::uint64_t entered = 0;
        std::array<std::uint64_t, observe::kOutcomes> left{};
        std::uint64_t moved = 0;
        std::uint64_t first_entered_ns = 0;  ///< 0: none entered.
        std::uint64_t last_entered_ns = 0;
        std::uint64_t tunnels = 0;
        std::uint64_t tunnels_ended = 0;
        std::uint64_t tunnels_closed = 0;
        std::uint64_t tunnels_cut = 0;

        /// Tunnels that are open; they are in flight as well.
        [[nodiscard]] std::uint64_t open_tunnels() const noexcept {
            return tunnels > tunnels_ended ? tunnels - tunnels_ended : 0;
        }
        [[nodiscard]] std::uint64_t ended() const noexcept {
            std::uint64_t sum = moved;
            for (std::uint64_t count : left)
                sum += count;
            return sum;
        }
        /// Leases held; exact only when no worker can enter any more (after publishing).
        [[nodiscard]] std::uint64_t in_flight() const noexcept {
            return entered > ended() ? entered - ended() : 0;
        }
    };

    Ledger(std::string service, Colour colour, std::uint64_t epoch, std::size_t workers)
        : service_(std::move(service)), colour_(colour), epoch_(epoch), cells_(workers) {}

    [[nodiscard]] Cell& cell(std::size_t worker) noexcept { return cells_[worker]; }
    /// Any thread. Reads "left" before "entered", so that in_flight is never too small.
    [[nodiscard]] Totals totals() const noexcept;

    [[nodiscard]] const std::string& service() const noexcept { return service_; }
    [[nodiscard]] Colour colour() const noexcept { return colour_; }
    [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }

  private:
    std::string service_;
    Colour colour_;
    std::uint64_t epoch_;
    std::vector<Cell> cells_;
};

}  // namespace switchyard::route
