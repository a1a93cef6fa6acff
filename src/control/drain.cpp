#include "control/drain.hpp"

#include <algorithm>
#include <utility>

namespace switchyard::control {

namespace {

constexpr auto kCut = static_cast<std::size_t>(observe::Outcome::cut);

std::uint64_t requests_of(const route::Ledger::Totals& totals) noexcept {
    const std::uint64_t all = totals.in_flight();
    const std::uint64_t tunnels = totals.open_tunnels();
    return all > tunnels ? all - tunnels : 0;
}

/// A request may end while its books are read: a difference is never below zero.
std::uint64_t less(std::uint64_t from, std::uint64_t amount) noexcept {
    return from > amount ? from - amount : 0;
}

}  // namespace

Drain::Drain(std::vector<std::shared_ptr<route::Ledger>> ledgers, DrainTiming timing,
             Steady::time_point begin)
    : ledgers_(std::move(ledgers)),
      timing_(timing),
      begin_(begin),
      next_progress_(begin + timing.progress_every),
      poll_(timing.first_poll) {
    at_begin_ = totals();
    in_flight_at_begin_ = requests_of(at_begin_);
    tunnels_at_begin_ = at_begin_.open_tunnels();
    next_close_ = begin_;
}

/// In which WebSockets are told to go away, from the begin of the drain on.
Steady::duration Drain::close_window() const noexcept {
    const Steady::duration most = Steady::duration(timing_.timeout) * 3 / 4;
    const auto most_count = static_cast<std::uint64_t>(most / timing_.close_spacing);
    if (tunnels_at_begin_ >= most_count) return most;
    return timing_.close_spacing * static_cast<int>(tunnels_at_begin_);
}

route::Ledger::Totals Drain::totals() const noexcept {
    route::Ledger::Totals sum;
    for (const auto& ledger : ledgers_) {
        const route::Ledger::Totals one = ledger->totals();
        sum.entered += one.entered;
        sum.moved += one.moved;
        sum.tunnels += one.tunnels;
        sum.tunnels_ended += one.tunnels_ended;
        sum.tunnels_closed += one.tunnels_closed;
        sum.tunnels_cut += one.tunnels_cut;
        for (std::size_t i = 0; i < sum.left.size(); ++i)
            sum.left[i] += one.left[i];
    }
    return sum;
}

std::uint64_t Drain::in_flight() const noexcept {
    return requests_of(totals());
}

DrainCounts Drain::counts() const noexcept {
    const route::Ledger::Totals now = totals();
    DrainCounts counts;
    const std::uint64_t cut = now.left[kCut] - at_begin_.left[kCut];
    const std::uint64_t tunnels_ended = now.tunnels_ended - at_begin_.tunnels_ended;
    counts.tunnels.cut = now.tunnels_cut - at_begin_.tunnels_cut;
    counts.tunnels.closed = now.tunnels_closed - at_begin_.tunnels_closed;
    counts.tunnels.ended = less(tunnels_ended, counts.tunnels.cut + counts.tunnels.closed);
    counts.tunnels.remaining = now.open_tunnels();
    counts.cut = less(cut, counts.tunnels.cut);
    // What moved on to the new slot for a retry ends there.
    const std::uint64_t ended = now.ended() - now.moved - (at_begin_.ended() - at_begin_.moved);
    counts.completed = less(ended, counts.cut + tunnels_ended);
    counts.remaining = requests_of(now);
    return counts;
}

Drain::Next Drain::finish() noexcept {
    done_ = true;
    return {Step::done, {}, 0};
}

Drain::Next Drain::advance(Steady::time_point now) {
    if (done_ || cancelled_) return finish();
    const route::Ledger::Totals books = totals();
    const std::uint64_t tunnels = books.open_tunnels();
    if (requests_of(books) == 0 && (keeps() || tunnels == 0)) return finish();
    if (cutting_ && now >= give_up_at_) return finish();

    const Steady::time_point deadline = begin_ + timing_.timeout;
    if (!cutting_ && !held_ && now >= deadline) {
        cutting_ = true;
        give_up_at_ = now + timing_.cut_grace;
        poll_ = timing_.first_poll;
        return {Step::cut, {}, 0};
    }
    const bool closing = timing_.tunnels == config::TunnelDrain::close && tunnels != 0 &&
                         !cutting_ && !held_ && now < deadline;
    if (closing && now >= next_close_) {
        using namespace std::chrono_literals;
        const Steady::duration window = close_window();
        const Steady::duration step = std::clamp<Steady::duration>(window / 100, 20ms, 1s);
        next_close_ = now + step;
        // Also those that were only accepted meanwhile: the whole share again and again.
        const double part = window > Steady::duration(0)
                                ? std::chrono::duration<double>(now - begin_) / window
                                : 1.0;
        if (part > 0) return {Step::close, {}, std::min(part, 1.0)};
    }
    if (now >= next_progress_) {
        next_progress_ = now + timing_.progress_every;
        return {Step::progress, {}, 0};
    }

    Steady::duration pause = std::min(poll_, next_progress_ - now);
    if (cutting_) {
        pause = std::min(pause, give_up_at_ - now);
    } else if (now < deadline) {
        pause = std::min(pause, deadline - now);
    }
    if (closing) pause = std::min(pause, next_close_ - now);
    poll_ = std::min<Steady::duration>(poll_ + poll_ / 2, timing_.last_poll);
    return {Step::wait, pause, 0};
}

}  // namespace switchyard::control
