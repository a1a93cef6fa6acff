#include "net/event_loop.hpp"

#include <cerrno>
#include <chrono>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

namespace switchyard::net {

namespace {
/// Few, so that what they bring is still in the caches when its turn comes to be sent, at the end
/// of the round; many, so that a round's answers to one client go out in one write.
constexpr std::size_t kEventsAtOnce = 32;
}  // namespace

EventLoop::EventLoop() : start_ns_(now_ns()), events_(kEventsAtOnce) {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
    wakeup_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wakeup_ < 0) {
        const int error = errno;
        ::close(epoll_);
        throw std::system_error(error, std::generic_category(), "eventfd");
    }
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.ptr = nullptr;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, wakeup_, &event) != 0) {
        const int error = errno;
        ::close(wakeup_);
        ::close(epoll_);
        throw std::system_error(error, std::generic_category(), "epoll_ctl");
    }
}

EventLoop::~EventLoop() {
    ::close(wakeup_);
    ::close(epoll_);
}

std::uint64_t EventLoop::now_ns() noexcept {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                          std::chrono::steady_clock::now().time_since_epoch())
                                          .count());
}

bool EventLoop::add(int fd, Pollable& pollable, std::uint32_t events) noexcept {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &pollable;
    return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
}

bool EventLoop::change(int fd, Pollable& pollable, std::uint32_t events) noexcept {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &pollable;
    return ::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) == 0;
}

void EventLoop::forget(Pollable& pollable) noexcept {
    // Closing the descriptor takes it out of the epoll set without a further system call; what the
    // present round of events still says about it must not be delivered.
    for (std::size_t i = event_index_; i < event_count_; ++i) {
        if (events_[i].data.ptr == &pollable) {
            events_[i].data.ptr = nullptr;
            events_[i].events = 0;
        }
    }
}

void EventLoop::wake() const noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wakeup_, &one, sizeof one);
}

void EventLoop::post(std::function<void()> function) {
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        first = posted_.empty();
        posted_.push_back(std::move(function));
    }
    if (first) wake();
}

void EventLoop::run_posted() {
    {
        const std::lock_guard lock(mutex_);
        posted_running_.swap(posted_);
    }
    for (auto& function : posted_running_) {
        function();
        run_ready();
    }
    posted_running_.clear();
}

void EventLoop::run_ready() {
    while (!ready_.empty()) {
        running_.swap(ready_);
        for (const std::coroutine_handle<> coroutine : running_)
            coroutine.resume();
        running_.clear();
    }
}

void EventLoop::advance_timers() {
    constexpr std::uint64_t tick_ns =
        std::chrono::duration_cast<std::chrono::nanoseconds>(TimerWheel::kTick).count();
    timers_.advance(1 + (now_ns() - start_ns_) / tick_ns);
}

void EventLoop::run() {
    while (!stopped_) {
        int timeout_ms = timers_.empty() ? -1 : static_cast<int>(TimerWheel::kTick.count());
        if (!later_.empty()) timeout_ms = 0;
        const int count =
            ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), timeout_ms);
        if (count < 0 && errno != EINTR) {
            throw std::system_error(errno, std::generic_category(), "epoll_wait");
        }
        event_count_ = count > 0 ? static_cast<std::size_t>(count) : 0;
        // Nothing was due, but the wheel slept with us: deadlines are set from its present tick.
        if (timers_.empty()) advance_timers();
        bool woken = false;
        for (event_index_ = 0; event_index_ < event_count_;) {
            const epoll_event event = events_[event_index_++];
            if (event.data.ptr == nullptr) {
                woken = woken || event.events != 0;
                continue;
            }
            static_cast<Pollable*>(event.data.ptr)->on_events(event.events);
            run_ready();
        }
        event_count_ = event_index_ = 0;
        if (!later_.empty()) {
            ready_.insert(ready_.end(), later_.begin(), later_.end());
            later_.clear();
            run_ready();
        }
        advance_timers();
        run_ready();
        if (woken) run_posted();
    }
}

}  // namespace switchyard::net
