#pragma once

#include "cloud/api.hpp"
#include "cloud/backoff.hpp"
#include "config/config.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::cloud {

using Steady = std::chrono::steady_clock;

/// Who shall hold the IP, and since which epoch of the followed service.
struct Desired {
    std::uint64_t droplet = 0;
    std::uint64_t epoch = 0;
    bool operator==(const Desired&) const = default;
};

enum class State : std::uint8_t {
    idle,       ///< Nothing is wanted yet.
    looking,    ///< Nothing was seen yet.
    following,  ///< The IP is where it should be.
    moving,     ///< It is on its way, or another action holds it.
    retrying,   ///< The last request failed; it is tried again soon.
    refused,    ///< The API refuses; it is tried again, but somebody has to change something.
    hidden,     ///< The API does not tell who holds the IP, so nothing is done.
    drifted,    ///< Somebody else moved it, and the policy is to say so only.
    fighting,   ///< Somebody else moved it again and again; we stopped moving it back.
};
[[nodiscard]] std::string_view to_string(State state);

/// Something to tell, once.
struct Note {
    enum class Kind : std::uint8_t {
        moving,     ///< A move was asked for.
        followed,   ///< The IP was seen where it should be, for the first time as of this wish.
        drift,      ///< Somebody else moved it.
        fight,      ///< ... again; no more moves.
        slow,       ///< A move takes very long.
        hidden,     ///< The answers do not tell the holder.
        failed,     ///< A request failed; told when the kind of failure changes.
        recovered,  ///< The first answer after failures.
    };
    Kind kind{};
    std::string message;
};
[[nodiscard]] std::string_view to_string(Note::Kind kind);

/// Decides how one reserved IP gets to where it should be: what to ask the API for and when. It
/// waits for nothing and asks nobody, so that it can be tested with a manual clock.
///
/// The rules (docs/reserved-ip.md has the reasons): look before acting; one assignment for one
/// need; a locked IP is waited for; what was asked for is confirmed by looking at the IP, never by
/// the action alone; an answer that was lost is no reason to ask twice; never unassign. A new wish
/// lets the action that is pending end first.
///
/// Order of calls: want(), then advance() whenever its `until` has come or something was called;
/// each step other than `wait` is answered by exactly one of looked(), assigned(), polled().
class Reconciler {
  public:
    enum class Step : std::uint8_t { wait, look, assign, poll };
    struct Next {
        Step step = Step::wait;
        Steady::time_point until{};  ///< Of `wait`; max(): until something is called.
        std::uint64_t id = 0;        ///< The droplet to assign to; the action to poll.
    };

    /// `rules`: policy, intervals, delays. Equal seeds give equal delays.
    Reconciler(config::ReservedIp rules, std::uint64_t seed);

    /// New rules; what is under way goes on.
    void set_rules(config::ReservedIp rules, Steady::time_point now);
    void want(Desired desired, Steady::time_point now);
    /// Somebody asks for a look now, and for a move that a policy or a fight holds back. A time-out
    /// that the API asked for (429) is kept.
    void sync(Steady::time_point now);

    [[nodiscard]] Next advance(Steady::time_point now);
    void looked(const Answer<IpView>& answer, Steady::time_point now);
    void assigned(const Answer<ActionView>& answer, Steady::time_point now);
    void polled(const Answer<ActionView>& answer, Steady::time_point now);

    /// What there is to tell since the last call.
    [[nodiscard]] std::vector<Note> take_notes();

