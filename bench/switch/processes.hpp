#pragma once

#include "bench/switch/epochs.hpp"
#include "bench/switch/options.hpp"

#include <array>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

namespace switchyard::bench {

/// A child process; ended (SIGTERM, then SIGKILL) with the object.
class Process {
  public:
    /// Standard output and error go to `log`. Throws std::system_error.
    Process(const std::vector<std::string>& command, const std::string& log);
    ~Process();
    Process(Process&& other) noexcept;
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    /// Throws std::runtime_error with the end of the log if it has ended.
    void require_alive();

  private:
    pid_t pid_ = -1;
    std::string name_;
    std::string log_;
};

/// Two origins and the daemon in front of them, in a directory of their own.
class Stage {
  public:
    /// Starts everything that `options` asks for and fills in where it is; returns when both slots
    /// are healthy. Throws std::runtime_error.
    explicit Stage(Options& options);
    ~Stage();
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;

    void require_alive();
    /// The proxy's access log, read while it is written.
    LogReader& log() noexcept { return *log_; }

  private:
    std::string log_pipe() const { return directory_ + "/access.log"; }
    void write_configuration(const Options& options) const;
    void wait_until_healthy(const Options& options);

    std::string directory_;
    bool temporary_ = false;
    std::unique_ptr<LogReader> log_;
    std::vector<Process> processes_;
};

}  // namespace switchyard::bench
