#include "cloud/reconciler.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace switchyard::cloud {
namespace {

/// Looks at the IP, a poll interval apart, until an assignment that is said to be done but shows no
/// effect is believed to have had none.
constexpr int kConfirmLooks = 10;
/// So many foreign changes within the window end the fight: the last one is not undone.
constexpr std::size_t kFightChanges = 3;
constexpr std::chrono::minutes kFightWindow{10};
/// The longest time-out that an answer of 429 can impose.
constexpr std::chrono::minutes kLongestLimit{15};
constexpr std::chrono::seconds kShortestLimit{1};

std::string holder(const std::optional<std::uint64_t>& droplet) {
    return droplet ? fmt::format("droplet {}", *droplet) : std::string("no droplet");
}

}  // namespace

Reconciler::Reconciler(config::ReservedIp rules, std::uint64_t seed)
    : rules_(std::move(rules)), random_(seed) {}

std::optional<std::uint64_t> Reconciler::action() const noexcept {
    if (!action_) return std::nullopt;
    return action_->id;
}

Steady::duration Reconciler::confirm_patience() const {
    return rules_.poll_interval * kConfirmLooks;
}

void Reconciler::note(Note::Kind kind, std::string message) {
    notes_.push_back({kind, std::move(message)});
}

std::vector<Note> Reconciler::take_notes() {
    return std::exchange(notes_, {});
}

void Reconciler::plan(Step step, Steady::time_point at) {
    plan_ = step;
    next_at_ = at;
}

// What is called from outside.

void Reconciler::set_rules(config::ReservedIp rules, Steady::time_point now) {
    const bool enforced = rules_.drift == config::ReservedIp::Drift::alert &&
                          rules.drift == config::ReservedIp::Drift::enforce;
    rules_ = std::move(rules);
    if (enforced && hold_ == Hold::alert) hold_ = Hold::none;
    // A new token or address may heal what was refused; new intervals count at once.
    if (desired_ && !under_way_ && !action_) plan(Step::look, std::max(now, limited_until_));
}

void Reconciler::want(Desired desired, Steady::time_point now) {
    const bool same = desired_ && desired_->droplet == desired.droplet;
    if (settled_ && desired_) followed_epoch_ = desired_->epoch;
    desired_ = desired;
    if (!wanted_since_) wanted_since_ = now;
    if (same) return;
    if (state_ == State::idle) state_ = State::looking;
    settled_ = false;
    hold_ = Hold::none;
    foreign_.clear();
    blind_ = false;
    slow_told_ = false;
    in_a_row_ = 0;
    pending_in_a_row_ = 0;
    errored_in_a_row_ = 0;
    if (observed_ && observed_->droplet == desired.droplet) {
        astray_since_.reset();
    } else if (!astray_since_) {
        astray_since_ = now;
    }
    if (state_ != State::looking) state_ = State::moving;
    // What is pending ends first.
    if (under_way_ || action_) return;
    plan(Step::look, std::max(now, limited_until_));
}

void Reconciler::sync(Steady::time_point now) {
    if (!desired_) return;
    hold_ = Hold::none;
    foreign_.clear();
    blind_ = false;
    if (under_way_) {
        look_soon_ = *under_way_ != Step::look;
        return;
    }
    if (unconfirmed_) unconfirmed_->until = std::max(unconfirmed_->until, now + confirm_patience());
    action_.reset();
    plan(Step::look, std::max(now, limited_until_));
}

Reconciler::Next Reconciler::advance(Steady::time_point now) {
    Next next;
    next.until = Steady::time_point::max();
    if (!desired_ || under_way_) return next;
    if (std::exchange(look_soon_, false) && plan_ == Step::poll) {
        action_.reset();
        plan(Step::look, std::max(now, limited_until_));
    }
    if (now < next_at_) {
        next.until = next_at_;
        return next;
    }
    under_way_ = plan_;
    next.step = plan_;
    if (plan_ == Step::assign) {
        ++attempts_;
        target_ = desired_->droplet;
        next.id = target_;
        note(Note::Kind::moving,
             fmt::format("from {} to droplet {}", holder(observed_->droplet), target_));
    } else if (plan_ == Step::poll) {
        next.id = action_->id;
    }
    return next;
}

