#pragma once

#include "support/deadline.hpp"

#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace switchyard::test {

/// How a program ended.
struct Exit {
    int code = -1;   ///< Of exit(); -1 if a signal ended it.
    int signal = 0;  ///< The signal that ended it, or 0.
    [[nodiscard]] std::string text() const;
};

struct ProcessOptions {
    std::vector<std::string> arguments;              ///< With the program first.
    std::map<std::string, std::string> environment;  ///< Added to the test's own.
    std::string output_file;   ///< stdout and stderr are appended here; empty: /dev/null.
    bool pipe_output = false;  ///< stdout goes to read_line() instead.
};

/// A child process. It dies with the test, however the test ends; so do not hand it on to another
/// thread's lifetime: the kernel counts the starting thread as the parent.
class Process {
  public:
    /// Throws std::system_error if it cannot be started.
    explicit Process(const ProcessOptions& options);
    /// Kills it if it still runs.
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

    /// Becomes readable when the process has ended.
    [[nodiscard]] int pid_fd() const noexcept { return pid_fd_; }

    /// After SIGSTOP it returns when the process has stopped (or ended).
    void signal(int number) const;

    /// None if it still runs at the deadline. May be called again.
    std::optional<Exit> wait(Deadline deadline = {});
    [[nodiscard]] bool running();

    /// SIGKILL, and waits until it is gone.
    void kill();

    /// The next line of stdout, without its end; with pipe_output only. None at the deadline or
    /// when the process closed it.
    std::optional<std::string> read_line(Deadline deadline = {});

  private:
    pid_t pid_ = -1;
    int pid_fd_ = -1;
    int output_ = -1;
    std::string unread_;
    std::optional<Exit> exit_;
};

/// What a program that ran to its end left behind.
struct Run {
    Exit exit;
    std::string out;
    std::string err;
    bool timed_out = false;  ///< It was killed at the deadline.
};

/// Runs a program to its end.
Run run_program(const std::vector<std::string>& arguments,
                const std::map<std::string, std::string>& environment = {}, Deadline deadline = {});

}  // namespace switchyard::test
