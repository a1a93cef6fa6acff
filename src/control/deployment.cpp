#include "control/deployment.hpp"

#include <utility>

#include <spdlog/fmt/fmt.h>

namespace switchyard::control {

namespace {

using Event = DeployEvent::Kind;
using Phase = Deployment::Phase;
using Status = Deployment::Status;
using Outcome = Deployment::Stage::Outcome;
using Stage = DeployStage;

constexpr std::string_view kRoutingChanged =
    "The routing of the service was changed meanwhile, so the slot may not be the idle one any "
    "more.";

bool on_hosts(Stage stage) {
    return stage == Stage::connect || stage == Stage::run || stage == Stage::before_switch ||
           stage == Stage::after_switch;
}

std::string seconds(std::chrono::milliseconds span) {
    return fmt::format("{:g} s", static_cast<double>(span.count()) / 1000);
}

/// One step of the machine. `state` is what it works on, `effects` what comes out.
class Stepper {
  public:
    Stepper(Deployment state, const DeployEvent& event, Steady::time_point now)
        : s_(std::move(state)), e_(event), now_(now) {}

    DeployStep run() {
        if (s_.phase != Phase::over) take();
        return {std::move(s_), std::move(effects_)};
    }

  private:
    void take();
    void cancelled();
    void stopped();
    void locked();
    void recorded();
    void remote_ended();
    void looked();
    void switched();
    void timed_out();

    void enter(Stage stage);
    void work();
    void next();
    void end_stage(Outcome outcome, std::string message = {});
    void skip(Stage stage, std::string why);
    void after_commit();
    void give_up(Status how, std::string message);
    void conclude(Status how, std::string message);

    void add(DeployEffect effect) { effects_.push_back(effect); }
    void remark(const std::string& text) {
        if (text.empty()) return;
        s_.message += (s_.message.empty() ? "" : " ") + text;
    }
    [[nodiscard]] bool at(Stage stage) const {
        return !s_.stages.empty() && s_.stage() == stage && s_.phase == Phase::working;
    }
    /// The event is the one that the stage's work ends with.
    [[nodiscard]] bool ends_work() const {
        if (e_.kind == Event::recorded) return s_.phase == Phase::recording;
        return (e_.kind == Event::connected && s_.stage() == Stage::connect) ||
               (e_.kind == Event::command_ended && s_.stage() == Stage::run) ||
               (e_.kind == Event::hook_ended &&
                (s_.stage() == Stage::before_switch || s_.stage() == Stage::after_switch));
    }
    /// The slot may be the live one, or what was decided for another epoch.
    [[nodiscard]] bool routing_changed() const {
        return s_.locked && !s_.switch_asked &&
               (e_.facts.live == s_.slot || !e_.facts.idle_exists || e_.facts.epoch != s_.epoch);
    }