// Answers.

void Reconciler::looked(const Answer<IpView>& answer, Steady::time_point now) {
    under_way_.reset();
    look_soon_ = false;
    ++looks_;
    if (!answer) {
        failed(Step::look, answer.error(), now);
        return;
    }
    recovered(Step::look);
    seen(*answer, now);
}

void Reconciler::assigned(const Answer<ActionView>& answer, Steady::time_point now) {
    under_way_.reset();
    const std::optional<std::uint64_t> before = observed_ ? observed_->droplet : std::nullopt;
    if (answer) {
        recovered(Step::assign);
        pending_in_a_row_ = 0;
        unconfirmed_ = Unconfirmed{target_, before, now + confirm_patience(), false};
        action_ = Action{answer->id, now};
        state_ = State::moving;
        action_is(*answer, now);
        return;
    }
    const Failure& failure = answer.error();
    using Kind = Failure::Kind;
    const bool refused = failure.lasting() || failure.kind == Kind::pending ||
                         failure.kind == Kind::rate_limited || !failure.sent;
    if (refused) {
        target_ = 0;
    } else {
        // It may have been done all the same: one look decides.
        unconfirmed_ = Unconfirmed{target_, before, now, false};
    }
    failed(Step::assign, failure, now);
}

void Reconciler::polled(const Answer<ActionView>& answer, Steady::time_point now) {
    under_way_.reset();
    if (answer) {
        action_is(*answer, now);
        return;
    }
    // The action is only a hint; the IP itself tells how it went.
    const Failure& failure = answer.error();
    action_.reset();
    if (failure.kind == Failure::Kind::not_found) {
        if (unconfirmed_) unconfirmed_->until = now + confirm_patience();
        plan(Step::look, now);
        return;
    }
    failed(Step::poll, failure, now);
    if (unconfirmed_) unconfirmed_->until = std::max(now, next_at_) + confirm_patience();
}

/// What became of an action, as far as it says.
void Reconciler::action_is(const ActionView& view, Steady::time_point now) {
    switch (view.status) {
        case ActionStatus::in_progress:
            if (now - action_->since < rules_.slow_after) {
                const bool first = action_->since == now;
                plan(Step::poll, now + (first ? first_of(rules_.poll_interval, random_)
                                              : spread(rules_.poll_interval, random_)));
                return;
            }
            // It may never end; whether the IP is locked counts.
            tell_slow(action_->since, now);
            break;
        case ActionStatus::completed:
            if (unconfirmed_) unconfirmed_->completed = true;
            break;
        case ActionStatus::errored: {
            action_.reset();
            unconfirmed_.reset();
            target_ = 0;
            Failure failure;
            failure.kind = Failure::Kind::server;
            failure.message = fmt::format("the action {} ended as \"{}\"", view.id, view.word);
            ++failures_;
            failure_ = failure;
            failed_at_ = now;
            note(Note::Kind::failed, failure.message);
            state_ = State::retrying;
            plan(Step::look, now + full_jitter(++errored_in_a_row_, rules_.retry.first,
                                               rules_.retry.longest, random_));
            return;
        }
        case ActionStatus::unknown:
            break;
    }
    action_.reset();
    if (unconfirmed_) unconfirmed_->until = now + confirm_patience();
    plan(Step::look, now);
}

/// The end of a row of failures that `step` can end.
void Reconciler::recovered(Step step) {
    if (in_a_row_ == 0 || (failed_step_ == Step::assign && step != Step::assign)) return;
    in_a_row_ = 0;
    note(Note::Kind::recovered, "the API does what it is asked again");
}

