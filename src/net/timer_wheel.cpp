#include "net/timer_wheel.hpp"

#include <algorithm>

namespace switchyard::net {

TimerNode::~TimerNode() {
    if (linked_tick_ != 0) unlink();
}

void TimerNode::unlink() noexcept {
    if (previous_ != nullptr) {
        previous_->next_ = next_;
    } else {
        wheel_->slots_[linked_tick_ % TimerWheel::kSlots] = next_;
    }
    if (next_ != nullptr) next_->previous_ = previous_;
    previous_ = next_ = nullptr;
    linked_tick_ = 0;
    --wheel_->linked_;
}

TimerWheel::~TimerWheel() {
    for (TimerNode* node : slots_) {
        while (node != nullptr) {
            TimerNode* next = node->next_;
            node->unlink();
            node = next;
        }
    }
}

void TimerWheel::link(TimerNode& node, std::uint64_t tick) noexcept {
    if (node.linked_tick_ != 0) node.unlink();
    tick = std::clamp(tick, now_ + 1, now_ + kAhead);
    TimerNode*& slot = slots_[tick % kSlots];
    node.previous_ = nullptr;
    node.next_ = slot;
    if (slot != nullptr) slot->previous_ = &node;
    slot = &node;
    node.wheel_ = this;
    node.linked_tick_ = tick;
    ++linked_;
}

void TimerWheel::advance(std::uint64_t tick) {
    if (linked_ == 0) {
        now_ = std::max(now_, tick);
        return;
    }
    // After a long pause every slot is due; going round once visits each node.
    if (tick > now_ + kSlots) now_ = tick - kSlots;
    while (now_ < tick) {
        ++now_;
        // Always the first one: a node may destroy others (the pool closes connections). None comes
        // back into this slot meanwhile, since nodes are linked less than a round ahead.
        while (TimerNode* node = slots_[now_ % kSlots]) {
            node->unlink();
            const std::uint64_t again = node->on_tick(now_);
            if (again != 0) schedule(*node, again);
        }
    }
}

}  // namespace switchyard::net
