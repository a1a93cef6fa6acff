#include "deploy/job_thread.hpp"

#include <csignal>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>

namespace switchyard::deploy {
namespace {

/// Requests go first when a command prints faster than anyone can read.
constexpr int kNice = 10;

}  // namespace

JobThread::~JobThread() {
    finish({});
    if (thread_.joinable()) thread_.join();
}

void JobThread::start() {
    thread_ = std::thread([this] { run(); });
}

void JobThread::post(std::function<void()> task) {
    {
        const std::lock_guard lock(mutex_);
        tasks_.push_back(std::move(task));
    }
    bell_.ring();
}

void JobThread::finish(std::function<void()> on_end) {
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(finish_, true)) return;
        on_end_ = std::move(on_end);
    }
    bell_.ring();
}

void JobThread::run() {
    // Signals are the control thread's, and a socket that is gone must not end the process.
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
    for (;;) {
        bell_.hush();
        std::function<void()> task;
        {
            const std::lock_guard lock(mutex_);
            if (!tasks_.empty()) {
                task = std::move(tasks_.front());
                tasks_.pop_front();
            } else if (finish_) {
                break;
            }
        }
        if (task) {
            task();
        } else {
            idle_(bell_.fd());
        }
    }
    if (on_end_) std::exchange(on_end_, {})();
}

}  // namespace switchyard::deploy
