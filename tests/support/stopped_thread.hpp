#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <sys/types.h>
#include <thread>

namespace switchyard::test {

/// Stops one thread of a child process, while the others run: as if it hung in a system call that
/// does not return (ptrace(2); a signal would stop all of them). Goes on when this is destroyed.
/// The process may end or be killed meanwhile.
class StoppedThread {
  public:
    /// The thread of this name (/proc/PID/task/TID/comm). Returns when it has stopped; throws
    /// std::runtime_error if there is none, or if it can't be stopped.
    StoppedThread(pid_t process, const std::string& name);
    ~StoppedThread();
    StoppedThread(const StoppedThread&) = delete;
    StoppedThread& operator=(const StoppedThread&) = delete;

  private:
    void trace();
    bool stop();

    const pid_t thread_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool settled_ = false;  ///< Stopped, or known that it can't be.
    std::string problem_;
    bool go_on_ = false;
    std::thread tracer_;  ///< ptrace(2) is for the thread that attached.
};

}  // namespace switchyard::test