void Reconciler::failed(Step step, const Failure& failure, Steady::time_point now) {
    const bool news = in_a_row_ == 0 || !failure_ || failure_->kind != failure.kind ||
                      failure_->message != failure.message;
    ++failures_;
    ++in_a_row_;
    failed_step_ = step;
    failure_ = failure;
    failed_at_ = now;
    if (news) note(Note::Kind::failed, failure.message);
    if (failure.kind == Failure::Kind::pending) {
        const milliseconds delay =
            doubled(++pending_in_a_row_, 2 * rules_.retry.first, rules_.retry.longest / 2);
        plan(Step::look, now + std::max(delay, rules_.retry.first));
        state_ = State::moving;
        return;
    }
    if (failure.kind == Failure::Kind::rate_limited) {
        milliseconds delay = failure.retry_after.value_or(rules_.retry.longest);
        delay = std::clamp<milliseconds>(delay, kShortestLimit, kLongestLimit);
        limited_until_ = now + delay;
        plan(Step::look, limited_until_);
    } else if (failure.lasting()) {
        plan(Step::look, now + rules_.retry.refused);
    } else {
        plan(Step::look,
             now + full_jitter(in_a_row_, rules_.retry.first, rules_.retry.longest, random_));
    }
    // What was seen last still holds while nothing else is known.
    if (!settled_ && hold_ == Hold::none) {
        state_ = failure.lasting() ? State::refused : State::retrying;
    }
}

// What a look showed.

void Reconciler::seen(const IpView& view, Steady::time_point now) {
    const bool foreign = moved_by_others(view);
    if (!view.holder_shown) {
        hide(
            "the API does not tell which droplet holds the IP: the token needs the scope "
            "droplet:read",
            now);
        return;
    }
    observed_ = view;
    observed_at_ = now;
    if (view.droplet) blind_ = false;
    if (view.droplet == desired_->droplet) {
        astray_since_.reset();
    } else if (!astray_since_) {
        astray_since_ = now;
    }
    if (view.locked) {
        wait_for_lock(now);
        if (foreign) foreign_change(view, now);
        return;
    }
    locked_since_.reset();
    if (foreign) foreign_change(view, now);
    if (await_effect(view, now)) return;
    if (view.droplet == desired_->droplet) {
        arrived(now);
    } else {
        astray(view, now);
    }
}

/// Somebody's action is pending, perhaps our own of before a restart.
void Reconciler::wait_for_lock(Steady::time_point now) {
    if (!locked_since_) locked_since_ = now;
    if (hold_ == Hold::none && !(settled_ && !astray_since_)) state_ = State::moving;
    if (unconfirmed_) unconfirmed_->until = now + confirm_patience();
    tell_slow(*locked_since_, now);
    plan(Step::look, now + spread(rules_.poll_interval, random_));
}

bool Reconciler::await_effect(const IpView& view, Steady::time_point now) {
    if (!unconfirmed_) return false;
    const Unconfirmed last = *unconfirmed_;
    if (view.droplet == last.target || view.droplet != last.before) {
        unconfirmed_.reset();
        return false;
    }
    if (now < last.until) {
        state_ = State::moving;
        plan(Step::look, now + spread(rules_.poll_interval, random_));
        return true;
    }
    unconfirmed_.reset();
    target_ = 0;
    if (last.completed && !view.droplet) {
        // Another move would look the same: a token without droplet:read may see "nobody".
        blind_ = true;
    }
    return false;
}

void Reconciler::arrived(Steady::time_point now) {
    const bool news = !settled_;
    recovered(Step::assign);
    settled_ = true;
    followed_epoch_ = desired_->epoch;
    target_ = 0;
    hold_ = Hold::none;
    slow_told_ = false;
    pending_in_a_row_ = 0;
    errored_in_a_row_ = 0;
    state_ = State::following;
    if (news) {
        note(Note::Kind::followed,
             fmt::format("at droplet {} as of epoch {}", desired_->droplet, desired_->epoch));
    }
    plan(Step::look, now + rules_.drift_interval);
}

