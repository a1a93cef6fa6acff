#pragma once

#include "base/colour.hpp"
#include "bench/common/histogram.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace switchyard::bench {

/// Where a client stands in a canary, as far as its answers have told. A canary's share may move
/// it to the canary when it grows, and back when it gets smaller, but always at the same point
/// (C16).
struct Stand {
    std::size_t canary = 0;    ///< Which one, counted from 1; 0: none yet.
    unsigned live_at = 0;      ///< The greatest share in percent at which it was on live.
    unsigned canary_at = 100;  ///< The smallest at which it was on the canary.
};

/// Which slots were in force when, as far as an observer outside of the proxy can know: a command
/// takes effect at one instant between its sending and its acknowledgement. Judges whether an
/// answer may come from a slot (C1, C16). All times are nanoseconds of the monotonic clock.
class Timeline {
  public:
    explicit Timeline(Colour live) { steps_.push_back({live, 0, 0, kBefore, kBefore, kBefore}); }

    /// A command to switch is about to be sent. It also ends the canary.
    void sent(Colour to, std::int64_t now);
    /// A command is about to be sent that gives the other slot so many percent of the clients.
    void sent_share(unsigned percent, std::int64_t now);
    /// The command that was sent last is committed.
    void acknowledged(std::int64_t now);
    /// The command that was sent last changed nothing.
    void refused();

    /// May a request whose first byte was sent at `began` and whose response head was there at
    /// `head_at` be answered by this slot, when its client stands there? Has to be called in the
    /// order of `head_at`: an answer that only the last command explains proves that it has taken
    /// effect, before its acknowledgement.
    bool allows(Colour colour, std::int64_t began, std::int64_t head_at, const Stand& stand = {});

    /// After an allowed answer: the first and the last step that explain it (0: before the first
    /// command).
    std::size_t first_step() const noexcept { return first_step_; }
    std::size_t last_step() const noexcept { return last_step_; }
    /// After an allowed answer: what it tells of where its client stands. True: it was known before
    /// that the client stands in this canary, so that the answer was held to it.
    bool learn(Stand& stand) const noexcept;

    /// The last instant at which a slot may have been out of force; `now` if it may be, the
    /// smallest number if it never was.
    std::int64_t last_away(Colour colour, std::int64_t now) const noexcept;

    /// Why the last answer that was not allowed is wrong.
    const std::string& reason() const noexcept { return reason_; }
    /// It is wrong only because of where its client stands.
    bool misplaced() const noexcept { return misplaced_; }

    Colour live() const noexcept { return steps_.back().colour; }
    unsigned share() const noexcept { return steps_.back().share; }
    /// From the sending of a switch to the first answer by the new slot.
    const Histogram& first_new() const noexcept { return first_new_; }

  private:
    static constexpr std::int64_t kBefore = std::numeric_limits<std::int64_t>::min();
    static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

    struct Step {
        Colour colour;       ///< The live slot.
        unsigned share;      ///< Of the other one, in percent.
        std::size_t canary;  ///< Which one it is; 0: none.
        std::int64_t sent;
        std::int64_t acknowledged = kNever;
        std::int64_t seen = kNever;  ///< The first answer that only this step explains.

        bool permits(Colour who, const Stand& stand) const noexcept;
    };

    /// The latest instant at which step `index` can have been in force.
    std::int64_t end_of(std::size_t index) const noexcept;
    /// How many steps explain an answer; notes which.
    std::size_t explain(Colour colour, std::int64_t began, std::int64_t head_at,
                        const Stand& stand);
    std::string why_stale(Colour colour, std::int64_t began, std::int64_t head_at) const;

    std::vector<Step> steps_;
    std::size_t canaries_ = 0;
    // Of the last answer.
    Colour answered_ = Colour::blue;
    std::size_t first_step_ = 0;
    std::size_t last_step_ = 0;
    std::size_t of_canary_ = 0;  // all explaining steps are of this one; 0: they are not
    unsigned smallest_share_ = 0;
    unsigned greatest_share_ = 0;
    bool misplaced_ = false;
    Histogram first_new_;
    std::string reason_;
};

}  // namespace switchyard::bench