    Deployment s_;
    const DeployEvent& e_;
    Steady::time_point now_;
    std::vector<DeployEffect> effects_;
};

void Stepper::take() {
    if ((s_.phase == Phase::recording || s_.phase == Phase::working) && routing_changed()) {
        if (ends_work()) {
            s_.may_still_run = s_.may_still_run || e_.may_still_run;
            conclude(Status::failed, std::string(kRoutingChanged));
        } else {
            give_up(Status::failed, std::string(kRoutingChanged));
        }
        return;
    }
    switch (e_.kind) {
        case Event::begin:
            if (!s_.stages.empty()) return;
            s_.stages.push_back({Stage::lock, now_, {}, Outcome::running, {}});
            add(DeployEffect::take_lock);
            return;
        case Event::cancel:
            return cancelled();
        case Event::stop:
            return stopped();
        case Event::tick:
            if (s_.deadline && now_ >= *s_.deadline) timed_out();
            return;
        case Event::locked:
            return locked();
        case Event::recorded:
            return recorded();
        case Event::slot_free:
            if (at(Stage::lock) && s_.recorded) {
                end_stage(Outcome::done);
                next();
            }
            return;
        case Event::connected:
        case Event::command_ended:
        case Event::hook_ended:
            if (ends_work()) remote_ended();
            return;
        case Event::health:
            return looked();
        case Event::warmed_up:
            if (!at(Stage::warm_up)) return;
            if (!e_.ok) return conclude(Status::failed, e_.message);
            end_stage(Outcome::done, e_.message);
            return next();
        case Event::switched:
            return switched();
        case Event::drained:
            if (!at(Stage::drain)) return;
            s_.drained_clean = e_.ok;
            end_stage(e_.ok ? Outcome::done : Outcome::failed, e_.message);
            return next();
        case Event::ip_reported:
            if (!at(Stage::reserved_ip)) return;
            end_stage(Outcome::done, e_.message);
            return next();
    }
}

void Stepper::cancelled() {
    if (s_.stages.empty() || s_.phase == Phase::ending || s_.phase == Phase::finishing) return;
    if (!s_.switch_asked) return give_up(Status::cancelled, e_.message);
    if (s_.committed && !s_.cancel_late) add(DeployEffect::tell_too_late);
    s_.cancel_late = true;
}

void Stepper::stopped() {
    s_.stopping = true;
    if (s_.stages.empty() || s_.phase == Phase::ending || s_.phase == Phase::finishing) return;
    // What a switch comes to has to be known; a drain ends by itself when the daemon does.
    if (!s_.switch_asked) return give_up(Status::interrupted, "The daemon was stopped.");
    if (at(Stage::after_switch)) {
        add(DeployEffect::cancel_remote);
        s_.phase = Phase::ending;
        s_.deadline = now_ + s_.plan.cancel_grace;
        remark("The daemon was stopped while after_switch ran.");
    }
}

void Stepper::locked() {
    if (s_.stages.empty() || s_.stage() != Stage::lock || s_.locked) return;
    if (!e_.ok) return conclude(Status::failed, e_.message);
    s_.locked = true;
    s_.slot = other(e_.facts.live);
    s_.epoch = e_.facts.epoch;
    if (s_.phase == Phase::ending) {
        return conclude(s_.pending, e_.may_still_run ? e_.message : "");
    }
    if (!e_.facts.idle_exists) {
        return conclude(Status::failed, "The service has no idle slot in the configuration.");
    }
    s_.phase = Phase::recording;
    add(DeployEffect::record);
}

void Stepper::recorded() {
    if (s_.phase == Phase::finishing) {
        s_.history_written = e_.ok;
        s_.phase = Phase::over;
        add(DeployEffect::release_lock);
        add(DeployEffect::finished);
        return;
    }
    const bool was_given_up = s_.phase == Phase::ending;
    if (s_.phase != Phase::recording && !was_given_up) return;
    if (s_.stage() == Stage::lock) s_.recorded = e_.ok;
    if (was_given_up) return conclude(s_.pending, "");
    if (e_.ok) return work();
    const std::string failure = "The state could not be written: " + e_.message;
    if (!s_.committed) {
        s_.write_failed = true;
        return conclude(Status::failed, failure);
    }
    if (s_.stage() != Stage::after_switch) return work();
    // Nothing is started that the history would not know of.
    const std::string why = "after_switch was not run. " + failure;
    end_stage(Outcome::skipped, why);
    remark(why);
    next();
}

void Stepper::remote_ended() {
    if (s_.phase != Phase::working && s_.phase != Phase::ending) return;
    s_.may_still_run = s_.may_still_run || e_.may_still_run;
    if (s_.committed) {
        if (!e_.ok) remark("after_switch failed: " + e_.message);
        end_stage(e_.ok ? Outcome::done : Outcome::failed, e_.message);
        return next();
    }
    if (s_.phase == Phase::ending) return conclude(s_.pending, "");
    if (!e_.ok) return conclude(Status::failed, e_.message);
    if (s_.stage() == Stage::run) s_.command_ended = now_;
    end_stage(Outcome::done, e_.message);
    next();
}

void Stepper::looked() {
    if (!at(Stage::healthy)) return;
    // A verdict from before says nothing about what was installed since.
    if (!e_.ok || e_.checks_since < s_.command_ended) {
        s_.last_look = e_.message;
        return;
    }
    s_.release_complete = true;
    add(DeployEffect::stop_watching);
    end_stage(Outcome::done);
    next();
}

void Stepper::switched() {
    if (!at(Stage::switching)) return;
    if (e_.ok) {
        s_.committed = true;
        s_.epoch = e_.epoch;
        if (s_.cancel_late) add(DeployEffect::tell_too_late);
        end_stage(Outcome::done);
        return next();
    }
    Status how = Status::failed;
    if (s_.stopping) how = Status::interrupted;
    if (s_.cancel_late) how = Status::cancelled;
    conclude(how, e_.message);
}

void Stepper::timed_out() {
    s_.deadline.reset();
    const Stage stage = s_.stage();
    if (s_.phase == Phase::ending) {
        s_.may_still_run = true;
        if (!s_.committed) {
            return conclude(s_.pending, "What runs on the hosts could not be seen to end in time.");
        }
        end_stage(Outcome::failed, "It could not be seen to end.");
        return next();
    }
    if (s_.phase != Phase::working) return;
    const std::string limit = seconds(s_.plan.limits[static_cast<std::size_t>(stage)]);
    if (stage == Stage::lock) {
        add(DeployEffect::stop_watching);
        return conclude(Status::failed,
                        "The slot still had requests in flight after " + limit + ".");
    }
    if (stage == Stage::healthy) {
        add(DeployEffect::stop_watching);
        std::string message = "It was not healthy within " + limit + ".";
        if (!s_.last_look.empty()) message += " " + s_.last_look;
        return conclude(Status::failed, std::move(message));
    }
    if (stage == Stage::warm_up) {
        add(DeployEffect::stop_watching);
        end_stage(Outcome::done, "Not finished after " + limit + ".");
        return next();
    }
    if (stage == Stage::after_switch) {
        add(DeployEffect::cancel_remote);
        s_.phase = Phase::ending;
        s_.deadline = now_ + s_.plan.cancel_grace;
        remark("after_switch did not end within " + limit + ".");
        return;
    }
    if (on_hosts(stage)) return give_up(Status::failed, "It did not end within " + limit + ".");
    if (stage == Stage::drain) s_.drained_clean = false;
    end_stage(Outcome::failed, "Not finished after " + limit + ".");
    next();
}

/// A stage becomes durable before anything of it is done.
void Stepper::enter(Stage stage) {
    s_.stages.push_back({stage, now_, {}, Outcome::running, {}});
    s_.phase = Phase::recording;
    s_.deadline.reset();
    if (stage == Stage::run) s_.slot_touched = true;
    add(DeployEffect::record);
}

void Stepper::work() {
    const Stage stage = s_.stage();
    s_.phase = Phase::working;
    const auto limit = s_.plan.limits[static_cast<std::size_t>(stage)];
    s_.deadline.reset();
    if (limit.count() > 0) s_.deadline = now_ + limit;
    switch (stage) {
        case Stage::lock:
            return add(DeployEffect::await_slot);
        case Stage::connect:
            return add(DeployEffect::connect);
        case Stage::run:
            return add(DeployEffect::run_command);
        case Stage::healthy:
            return add(DeployEffect::watch_health);
        case Stage::warm_up:
            return add(DeployEffect::warm_up);
        case Stage::before_switch:
            return add(DeployEffect::run_before);
        case Stage::switching:
            s_.switch_asked = true;
            return add(DeployEffect::commit_switch);
        case Stage::drain:
            return add(DeployEffect::follow_drain);
        case Stage::after_switch:
            if (s_.stopping || e_.facts.epoch != s_.epoch) {
                s_.stages.pop_back();
                return after_commit();
            }
            return add(DeployEffect::run_after);
        case Stage::reserved_ip:
            return add(DeployEffect::report_ip);
    }
}

void Stepper::next() {
    switch (s_.stage()) {
        case Stage::lock:
            return enter(Stage::connect);
        case Stage::connect:
            return enter(Stage::run);
        case Stage::run:
            return enter(Stage::healthy);
        case Stage::healthy:
            if (s_.plan.warm_up) return enter(Stage::warm_up);
            [[fallthrough]];
        case Stage::warm_up:
            if (!s_.plan.switch_after) return conclude(Status::deployed, "");
            if (s_.plan.before_switch) return enter(Stage::before_switch);
            [[fallthrough]];
        case Stage::before_switch:
            return enter(Stage::switching);
        case Stage::switching:
            return enter(Stage::drain);
        case Stage::drain:
            return after_commit();
        case Stage::after_switch:
            if (s_.plan.reserved_ip) return enter(Stage::reserved_ip);
            [[fallthrough]];
        case Stage::reserved_ip:
            return conclude(Status::switched, "");
    }
}

/// To after_switch, if it still has something to be told of.
void Stepper::after_commit() {
    if (s_.plan.after_switch) {
        if (s_.stopping) {
            skip(Stage::after_switch, "after_switch was not run: the daemon was stopped.");
        } else if (e_.facts.epoch != s_.epoch) {
            skip(Stage::after_switch,
                 "after_switch was not run: a later change has taken the place of this one.");
        } else {
            return enter(Stage::after_switch);
        }
    }
    if (s_.plan.reserved_ip) return enter(Stage::reserved_ip);
    conclude(Status::switched, "");
}

void Stepper::end_stage(Outcome outcome, std::string message) {
    Deployment::Stage& stage = s_.stages.back();
    if (stage.outcome != Outcome::running) return;
    stage.outcome = outcome;
    stage.ended = now_;
    stage.message = std::move(message);
}

void Stepper::skip(Stage stage, std::string why) {
    s_.stages.push_back({stage, now_, now_, Outcome::skipped, why});
    remark(why);
}

/// Before the switch: ends it, after what runs on the hosts has ended.
void Stepper::give_up(Status how, std::string message) {
    s_.pending = how;
    remark(message);
    const Stage stage = s_.stage();
    if (s_.phase == Phase::working && !on_hosts(stage) && s_.locked) {
        add(DeployEffect::stop_watching);
        return conclude(how, "");
    }
    // Being recorded, or about to be locked: an answer comes in any case.
    const bool waits_for_hosts = s_.phase == Phase::working && s_.locked;
    s_.phase = Phase::ending;
    s_.deadline.reset();
    if (waits_for_hosts) {
        add(DeployEffect::cancel_remote);
        s_.deadline = now_ + s_.plan.cancel_grace;
    } else if (stage == Stage::run) {
        s_.slot_touched = false;  // The command was not started.
    }
}

void Stepper::conclude(Status how, std::string message) {
    remark(message);
    const bool good = how == Status::deployed || how == Status::switched;
    const Stage stage = s_.stage();
    if (stage == Stage::run && s_.phase == Phase::recording) s_.slot_touched = false;
    const Outcome outcome = good                    ? Outcome::done
                            : how == Status::failed ? Outcome::failed
                                                    : Outcome::cancelled;
    end_stage(outcome, s_.message);
    s_.status = how;
    s_.deadline.reset();
    if (s_.recorded) {
        s_.phase = Phase::finishing;
        add(DeployEffect::record);
        return;
    }
    s_.phase = Phase::over;
    if (s_.locked) add(DeployEffect::release_lock);
    add(DeployEffect::finished);
}

}  // namespace

DeployStep advance(Deployment state, const DeployEvent& event, Steady::time_point now) {
    return Stepper(std::move(state), event, now).run();
}

}  // namespace switchyard::control