void Reconciler::astray(const IpView& view, Steady::time_point now) {
    if (blind_ && !view.droplet) {
        hide(
            "a move was completed, but the API shows no droplet for the IP: the token may lack "
            "the scope droplet:read, so it is not moved again",
            now);
        return;
    }
    if (hold_ != Hold::none) {
        state_ = hold_ == Hold::fight ? State::fighting : State::drifted;
        plan(Step::look, now + rules_.drift_interval);
        return;
    }
    state_ = State::moving;
    plan(Step::assign, now);
}

/// The holder changed to a droplet that neither is wanted nor was asked for by us.
bool Reconciler::moved_by_others(const IpView& view) const {
    if (!observed_ || !view.holder_shown || view.droplet == observed_->droplet) return false;
    if (view.droplet == desired_->droplet) return false;
    return target_ == 0 || view.droplet != target_;
}

void Reconciler::foreign_change(const IpView& view, Steady::time_point now) {
    settled_ = false;
    unconfirmed_.reset();
    target_ = 0;
    ++drifts_;
    foreign_.push_back(now);
    while (now - foreign_.front() > kFightWindow)
        foreign_.pop_front();
    if (rules_.drift == config::ReservedIp::Drift::alert) {
        hold_ = Hold::alert;
        state_ = State::drifted;
        note(Note::Kind::drift,
             fmt::format("somebody else moved the IP to {}; the policy is not to move it back "
                         "(switchyard ip sync does)",
                         holder(view.droplet)));
    } else if (foreign_.size() >= kFightChanges) {
        hold_ = Hold::fight;
        state_ = State::fighting;
        note(Note::Kind::fight,
             fmt::format("somebody else moved the IP to {}, {} times within minutes; it is not "
                         "moved back any more (find out who, then: switchyard ip sync)",
                         holder(view.droplet), foreign_.size()));
    } else {
        note(Note::Kind::drift, fmt::format("somebody else moved the IP to {}; it is moved back",
                                            holder(view.droplet)));
    }
}

void Reconciler::hide(std::string message, Steady::time_point now) {
    if (state_ != State::hidden) note(Note::Kind::hidden, std::move(message));
    state_ = State::hidden;
    settled_ = false;
    plan(Step::look, now + rules_.retry.refused);
}

void Reconciler::tell_slow(Steady::time_point since, Steady::time_point now) {
    if (slow_told_ || now - since < rules_.slow_after) return;
    slow_told_ = true;
    note(Note::Kind::slow,
         fmt::format("an action on the IP has not ended for {} s; it is waited for",
                     std::chrono::duration_cast<std::chrono::seconds>(now - since).count()));
}

// Words.

std::string_view to_string(State state) {
    switch (state) {
        case State::idle:
            return "idle";
        case State::looking:
            return "looking";
        case State::following:
            return "following";
        case State::moving:
            return "moving";
        case State::retrying:
            return "retrying";
        case State::refused:
            return "refused";
        case State::hidden:
            return "hidden";
        case State::drifted:
            return "drifted";
        case State::fighting:
            return "fighting";
    }
    return "unknown";
}

std::string_view to_string(Note::Kind kind) {
    switch (kind) {
        case Note::Kind::moving:
            return "moving";
        case Note::Kind::followed:
            return "followed";
        case Note::Kind::drift:
            return "drift";
        case Note::Kind::fight:
            return "fight";
        case Note::Kind::slow:
            return "slow";
        case Note::Kind::hidden:
            return "hidden";
        case Note::Kind::failed:
            return "failed";
        case Note::Kind::recovered:
            return "recovered";
    }
    return "unknown";
}

}  // namespace switchyard::cloud
