#pragma once

#include "deploy/cancellation.hpp"

#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace switchyard::deploy {

/// The thread of one host of a job, or of a local command: does one task after the other, and waits
/// for the next one in its own way. It has all signals blocked and a low priority.
class JobThread {
  public:
    /// Called between tasks; returns, at the latest, when the descriptor becomes readable.
    using Idle = std::function<void(int fd)>;

    explicit JobThread(Idle idle) : idle_(std::move(idle)) {}
    /// Waits until the tasks are done.
    ~JobThread();
    JobThread(const JobThread&) = delete;
    JobThread& operator=(const JobThread&) = delete;

    /// Throws std::system_error when no thread can be started.
    void start();
    /// Any thread.
    void post(std::function<void()> task);
    /// After the tasks that were posted the thread ends; `on_end` is the last thing that it calls.
    void finish(std::function<void()> on_end);

  private:
    void run();

    Idle idle_;
    Bell bell_;
    std::mutex mutex_;
    std::deque<std::function<void()>> tasks_;
    std::function<void()> on_end_;
    bool finish_ = false;
    std::thread thread_;
};

}  // namespace switchyard::deploy
