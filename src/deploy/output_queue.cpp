#include "deploy/output_queue.hpp"

#include <utility>

namespace switchyard::deploy {

bool OutputQueue::push(Output output) {
    const std::lock_guard lock(mutex_);
    bytes_ += output.line.size();
    lines_.push_back(std::move(output));
    while (lines_.size() > kMaxLines || bytes_ > kMaxBytes) {
        bytes_ -= lines_.front().line.size();
        lines_.pop_front();
        ++dropped_;
        ++dropped_now_;
    }
    return !std::exchange(told_, true);
}

std::vector<Output> OutputQueue::take(std::size_t most) {
    const std::lock_guard lock(mutex_);
    std::vector<Output> taken;
    if (lines_.empty()) {
        told_ = false;
        return taken;
    }
    if (dropped_now_ > 0) {
        taken.push_back({lines_.front().host, true,
                         "[" + std::to_string(std::exchange(dropped_now_, 0)) +
                             " lines left out: they came faster than they could be passed on]"});
    }
    while (!lines_.empty() && taken.size() < most) {
        bytes_ -= lines_.front().line.size();
        taken.push_back(std::move(lines_.front()));
        lines_.pop_front();
    }
    return taken;
}

std::uint64_t OutputQueue::dropped() const {
    const std::lock_guard lock(mutex_);
    return dropped_;
}

}  // namespace switchyard::deploy
