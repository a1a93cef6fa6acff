#pragma once

#include "control/wakeup.hpp"

#include <list>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>

namespace switchyard::control {

/// Owns coroutines: whoever starts one here can cancel and await it. One thread. Must outlive its
/// tasks: await wait() before it is destroyed.
class TaskGroup {
  public:
    explicit TaskGroup(boost::asio::any_io_executor executor);
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;

    /// Starts `task`; an exception that leaves it is logged under `name`.
    void spawn(std::string name, boost::asio::awaitable<void> task);

    /// Asks every task to end: what each awaits now is aborted.
    void cancel();

    /// Until every task ended.
    boost::asio::awaitable<void> wait();

    /// The same, at most until `deadline`; may complete earlier.
    boost::asio::awaitable<void> wait_until(std::chrono::steady_clock::time_point deadline);

    [[nodiscard]] bool empty() const noexcept { return tasks_.empty(); }

  private:
    struct Task {
        std::string name;
        boost::asio::cancellation_signal signal;
    };

    boost::asio::any_io_executor executor_;
    std::list<Task> tasks_;
    Wakeup ended_;
};

}  // namespace switchyard::control
