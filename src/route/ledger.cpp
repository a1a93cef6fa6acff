#include "route/ledger.hpp"

namespace switchyard::route {

Ledger::Totals Ledger::totals() const noexcept {
    Totals totals;
    for (const Cell& cell : cells_) {
        for (std::size_t i = 0; i < totals.left.size(); ++i)
            totals.left[i] += cell.left[i].get_acquire();
        totals.moved += cell.moved.get_acquire();
    }
    // In this order too: a tunnel that is ended here has left above or will leave, and one that is
    // seen as open is in flight.
    for (const Cell& cell : cells_) {
        totals.tunnels_ended += cell.tunnels_ended.get_acquire();
        totals.tunnels_closed += cell.tunnels_closed.get();
        totals.tunnels_cut += cell.tunnels_cut.get();
    }
    for (const Cell& cell : cells_)
        totals.tunnels += cell.tunnels.get();
    for (const Cell& cell : cells_) {
        totals.entered += cell.entered.get();
        const std::uint64_t first = cell.first_entered_ns.get();
        const std::uint64_t last = cell.last_entered_ns.get();
        if (first != 0 && (totals.first_entered_ns == 0 || first < totals.first_entered_ns)) {
            totals.first_entered_ns = first;
        }
        if (last > totals.last_entered_ns) totals.last_entered_ns = last;
    }
    return totals;
}

}  // namespace switchyard::route
