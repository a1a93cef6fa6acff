#include "route/hold_room.hpp"

#include <algorithm>

namespace switchyard::route {

namespace {

/// Adds `amount` unless the sum would be more than `most`.
bool take(std::atomic<std::uint64_t>& sum, std::uint64_t amount, std::uint64_t most) noexcept {
    std::uint64_t now = sum.load(std::memory_order_relaxed);
    do {
        if (amount > most || now > most - amount) return false;
    } while (!sum.compare_exchange_weak(now, now + amount));
    return true;
}

}  // namespace

HoldRoom::Totals HoldRoom::Totals::operator-(const Totals& before) const noexcept {
    return {held - before.held,
            released - before.released,
            timed_out - before.timed_out,
            left - before.left,
            cut - before.cut,
            full - before.full,
            wait_us - before.wait_us,
            turned_away - before.turned_away};
}

bool HoldRoom::enter(std::uint64_t bytes, std::uint64_t most_requests,
                     std::uint64_t most_bytes) noexcept {
    if (!take(requests_, 1, most_requests)) return false;
    if (take(bytes_, bytes, most_bytes)) return true;
    requests_.fetch_sub(1);
    return false;
}

void HoldRoom::enter_anyway(std::uint64_t bytes) noexcept {
    requests_.fetch_add(1);
    bytes_.fetch_add(bytes);
}

void HoldRoom::leave(std::uint64_t bytes) noexcept {
    bytes_.fetch_sub(bytes);
    requests_.fetch_sub(1);
}

std::uint64_t HoldRoom::oldest_ns() const noexcept {
    std::uint64_t oldest = 0;
    for (const Cell& cell : cells_) {
        const std::uint64_t since = cell.oldest_ns.get();
        if (since != 0 && (oldest == 0 || since < oldest)) oldest = since;
    }
    return oldest;
}

HoldRoom::Totals HoldRoom::totals() const noexcept {
    Totals totals;
    for (const Cell& cell : cells_) {
        totals.held += cell.held.get();
        totals.released += cell.released.get();
        totals.timed_out += cell.timed_out.get();
        totals.left += cell.left.get();
        totals.cut += cell.cut.get();
        totals.full += cell.full.get();
        totals.wait_us += cell.wait_us.get();
        totals.turned_away += cell.turned_away.get();
    }
    return totals;
}

std::uint64_t HoldRoom::longest_us(std::uint64_t hold) const noexcept {
    std::uint64_t longest = 0;
    for (const Cell& cell : cells_) {
        if (cell.hold.get() == hold) longest = std::max(longest, cell.longest_us.get());
    }
    return longest;
}

}  // namespace switchyard::route
