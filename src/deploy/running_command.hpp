#pragma once

#include "deploy/line_splitter.hpp"
#include "deploy/outcome.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace switchyard::deploy {

/// What a remote command prints, as lines; among them the one that tells its PID, which is kept.
class RunningCommand {
  public:
    /// `on_line` outlives it.
    RunningCommand(std::string marker, const OnLine& on_line);
    RunningCommand(const RunningCommand&) = delete;
    RunningCommand& operator=(const RunningCommand&) = delete;

    void take(bool from_stderr, std::string_view octets) {
        (from_stderr ? errors_ : output_).feed(octets);
    }
    void finish();
    /// finish(), and says that more may have come.
    void leave() {
        finish();
        on_line_(true, kOutputLeft);
    }

    /// Unknown until the command has begun.
    [[nodiscard]] std::optional<long> pid() const noexcept { return pid_; }

  private:
    void take_line(std::string line);

    const std::string marker_;
    const OnLine& on_line_;
    LineSplitter output_;
    LineSplitter errors_;
    std::optional<long> pid_;
};

/// A marker that no command prints by chance.
[[nodiscard]] std::string new_marker();

}  // namespace switchyard::deploy
