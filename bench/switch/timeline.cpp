#include "bench/switch/timeline.hpp"

#include <algorithm>

namespace switchyard::bench {

void Timeline::sent(Colour to, std::int64_t now) {
    steps_.push_back({to, now, kNever, kNever});
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
        if (steps_[i].colour != colour) return std::min(end_of(i), now);
    return kBefore;
}

bool Timeline::allows(Colour colour, std::int64_t began, std::int64_t head_at) {
    std::size_t explanations = 0;
    std::size_t step = 0;
    for (std::size_t i = steps_.size(); i-- > 0 && end_of(i) >= began;) {
        if (steps_[i].colour != colour || steps_[i].sent > head_at) continue;
        if (explanations++ == 0) last_step_ = i;
        first_step_ = step = i;
    }
    if (explanations == 1 && steps_[step].seen == kNever) {
        steps_[step].seen = head_at;
        first_new_.add(head_at - steps_[step].sent);
    }
    if (explanations > 0) return true;

    // All that was in force in this request's time is the other slot; find the step that began it.
    std::size_t other = steps_.size() - 1;
    while (other > 0 && (steps_[other].colour == colour || steps_[other].sent > head_at))
        --other;
    reason_ = "answered by ";
    reason_ += to_string(colour);
    if (other == 0) {
        reason_ += ", which was not live yet";
    } else {
        const Step& live = steps_[other];
        const bool by_answer = live.seen < live.acknowledged;
        const std::int64_t since = std::min(live.seen, live.acknowledged);
        reason_ += " though switch " + std::to_string(other) + " to ";
        reason_ += to_string(live.colour);
        reason_ += by_answer ? " had been seen by another request " : " had been acknowledged ";
        reason_ += std::to_string((began - since) / 1000) + " us before this request began";
    }
    return false;
}

}  // namespace switchyard::bench
