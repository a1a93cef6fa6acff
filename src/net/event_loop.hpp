#pragma once

#include "net/timer_wheel.hpp"

#include <coroutine>
#include <cstdint>
#include <functional>
#include <mutex>
#include <sys/epoll.h>
#include <utility>
#include <vector>

namespace switchyard::net {

class EventLoop;

/// A file descriptor that the loop watches. Registered once, edge-triggered, for everything;
/// whoever reads or writes keeps the readiness (see Stream), so that there is no system call but
/// the transfer itself.
class Pollable {
  public:
    Pollable() = default;
    Pollable(const Pollable&) = delete;
    Pollable& operator=(const Pollable&) = delete;

  protected:
    virtual ~Pollable() = default;
    /// `events` as of epoll_wait(2). May destroy this object.
    virtual void on_events(std::uint32_t events) = 0;

  private:
    friend class EventLoop;
};

/// One thread's loop: epoll, timers, and functions posted by other threads.
class EventLoop {
  public:
    EventLoop();
    ~EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    /// Runs until stop() was called (by a posted function or a handler). The calling thread becomes
    /// the loop's thread.
    void run();
    void stop() noexcept { stopped_ = true; }

    /// Any thread: has `function` called on the loop's thread, soon, in order. A quiescent point:
    /// no coroutine of the loop is between two statements that have no co_await between them.
    void post(std::function<void()> function);

    /// Loop's thread: resumes the coroutine in this round, after the event that is being handled.
    void resume_soon(std::coroutine_handle<> coroutine) { ready_.push_back(coroutine); }

    /// Loop's thread: lets the others run first, those whom the present round of events concerns:
    /// `co_await loop.yield()`. Costs no system call.
    [[nodiscard]] auto yield() noexcept {
        struct Awaiter {
            EventLoop& loop;
            [[nodiscard]] bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<> self) const { loop.later_.push_back(self); }
            void await_resume() const noexcept {}
        };
        return Awaiter{*this};
    }

    /// Errors: errno; the descriptor stays the caller's.
    [[nodiscard]] bool add(int fd, Pollable& pollable, std::uint32_t events) noexcept;
    /// Other events for a descriptor that was added.
    [[nodiscard]] bool change(int fd, Pollable& pollable, std::uint32_t events) noexcept;
    /// Must be called when the descriptor is closed (which takes it out of epoll, as long as it was
    /// not duplicated) and before the object is destroyed: drops events not delivered yet.
    void forget(Pollable& pollable) noexcept;

    [[nodiscard]] TimerWheel& timers() noexcept { return timers_; }

    /// steady_clock, nanoseconds.
    [[nodiscard]] static std::uint64_t now_ns() noexcept;

  private:
    void wake() const noexcept;
    void run_posted();
    void run_ready();
    void advance_timers();

    int epoll_ = -1;
    int wakeup_ = -1;
    bool stopped_ = false;
    TimerWheel timers_;
    std::uint64_t start_ns_;
    std::vector<epoll_event> events_;
    std::size_t event_index_ = 0;
    std::size_t event_count_ = 0;
    std::vector<std::coroutine_handle<>> ready_;
    std::vector<std::coroutine_handle<>> running_;
    std::vector<std::coroutine_handle<>> later_;
    std::mutex mutex_;
    std::vector<std::function<void()>> posted_;
    std::vector<std::function<void()>> posted_running_;
};

}  // namespace switchyard::net
