#include "bench/switch/timeline.hpp"

#include <algorithm>

namespace switchyard::bench {

bool Timeline::Step::permits(Colour who, const Stand& stand) const noexcept {
    if (share == 0) return who == colour;
    const bool known = stand.canary == canary;
    return who == colour ? share < (known ? stand.canary_at : 100)
                         : share > (known ? stand.live_at : 0);
}

void Timeline::sent(Colour to, std::int64_t now) {
    steps_.push_back({to, 0, 0, now});
}

void Timeline::sent_share(unsigned percent, std::int64_t now) {
    std::size_t canary = steps_.back().canary;
    if (canary == 0) canary = ++canaries_;
    steps_.push_back({live(), percent, percent == 0 ? 0 : canary, now});
}

void Timeline::acknowledged(std::int64_t now) {
    steps_.back().acknowledged = now;
}

void Timeline::refused() {
    if (steps_.size() > 1) steps_.pop_back();
}

std::int64_t Timeline::end_of(std::size_t index) const noexcept {
    if (index + 1 == steps_.size()) return kNever;
    return std::min(steps_[index + 1].acknowledged, steps_[index + 1].seen);
}

std::int64_t Timeline::last_away(Colour colour, std::int64_t now) const noexcept {
    for (std::size_t i = steps_.size(); i-- > 0;)
        if (steps_[i].colour != colour && steps_[i].share == 0) return std::min(end_of(i), now);
    return kBefore;
}

std::size_t Timeline::explain(Colour colour, std::int64_t began, std::int64_t head_at,
                              const Stand& stand) {
    std::size_t explanations = 0;
    for (std::size_t i = steps_.size(); i-- > 0 && end_of(i) >= began;) {
        const Step& step = steps_[i];
        if (step.sent > head_at || !step.permits(colour, stand)) continue;
        first_step_ = i;
        if (explanations++ == 0) {
            last_step_ = i;
            of_canary_ = step.canary;
            smallest_share_ = greatest_share_ = step.share;
            continue;
        }
        if (step.canary != of_canary_) of_canary_ = 0;
        smallest_share_ = std::min(smallest_share_, step.share);
        greatest_share_ = std::max(greatest_share_, step.share);
    }
    return explanations;
}

bool Timeline::allows(Colour colour, std::int64_t began, std::int64_t head_at, const Stand& stand) {
    answered_ = colour;
    const std::size_t explanations = explain(colour, began, head_at, stand);
    if (explanations == 1 && steps_[first_step_].seen == kNever) {
        Step& step = steps_[first_step_];
        const Step& before = steps_[first_step_ - 1];
        step.seen = head_at;
        // With a canary before it, the slot is no news.
        if (step.colour != before.colour && before.share == 0) first_new_.add(head_at - step.sent);
    }
    if (explanations > 0) return true;
    misplaced_ = explain(colour, began, head_at, {}) > 0;
    if (!misplaced_) {
        reason_ = why_stale(colour, began, head_at);
        return false;
    }
    const Step& step = steps_[last_step_];
    const bool by_live = colour == step.colour;
    reason_ = "answered by " + std::string(to_string(colour)) + ", the " +
              (by_live ? "live slot" : "canary") + ", at a share of " + std::to_string(step.share) +
              "%; its client was on the other one at " +
              std::to_string(by_live ? stand.canary_at : stand.live_at) + "%";
    return false;
}

/// All that was in force in this request's time is another slot: since which step?
std::string Timeline::why_stale(Colour colour, std::int64_t began, std::int64_t head_at) const {
    std::size_t other = steps_.size() - 1;
    while (other > 0 && (steps_[other].permits(colour, {}) || steps_[other].sent > head_at))
        --other;
    std::string reason = "answered by ";
    reason += to_string(colour);
    if (other == 0) return reason + ", which was not live yet";
    const Step& step = steps_[other];
    const bool by_answer = step.seen < step.acknowledged;
    const std::int64_t since = std::min(step.seen, step.acknowledged);
    reason += " though change " + std::to_string(other) + " to ";
    reason += to_string(step.colour);
    reason += by_answer ? " had been seen by another request " : " had been acknowledged ";
    return reason + std::to_string((began - since) / 1000) + " us before this request began";
}

bool Timeline::learn(Stand& stand) const noexcept {
    if (of_canary_ == 0) return false;
    const bool known = stand.canary == of_canary_;
    if (!known) stand = {.canary = of_canary_};
    if (answered_ == steps_[last_step_].colour)
        stand.live_at = std::max(stand.live_at, smallest_share_);
    else
        stand.canary_at = std::min(stand.canary_at, greatest_share_);
    return known;
}

}  // namespace switchyard::bench
