#pragma once

#include "base/colour.hpp"
#include "bench/common/histogram.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace switchyard::bench {

/// Which slot was live when, as far as an observer outside of the proxy can know: a switch takes
/// effect at one instant between the sending of the command and its acknowledgement. Judges whether
/// an answer may come from a slot (C1). All times are nanoseconds of the monotonic clock.
class Timeline {
  public:
    explicit Timeline(Colour live) { steps_.push_back({live, kBefore, kBefore, kBefore}); }

    /// A command to switch is about to be sent.
    void sent(Colour to, std::int64_t now);
    /// The command that was sent last is committed.
    void acknowledged(std::int64_t now);
    /// The command that was sent last changed nothing.
    void refused();

    /// May a request whose first byte was sent at `began` and whose response head was there at
    /// `head_at` be answered by this slot? Has to be called in the order of `head_at`: an answer
    /// from the new slot proves that the switch has taken effect, before its acknowledgement.
    bool allows(Colour colour, std::int64_t began, std::int64_t head_at);

    /// After an allowed answer: the first and the last step that explain it (0: before the first
    /// command).
    std::size_t first_step() const noexcept { return first_step_; }
    std::size_t last_step() const noexcept { return last_step_; }

    /// The last instant at which another slot than this one may have been in force; `now` if one
    /// may be, the smallest number if none ever was.
    std::int64_t last_away(Colour colour, std::int64_t now) const noexcept;

    /// Why the last answer that was not allowed is wrong.
    const std::string& reason() const noexcept { return reason_; }

    Colour live() const noexcept { return steps_.back().colour; }
    /// From the sending of a command to the first answer by the new slot.
    const Histogram& first_new() const noexcept { return first_new_; }

  private:
    static constexpr std::int64_t kBefore = std::numeric_limits<std::int64_t>::min();
    static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

    struct Step {
        Colour colour;
        std::int64_t sent;
        std::int64_t acknowledged = kNever;
        std::int64_t seen = kNever;  ///< The first answer that only this step explains.
    };

    /// The latest instant at which step `index` can have been in force.
    std::int64_t end_of(std::size_t index) const noexcept;

    std::vector<Step> steps_;
    std::size_t first_step_ = 0;
    std::size_t last_step_ = 0;
    Histogram first_new_;
    std::string reason_;
};

}  // namespace switchyard::bench
