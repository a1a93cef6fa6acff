#include "control/drain.hpp"

#include <algorithm>
#include <utility>

namespace switchyard::control {

namespace {

constexpr auto kCut = static_cast<std::size_t>(observe::Outcome::cut);

}  // namespace

Drain::Drain(std::vector<std::shared_ptr<route::Ledger>> ledgers, DrainTiming timing,
             Steady::time_point begin)
    : ledgers_(std::move(ledgers)),
      timing_(timing),
      begin_(begin),
      next_progress_(begin + timing.progress_every),
      poll_(timing.first_poll) {
    const route::Ledger::Totals now = totals();
    in_flight_at_begin_ = now.in_flight();
    ended_at_begin_ = now.ended() - now.moved;
    cut_at_begin_ = now.left[kCut];
}

route::Ledger::Totals Drain::totals() const noexcept {
    route::Ledger::Totals sum;
    for (const auto& ledger : ledgers_) {
        const route::Ledger::Totals one = ledger->totals();
        sum.entered += one.entered;
        sum.moved += one.moved;
        for (std::size_t i = 0; i < sum.left.size(); ++i)
            sum.left[i] += one.left[i];
    }
    return sum;
}

std::uint64_t Drain::in_flight() const noexcept {
    return totals().in_flight();
}

DrainCounts Drain::counts() const noexcept {
    const route::Ledger::Totals now = totals();
    DrainCounts counts;
    counts.cut = now.left[kCut] - cut_at_begin_;
    // What moved on to the new slot for a retry ends there.
    counts.completed = now.ended() - now.moved - ended_at_begin_ - counts.cut;
    counts.remaining = now.in_flight();
    return counts;
}

Drain::Next Drain::finish() noexcept {
    done_ = true;
    return {Step::done, {}};
}

Drain::Next Drain::advance(Steady::time_point now) {
    if (done_ || cancelled_ || in_flight() == 0) return finish();
    if (cutting_ && now >= give_up_at_) return finish();

    const Steady::time_point deadline = begin_ + timing_.timeout;
    if (!cutting_ && !held_ && now >= deadline) {
        cutting_ = true;
        give_up_at_ = now + timing_.cut_grace;
        poll_ = timing_.first_poll;
        return {Step::cut, {}};
    }
    if (now >= next_progress_) {
        next_progress_ = now + timing_.progress_every;
        return {Step::progress, {}};
    }

    Steady::duration pause = std::min(poll_, next_progress_ - now);
    if (cutting_) {
        pause = std::min(pause, give_up_at_ - now);
    } else if (now < deadline) {
        pause = std::min(pause, deadline - now);
    }
    poll_ = std::min<Steady::duration>(poll_ + poll_ / 2, timing_.last_poll);
    return {Step::wait, pause};
}

}  // namespace switchyard::control
