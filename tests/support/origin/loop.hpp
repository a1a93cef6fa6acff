#pragma once

#include "support/origin/connection.hpp"
#include "support/origin/world.hpp"

#include <chrono>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>

namespace switchyard::origin {

/// One thread's event loop over epoll: accepts from a listener that the threads share, and owns the
/// connections it accepted. Only stop() may be called from other threads.
class Loop {
  public:
    /// `listener` is non-blocking and stays the caller's. Throws std::system_error.
    Loop(World& world, Books& books, int listener);
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    void run();
    void stop() noexcept;

    /// One timer per connection; arming again replaces it.
    void arm(Connection& connection, std::chrono::milliseconds after);
    void disarm(Connection& connection) noexcept;

    [[nodiscard]] World& world() noexcept { return world_; }
    [[nodiscard]] Books& books() noexcept { return books_; }

  private:
    using Clock = std::chrono::steady_clock;

    void accept_some();
    void run_timers();
    [[nodiscard]] int wait_ms() const;

    World& world_;
    Books& books_;
    int listener_;
    int epoll_ = -1;
    int wake_ = -1;
    std::unordered_map<int, std::unique_ptr<Connection>> connections_;
    std::set<std::pair<Clock::time_point, Connection*>> timers_;
    std::unordered_map<Connection*, Clock::time_point> armed_;
};

}  // namespace switchyard::origin
