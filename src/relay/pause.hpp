#pragma once

#include "net/event_loop.hpp"

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <utility>

namespace switchyard::relay {

/// A wait for time that can be ended early, one at a time: what stands between two tries of a
/// request. As coarse as the timer wheel. Loop's thread.
class Pause final : private net::TimerNode {
  public:
    /// `co_await pause.wait(loop, time)`: until `time` has passed, or end().
    [[nodiscard]] auto wait(net::EventLoop& loop, std::chrono::milliseconds time) noexcept {
        struct Awaiter {
            Pause& pause;
            net::EventLoop& loop;
            std::chrono::milliseconds time;
            [[nodiscard]] bool await_ready() const noexcept { return time.count() <= 0; }
            void await_suspend(std::coroutine_handle<> self) const noexcept {
                pause.loop_ = &loop;
                pause.waiter_ = self;
                pause.due_ = loop.timers().after(time);
                loop.timers().schedule(pause, pause.due_);
            }
            void await_resume() const noexcept {}
        };
        return Awaiter{*this, loop, time};
    }

    /// Who waits goes on; nobody: nothing happens.
    void end() noexcept {
        if (waiter_) loop_->resume_soon(std::exchange(waiter_, nullptr));
    }

  private:
    std::uint64_t on_tick(std::uint64_t now) override {
        if (!waiter_) return 0;
        if (now < due_) return due_;
        end();
        return 0;
    }

    net::EventLoop* loop_ = nullptr;
    std::coroutine_handle<> waiter_;
    std::uint64_t due_ = 0;
};

}  // namespace switchyard::relay
