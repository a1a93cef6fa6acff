#pragma once

#include "config/config.hpp"
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
    config::TunnelDrain tunnels = config::TunnelDrain::close;
    /// Between two WebSockets that are told to go away; less when there are so many that the last
    /// quarter of the time-out would not be left for their goodbye.
    std::chrono::milliseconds close_spacing{50};
};

/// Counts of a drain: what was in flight when it began, less what went on to the new slot for a
/// retry. Requests, and apart from them what has become a tunnel (C11).
struct DrainCounts {
    std::uint64_t completed = 0;  ///< Ended otherwise than by the cut.
    std::uint64_t cut = 0;
    std::uint64_t remaining = 0;
    struct {
        std::uint64_t ended = 0;      ///< By themselves.
        std::uint64_t closed = 0;     ///< Told to go away.
        std::uint64_t cut = 0;        ///< At the deadline, or for silence.
        std::uint64_t remaining = 0;  ///< Open; with TunnelDrain::keep they live on.
    } tunnels;
};

/// Decides how one drain goes on: which moment asks for a look, for progress, for the cut, or is
/// the end. With TunnelDrain::keep the end is that of the last request. It waits for nothing and
/// touches nothing but the ledgers (which it reads), so that it can be tested with a manual clock.
/// Begin it after the publication was acknowledged: from then on nobody enters these ledgers.
class Drain {
  public:
    enum class Step { wait, progress, close, cut, done };
    struct Next {
        Step step = Step::wait;
        Steady::duration pause{0};  ///< For wait: how long.
        double share = 0;           ///< For close: of the WebSockets, 0 to 1, told by now.
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
    /// Without tunnels.
    [[nodiscard]] std::uint64_t in_flight() const noexcept;
    [[nodiscard]] std::uint64_t in_flight_at_begin() const noexcept { return in_flight_at_begin_; }
    [[nodiscard]] std::uint64_t tunnels() const noexcept { return totals().open_tunnels(); }
    [[nodiscard]] std::uint64_t tunnels_at_begin() const noexcept { return tunnels_at_begin_; }
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
    [[nodiscard]] bool keeps() const noexcept {
        return timing_.tunnels == config::TunnelDrain::keep;
    }
    [[nodiscard]] Steady::duration close_window() const noexcept;

    std::vector<std::shared_ptr<route::Ledger>> ledgers_;
    DrainTiming timing_;
    Steady::time_point begin_;
    Steady::time_point next_progress_;
    Steady::time_point give_up_at_{};
    Steady::duration poll_;
    Steady::time_point next_close_;
    route::Ledger::Totals at_begin_;
    std::uint64_t in_flight_at_begin_ = 0;
    std::uint64_t tunnels_at_begin_ = 0;
    bool cutting_ = false;
    bool held_ = false;
    bool cancelled_ = false;
    bool done_ = false;
};

}  // namespace switchyard::control