    // What is known, for status and metrics.
    [[nodiscard]] State state() const noexcept { return state_; }
    [[nodiscard]] const std::optional<Desired>& desired() const noexcept { return desired_; }
    [[nodiscard]] const std::optional<IpView>& observed() const noexcept { return observed_; }
    [[nodiscard]] Steady::time_point observed_at() const noexcept { return observed_at_; }
    /// The last one since the start; failing() tells whether it is over.
    [[nodiscard]] const std::optional<Failure>& last_failure() const noexcept { return failure_; }
    [[nodiscard]] bool failing() const noexcept { return in_a_row_ != 0; }
    [[nodiscard]] Steady::time_point failed_at() const noexcept { return failed_at_; }
    /// Assignments asked for since the start.
    [[nodiscard]] std::uint64_t attempts() const noexcept { return attempts_; }
    /// Requests that failed since the start.
    [[nodiscard]] std::uint64_t failures() const noexcept { return failures_; }
    /// Looks that were answered, well or not.
    [[nodiscard]] std::uint64_t looks() const noexcept { return looks_; }
    /// Foreign changes seen since the start.
    [[nodiscard]] std::uint64_t drifts() const noexcept { return drifts_; }
    /// The action that is being polled.
    [[nodiscard]] std::optional<std::uint64_t> action() const noexcept;
    /// Epoch that the IP was last seen to follow; 0: none yet.
    [[nodiscard]] std::uint64_t followed_epoch() const noexcept {
        return settled_ && desired_ ? desired_->epoch : followed_epoch_;
    }
    /// Whether the IP was where it should be when it was last seen.
    [[nodiscard]] bool settled() const noexcept { return settled_; }
    /// How long the IP has not been where it should be, as far as we know; 0: it is.
    [[nodiscard]] Steady::duration drift(Steady::time_point now) const noexcept {
        return astray_since_ ? now - *astray_since_ : Steady::duration{};
    }
    /// Since when the IP is wanted somewhere and nothing was ever seen of it; none: it was.
    [[nodiscard]] std::optional<Steady::time_point> unseen_since() const noexcept {
        return observed_ ? std::nullopt : wanted_since_;
    }
    /// When something is asked next; max(): nothing is planned, or a request is under way.
    [[nodiscard]] Steady::time_point next_at() const noexcept {
        return under_way_ || !desired_ ? Steady::time_point::max() : next_at_;
    }

  private:
    /// What holds a move back although the IP is elsewhere.
    enum class Hold : std::uint8_t { none, alert, fight };
    struct Action {
        std::uint64_t id = 0;
        Steady::time_point since{};
    };
    /// An assignment whose effect was not seen yet.
    struct Unconfirmed {
        std::uint64_t target = 0;
        std::optional<std::uint64_t> before;  ///< The holder before it.
        Steady::time_point until{};           ///< From then on it is believed to have had none.
        bool completed = false;               ///< The API said that it was done.
    };

    void plan(Step step, Steady::time_point at);
    void seen(const IpView& view, Steady::time_point now);
    void wait_for_lock(Steady::time_point now);
    void arrived(Steady::time_point now);
    void astray(const IpView& view, Steady::time_point now);
    /// True: the last assignment may still take effect (or must not be repeated); a look is
    /// planned.
    [[nodiscard]] bool await_effect(const IpView& view, Steady::time_point now);
    [[nodiscard]] bool moved_by_others(const IpView& view) const;
    void foreign_change(const IpView& view, Steady::time_point now);
    void failed(Step step, const Failure& failure, Steady::time_point now);
    void recovered(Step step);
    void action_is(const ActionView& view, Steady::time_point now);
    void hide(std::string message, Steady::time_point now);
    void tell_slow(Steady::time_point since, Steady::time_point now);
    void note(Note::Kind kind, std::string message);
    [[nodiscard]] Steady::duration confirm_patience() const;

    config::ReservedIp rules_;
    Random random_;
    State state_ = State::idle;
    std::optional<Desired> desired_;
    std::optional<Steady::time_point> wanted_since_;  ///< The first wish.
    std::vector<Note> notes_;

    std::optional<Step> under_way_;
    Step plan_ = Step::look;
    Steady::time_point next_at_{};
    Steady::time_point limited_until_{};  ///< 429: nothing is asked before.
    bool look_soon_ = false;              ///< sync() came while a request was under way.

    std::optional<IpView> observed_;
    Steady::time_point observed_at_{};
    bool settled_ = false;
    std::uint64_t followed_epoch_ = 0;
    std::optional<Steady::time_point> astray_since_;
    std::optional<Steady::time_point> locked_since_;
    std::optional<Action> action_;
    std::uint64_t target_ = 0;  ///< Of the last assignment until it is confirmed; 0: none.
    std::optional<Unconfirmed> unconfirmed_;
    bool blind_ = false;  ///< A move was done, but no holder is shown.
    bool slow_told_ = false;

    Hold hold_ = Hold::none;
    std::deque<Steady::time_point> foreign_;  ///< Changes by others, within the window.

    std::optional<Failure> failure_;  ///< The last one, also after it was over.
    Steady::time_point failed_at_{};
    unsigned in_a_row_ = 0;  ///< Failed requests in a row.
    /// What failed: only an assignment that succeeds, or isn't needed any more, ends a row of
    /// failed ones, although looks succeed in between.
    Step failed_step_ = Step::look;
    unsigned pending_in_a_row_ = 0;
    unsigned errored_in_a_row_ = 0;
    std::uint64_t attempts_ = 0;
    std::uint64_t failures_ = 0;
    std::uint64_t looks_ = 0;
    std::uint64_t drifts_ = 0;
};

}  // namespace switchyard::cloud
