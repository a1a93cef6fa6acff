#include "deployment_world.hpp"

#include <algorithm>
#include <utility>

namespace switchyard::control::testing {

using namespace std::chrono_literals;
using Status = Deployment::Status;

DeploymentWorld::DeploymentWorld(std::uint64_t seed, bool trace)
    : random_(seed), tracing_(trace), leaky_(seed % 8 == 7), now_(Time(1h)) {}

std::chrono::milliseconds DeploymentWorld::some_time() {
    const std::uint64_t dice = random_() % 100;
    if (dice < 30) return 0ms;
    if (dice < 90) return std::chrono::milliseconds(random_() % 3'000);
    return std::chrono::milliseconds(random_() % 60'000);
}

void DeploymentWorld::check(bool holds, const char* what) {
    if (holds || !violation_.empty()) return;
    violation_ = what;
}

DeploymentWorld::Job* DeploymentWorld::find(std::uint64_t id) {
    for (Job& job : jobs_) {
        if (job.id == id) return &job;
    }
    return nullptr;
}

bool DeploymentWorld::alive(std::uint64_t deploy) const {
    return std::any_of(processes_.begin(), processes_.end(), [&](const Process& process) {
        return process.deploy == deploy && process.alive;
    });
}

DeploymentWorld::Process* DeploymentWorld::process_of(const Job& job) {
    for (Process& process : processes_) {
        if (process.deploy == job.id && process.alive) return &process;
    }
    return nullptr;
}

bool DeploymentWorld::step() {
    const std::uint64_t dice = random_() % 1000;
    if (stopping_) {
        if (jobs_.empty()) {
            stopping_ = false;
            recover();  // The next start.
        } else {
            deliver();
        }
    } else if (dice < 60) {
        begin_deploy();
    } else if (dice < 68 && !jobs_.empty()) {
        Job& job = jobs_[random_() % jobs_.size()];
        job.cancel_asked = true;
        if (!job.machine.switch_asked) job.cancelled_in_time = true;
        note("cancel");
        feed(job.id, {Kind::cancel, true, "Cancelled by somebody."});
    } else if (dice < 72) {
        crash();
    } else if (dice < 75) {
        stop();
    } else if (dice < 85) {
        others_switch();
    } else if (dice < 125) {
        healthy_[random_() % 2] = chance(700);
    } else {
        deliver();
    }
    return violation_.empty();
}

void DeploymentWorld::begin_deploy() {
    DeployPlan plan;
    plan.warm_up = chance(500);
    plan.switch_after = chance(700);
    plan.before_switch = chance(400);
    plan.after_switch = chance(400);
    plan.reserved_ip = chance(300);
    for (auto& limit : plan.limits)
        limit = std::chrono::milliseconds(1'000 + random_() % 50'000);
    plan.limits[static_cast<std::size_t>(DeployStage::switching)] = 0ms;
    Job job{next_deploy_++, Deployment(plan)};
    const std::uint64_t id = job.id;
    jobs_.push_back(std::move(job));
    note("deploy " + std::to_string(id));
    feed(id, {Kind::begin});
}

/// Somebody else's switch or rollback: refused while the service is locked, as the controller does.
void DeploymentWorld::others_switch() {
    if (lock_ != 0 && !(leaky_ && chance(500))) return;
    live_ = other(live_);
    ++epoch_;
    note("somebody switches, epoch " + std::to_string(epoch_));
}

void DeploymentWorld::crash() {
    note("crash");
    for (const Job& job : jobs_) {
        if (!job.machine.stages.empty())
            ++seen_["crash in " + std::string(to_string(job.machine.stage()))];
    }
    // What was being written may or may not have reached the disk.
    for (Pending& pending : pending_) {
        if (pending.write && chance(500)) apply(*pending.write);
        if (pending.commit && chance(500)) commit(pending);
    }
    jobs_.clear();
    pending_.clear();
    lock_ = 0;
    recover();
}

void DeploymentWorld::recover() {
    for (auto& [id, entry] : history_) {
        if (entry.outcome != "running") continue;
        const bool committed = committed_by_.contains(id);
        const DeployRemains remains = after_crash({.stage = entry.stage,
                                                   .slot = entry.slot,
                                                   .committed = committed,
                                                   .may_still_run = entry.may_still_run,
                                                   .hook = entry.hook,
                                                   .hook_outcome = entry.hook_outcome,
                                                   .hook_message = entry.hook_message});
        check(remains.outcome == "interrupted", "a crash is told as something else");
        if (alive(id)) {
            check(remains.may_still_run,
                  "after a crash nobody says that the command may still run");
        }
        const bool says_committed = remains.detail.find("is committed") != std::string::npos;
        const bool says_untouched = remains.detail.find("was not touched") != std::string::npos;
        const auto says = [&remains](const char* text) {
            return remains.detail.find(text) != std::string::npos;
        };
        if (hooks_run_.contains(id)) {
            check(says("after_switch had") || says("after_switch was about to be started, or had"),
                  "after a crash nobody says that after_switch was run");
        } else {
            check(!says("after_switch had"), "a hook is said to have run that did not");
            check(!committed || !entry.hook || says("after_switch was not run") ||
                      says("after_switch was about to be started"),
                  "after a crash nobody says what became of after_switch");
        }
        check(says_committed == committed && says_untouched != committed,
              "after a crash the history is wrong about the switch");
        check(!started_by_[id] || holds_[index_of(entry.slot)].deploy >= id,
              "after a crash the slot is said to hold what was overwritten");
        entry.outcome = remains.outcome;
    }
    check(lock_ == 0, "a lock outlived the daemon");
    // History that is older than every deploy of this life is done with.
    if (history_.size() > 50) history_.clear();
    if (processes_.size() > 50) processes_.clear();
    if (started_by_.size() > 1'000) started_by_.clear();
    if (hooks_run_.size() > 1'000) hooks_run_.clear();
    if (committed_by_.size() > 1'000) committed_by_.clear();
}

void DeploymentWorld::stop() {
    note("stop");
    stopping_ = true;
    std::vector<std::uint64_t> ids;
    for (Job& job : jobs_) {
        job.stop_asked = true;
        ids.push_back(job.id);
    }
    for (const std::uint64_t id : ids)
        feed(id, {Kind::stop});
    // The controller ends drains itself.
    for (Pending& pending : pending_) {
        if (pending.event.kind == Kind::drained) pending.due = now_;
    }
}

void DeploymentWorld::deliver() {
    look_at_targets();
    const auto next =
        std::min_element(pending_.begin(), pending_.end(), [](const Pending& a, const Pending& b) {
            return std::pair(a.due, a.order) < std::pair(b.due, b.order);
        });
    std::optional<Time> deadline;
    std::uint64_t waiting = 0;
    for (const Job& job : jobs_) {
        if (!job.machine.deadline || (deadline && *deadline <= *job.machine.deadline)) continue;
        deadline = job.machine.deadline;
        waiting = job.id;
    }
    if (next == pending_.end() || (deadline && *deadline < next->due)) {
        if (deadline) {
            now_ = std::max(now_, *deadline);
            return feed(waiting, {Kind::tick});
        }
        check(jobs_.empty(), "a deploy waits for nothing, for ever");
        return;
    }
    Pending due = std::move(*next);
    pending_.erase(next);
    now_ = std::max(now_, due.due);
    if (due.write && due.event.ok) apply(*due.write);
    if (due.commit) commit(due);
    end_process(due);
    feed(due.deploy, std::move(due.event));
}

/// A look at the targets comes now and then, with checks from before the command among them.
void DeploymentWorld::look_at_targets() {
    for (const Job& job : jobs_) {
        if (!job.watching || chance(300)) continue;
        Pending look;
        look.order = next_order_++;
        look.deploy = job.id;
        look.event.kind = Kind::health;
        look.event.ok = healthy_[index_of(job.machine.slot)];
        look.event.message = "status 503";
        look.event.checks_since = chance(400) ? job.command_ended - 1ms : now_;
        look.due = now_ + some_time() / 4;
        pending_.push_back(std::move(look));
        return;
    }
}

void DeploymentWorld::feed(std::uint64_t id, DeployEvent event) {
    Job* job = find(id);
    if (job == nullptr) return;
    if (tracing_) {
        note(std::to_string(id) + " event " + std::to_string(static_cast<int>(event.kind)) +
             (event.ok ? " ok" : " failed") + " in " +
             (job->machine.stages.empty() ? "-" : std::string(to_string(job->machine.stage()))));
    }
    event.facts = facts();
    if (event.kind == Kind::health && event.ok && event.checks_since >= job->command_ended) {
        job->seen_healthy = job->command_ok;
    }
    DeployStep step = advance(std::move(job->machine), event, now_);
    job->machine = std::move(step.state);
    for (const Effect effect : step.effects) {
        job = find(id);
        if (job == nullptr) {
            check(false, "an effect after the end");
            return;
        }
        carry_out(*job, effect);
    }
}

void DeploymentWorld::later(const Job& job, Kind kind, bool ok, bool may_never_come) {
    if (may_never_come && chance(60)) return;
    Pending pending;
    pending.due = now_ + some_time();
    pending.order = next_order_++;
    pending.deploy = job.id;
    pending.event.kind = kind;
    pending.event.ok = ok;
    if (!ok) pending.event.message = "It failed.";
    pending_.push_back(std::move(pending));
}

}  // namespace switchyard::control::testing
