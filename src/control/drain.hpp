#pragma once

#include "control/times.hpp"
#include "route/ledger.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace switchyard::control {

struct DrainTiming {
    std::chrono::milliseconds timeout{30'000};  ///< 0: cut at once.
    std::chrono::milliseconds progress_every{1'000};
    std::chrono::milliseconds first_poll{10};    ///< Grows by half each time ...
    std::chrono::milliseconds last_poll{50};     ///< ... up to this.
    std::chrono::milliseconds cut_grace{5'000};  ///< For requests to end after the cut.
};

/// Counts of a drain: what was in flight when it began, less what went on to the new slot for a
/// retry.
struct DrainCounts {
    std::uint64_t completed = 0;  ///< Ended otherwise than by the cut.
    std::uint64_t cut = 0;
    std::uint64_t remaining = 0;
};

/// Decides how one drain goes on: which moment asks for a look, for progress, for the cut, or is
/// the end. It waits for nothing and touches nothing but the ledgers (which it reads), so that it
/// can be tested with a manual clock. Begin it after the publication was acknowledged: from then
/// on nobody enters these ledgers.
class Drain {
  public:
    enum class Step { wait, progress, cut, done };
    struct Next {
        Step step = Step::wait;
        Steady::duration pause{0};  ///< For wait: how long.
    };

    Drain(std::vector<std::shared_ptr<route::Ledger>> ledgers, DrainTiming timing,
          Steady::time_point begin);

    /// What to do now. `cut` is said once; `done` for ever once it was said.
    [[nodiscard]] Next advance(Steady::time_point now);

    /// The slot became live again: done at the next advance, nothing is cut (C13).
    void cancel() noexcept { cancelled_ = true; }
    /// While a change back is being written nothing is cut either; it may still fail.
    void hold(bool held) noexcept { held_ = held; }

    [[nodiscard]] bool cancelled() const noexcept { return cancelled_; }
    [[nodiscard]] bool done() const noexcept { return done_; }
    [[nodiscard]] std::uint64_t in_flight() const noexcept;
    [[nodiscard]] std::uint64_t in_flight_at_begin() const noexcept { return in_flight_at_begin_; }
    [[nodiscard]] DrainCounts counts() const noexcept;
    [[nodiscard]] Steady::duration elapsed(Steady::time_point now) const noexcept {
        return now - begin_;
    }
    [[nodiscard]] const DrainTiming& timing() const noexcept { return timing_; }
    [[nodiscard]] const std::vector<std::shared_ptr<route::Ledger>>& ledgers() const noexcept {
        return ledgers_;
    }

  private:
    [[nodiscard]] route::Ledger::Totals totals() const noexcept;
    [[nodiscard]] Next finish() noexcept;

    std::vector<std::shared_ptr<route::Ledger>> ledgers_;
    DrainTiming timing_;
    Steady::time_point begin_;
    Steady::time_point next_progress_;
    Steady::time_point give_up_at_{};
    Steady::duration poll_;
    std::uint64_t in_flight_at_begin_ = 0;
    std::uint64_t ended_at_begin_ = 0;
    std::uint64_t cut_at_begin_ = 0;
    bool cutting_ = false;
    bool held_ = false;
    bool cancelled_ = false;
    bool done_ = false;
};

}  // namespace switchyard::control
