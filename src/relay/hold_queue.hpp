#pragma once

#include "base/task.hpp"
#include "net/event_loop.hpp"
#include "net/timer_wheel.hpp"
#include "route/gate.hpp"

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>

namespace switchyard::relay {

class HoldQueue;

/// A request that is held: what its flight keeps of that. Stays where it is while it waits.
struct Held {
    enum class End : std::uint8_t {
        released,   ///< To be decided anew.
        timed_out,  ///< Has waited for as long as a request may.
        left,       ///< The client is gone, or the request was cut.
    };

    HoldQueue* queue = nullptr;  ///< Where it waits; null: it does not.
    End end = End::released;     ///< How the wait ended.
    /// Where it has room, and with it a place in the order, from enter() to leave(); null: nowhere.
    HoldQueue* place = nullptr;

    // The queue's own.
    std::uint64_t since_ns = 0;  ///< When it came; steady.
    std::uint64_t hold = 0;      ///< The last hold that it waited in; 0: none.
    std::uint64_t bytes = 0;
    std::uint64_t due = 0;     ///< Tick at which it has waited long enough; 0: none.
    std::uint64_t ticket = 0;  ///< Its place in the order of arrival.
    std::coroutine_handle<> waiter;
    Held* previous = nullptr;
    Held* next = nullptr;
};

/// The requests of one service that one worker holds, in their order of arrival (C15). They go on
/// in that order, some in each round of the loop, so that the others get their turn between;
/// whoever comes meanwhile stands behind them. Loop's thread.
class HoldQueue final : private net::TimerNode {
  public:
    /// `still_held` tells, at any time, whether the service is held right now. Called before each
    /// request that would go on.
    HoldQueue(net::EventLoop& loop, std::size_t worker, std::shared_ptr<route::HoldRoom> room,
              std::function<bool()> still_held);
    ~HoldQueue() override;

    [[nodiscard]] const route::HoldRoom& room() const noexcept { return *room_; }
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

    /// Room for one more request, which then has to wait(). `limits` null: it only stands behind
    /// others that are being released, and finds room in any case. False: there is none.
    [[nodiscard]] bool enter(Held& held, std::uint64_t bytes, const config::Hold* limits) noexcept;

    /// What it waits for is the hold of this number: no longer than `wait` since it came into the
    /// first one.
    void limit(Held& held, std::uint64_t hold, std::chrono::milliseconds wait) noexcept;

    /// Until the request may go on, or its wait ends otherwise: `held.end`. One that was released
    /// and is held again keeps its place and its time.
    [[nodiscard]] auto wait(Held& held) noexcept {
        struct Awaiter {
            HoldQueue& queue;
            Held& held;
            [[nodiscard]] bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<> self) const noexcept {
                queue.insert(held, self);
            }
            [[nodiscard]] Held::End await_resume() const noexcept { return held.end; }
        };
        return Awaiter{*this, held};
    }

    /// A waiting request ends its wait out of turn.
    void end(Held& held, Held::End how) noexcept;

    /// The request has a decision, or needs none: gives its room back. Once for each enter().
    /// Returns how long it was here, microseconds.
    std::uint64_t leave(Held& held) noexcept;

    /// The service may not be held any more: begins to let them go on.
    void look();

    [[nodiscard]] route::HoldRoom::Cell& cell() noexcept { return cell_; }

  private:
    void insert(Held& held, std::coroutine_handle<> waiter) noexcept;
    void remove(Held& held) noexcept;
    Task<void> release_all();
    std::uint64_t on_tick(std::uint64_t now) override;

    net::EventLoop& loop_;
    std::shared_ptr<route::HoldRoom> room_;
    route::HoldRoom::Cell& cell_;
    std::function<bool()> still_held_;
    Held* first_ = nullptr;
    Held* last_ = nullptr;
    std::uint64_t next_ticket_ = 1;
    std::uint64_t arrivals_ = 0;  ///< Since the last turn of release_all().
    Fork releasing_;
};

}  // namespace switchyard::relay
