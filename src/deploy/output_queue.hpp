#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace switchyard::deploy {

struct Output {
    std::string host;
    bool from_stderr = false;
    std::string line;
};

/// Lines on their way from the threads of a job to the one thread that takes them. When it does not
/// keep up the oldest ones are dropped and counted: the last lines say why something failed. Any
/// thread.
class OutputQueue {
  public:
    static constexpr std::size_t kMaxLines = 2'000;
    static constexpr std::size_t kMaxBytes = 512 * 1024;

    /// True: the taker has to be told, for the first time since a take() that left nothing.
    [[nodiscard]] bool push(Output output);

    /// Up to `most` lines, the oldest first. Where lines were dropped stands one that says how
    /// many. Empty: nothing is left, and push() tells of the next one.
    [[nodiscard]] std::vector<Output> take(std::size_t most);

    [[nodiscard]] std::uint64_t dropped() const;

  private:
    mutable std::mutex mutex_;
    std::deque<Output> lines_;
    std::size_t bytes_ = 0;
    std::uint64_t dropped_ = 0;      ///< In all.
    std::uint64_t dropped_now_ = 0;  ///< Since take() has told of them.
    bool told_ = false;
};

}  // namespace switchyard::deploy
