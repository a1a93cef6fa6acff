#pragma once

#include <array>
#include <chrono>
#include <cstdint>

namespace switchyard::net {

/// Something with a deadline. Nodes are linked into the wheel at most one second ahead and looked
/// at again then, so moving a deadline further away is one store.
class TimerNode {
  public:
    TimerNode() = default;
    TimerNode(const TimerNode&) = delete;
    TimerNode& operator=(const TimerNode&) = delete;
    virtual ~TimerNode();

  protected:
    /// The wheel reached this node at tick `now`. Returns the next tick to be called at, or 0 for
    /// none. May not destroy this node (wake a coroutine through the event loop instead), but
    /// others.
    virtual std::uint64_t on_tick(std::uint64_t now) = 0;

  private:
    friend class TimerWheel;
    void unlink() noexcept;
    TimerNode* previous_ = nullptr;
    TimerNode* next_ = nullptr;
    class TimerWheel* wheel_ = nullptr;
    std::uint64_t linked_tick_ = 0;  ///< 0: not linked.
};

/// All timeouts of a worker, in ticks of 100 ms. Not thread-safe.
class TimerWheel {
  public:
    static constexpr std::chrono::milliseconds kTick{100};

    TimerWheel() = default;
    TimerWheel(const TimerWheel&) = delete;
    TimerWheel& operator=(const TimerWheel&) = delete;
    ~TimerWheel();

    /// The present tick; starts at 1, so 0 can stand for "none".
    [[nodiscard]] std::uint64_t now() const noexcept { return now_; }

    /// How many ticks a delay is, rounded up; zero or negative: 0.
    [[nodiscard]] static constexpr std::uint64_t ticks(std::chrono::milliseconds delay) noexcept {
        if (delay.count() <= 0) return 0;
        return static_cast<std::uint64_t>((delay + kTick - std::chrono::milliseconds(1)) / kTick);
    }

    /// The tick at which `delay` has certainly passed. Zero or negative delay: none (0).
    [[nodiscard]] std::uint64_t after(std::chrono::milliseconds delay) const noexcept {
        return delay.count() <= 0 ? 0 : now_ + 1 + ticks(delay);
    }

    /// What is left until `tick`, which is still ahead; zero (no limit) for none (0).
    [[nodiscard]] std::chrono::milliseconds left(std::uint64_t tick) const noexcept {
        return tick == 0 ? std::chrono::milliseconds(0) : kTick * static_cast<int>(tick - now_);
    }

    /// Makes sure that the node is looked at no later than at `tick`.
    void schedule(TimerNode& node, std::uint64_t tick) noexcept {
        if (node.linked_tick_ != 0 && node.linked_tick_ <= tick) return;
        link(node, tick);
    }

    /// Moves on to `tick` (never back), calling the nodes that are due.
    void advance(std::uint64_t tick);

    [[nodiscard]] bool empty() const noexcept { return linked_ == 0; }

  private:
    friend class TimerNode;
    static constexpr std::size_t kSlots = 16;
    static constexpr std::uint64_t kAhead = 10;

    void link(TimerNode& node, std::uint64_t tick) noexcept;

    std::array<TimerNode*, kSlots> slots_{};
    std::uint64_t now_ = 1;
    std::size_t linked_ = 0;
};

}  // namespace switchyard::net
