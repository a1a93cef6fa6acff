#include "support/stopped_thread.hpp"

#include "support/deadline.hpp"
#include "support/temp_dir.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <sys/ptrace.h>
#include <sys/wait.h>

namespace switchyard::test {
namespace {

pid_t find_thread(pid_t process, const std::string& name) {
    const auto tasks = "/proc/" + std::to_string(process) + "/task";
    for (const auto& task : std::filesystem::directory_iterator(tasks)) {
        if (read_file(task.path().string() + "/comm") == name + "\n") {
            return static_cast<pid_t>(std::stol(task.path().filename().string()));
        }
    }
    throw std::runtime_error("process " + std::to_string(process) + " has no thread " + name);
}

}  // namespace

StoppedThread::StoppedThread(pid_t process, const std::string& name)
    : thread_(find_thread(process, name)), tracer_([this] { trace(); }) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return settled_; });
    if (problem_.empty()) return;
    lock.unlock();
    tracer_.join();
    throw std::runtime_error("cannot stop thread " + name + ": " + problem_);
}

StoppedThread::~StoppedThread() {
    {
        const std::lock_guard lock(mutex_);
        go_on_ = true;
    }
    changed_.notify_all();
    tracer_.join();
}

bool StoppedThread::stop() {
    if (::ptrace(PTRACE_SEIZE, thread_, nullptr, nullptr) != 0 ||
        ::ptrace(PTRACE_INTERRUPT, thread_, nullptr, nullptr) != 0) {
        problem_ = std::strerror(errno);
        return false;
    }
    int status = 0;
    while (::waitpid(thread_, &status, __WALL) < 0) {
        if (errno == EINTR) continue;
        problem_ = std::strerror(errno);
        return false;
    }
    if (!WIFSTOPPED(status)) problem_ = "it has ended";
    return problem_.empty();
}

void StoppedThread::trace() {
    const bool stopped = stop();
    std::unique_lock lock(mutex_);
    settled_ = true;
    changed_.notify_all();
    if (!stopped) return;
    // If the process ends meanwhile: it is not gone before its tracer has seen this thread's end.
    while (!changed_.wait_for(lock, 10ms, [this] { return go_on_; })) {
        int status = 0;
        const auto seen = ::waitpid(thread_, &status, __WALL | WNOHANG);
        if (seen < 0 || (seen == thread_ && !WIFSTOPPED(status))) return;
    }
    ::ptrace(PTRACE_DETACH, thread_, nullptr, nullptr);
}

}  // namespace switchyard::test
