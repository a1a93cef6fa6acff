// What the world does for a deploy, and the invariants that it watches while it does.
#include "deployment_world.hpp"

#include <algorithm>
#include <utility>

namespace switchyard::control::testing {

using namespace std::chrono_literals;
using Status = Deployment::Status;

void DeploymentWorld::carry_out(Job& job, Effect effect) {
    const Deployment& machine = job.machine;
    if (tracing_) note("  effect " + std::to_string(static_cast<int>(effect)));
    switch (effect) {
        case Effect::take_lock: {
            // The service is busy until the deploy before is over, not only until its switch.
            const bool free =
                lock_ == 0 && std::none_of(jobs_.begin(), jobs_.end(), [&](const Job& other) {
                    return other.id != job.id && other.machine.locked;
                });
            if (free) {
                lock_ = job.id;
                job.before = holds_[index_of(other(live_))];
            }
            later(job, Kind::locked, free);
            pending_.back().due = now_;
            return;
        }
        case Effect::record:
            return write(job);
        case Effect::await_slot:
            return later(job, Kind::slot_free, true, true);
        case Effect::connect:
            check(live_ != machine.slot, "connects to the hosts of the live slot");
            return later(job, Kind::connected, chance(850), true);
        case Effect::run_command:
            check(live_ != machine.slot, "deploys to the live slot");
            check(lock_ == job.id, "deploys without the lock");
            check(history_[job.id].stage == DeployStage::run,
                  "runs the command before the history knows");
            check(!holds_[index_of(machine.slot)].complete &&
                      holds_[index_of(machine.slot)].deploy == job.id,
                  "the slot is said to hold what is about to be overwritten");
            for (const Job& other : jobs_) {
                check(other.id == job.id || process_of(other) == nullptr,
                      "two deploys of one service run at once");
            }
            job.command_started = true;
            started_by_[job.id] = true;
            return start_process(job, DeployStage::run);
        case Effect::watch_health:
            job.watching = true;
            return;
        case Effect::warm_up:
            check(live_ != machine.slot, "warms up the live slot");
            return later(job, Kind::warmed_up, chance(900), true);
        case Effect::run_before:
            check(live_ != machine.slot, "before_switch runs when the slot is live already");
            check(history_[job.id].stage == DeployStage::before_switch,
                  "runs a hook before the history knows");
            return start_process(job, DeployStage::before_switch);
        case Effect::commit_switch: {
            check(job.seen_healthy,
                  "switches to a slot that was not seen healthy since the command");
            check(!machine.plan.before_switch || job.hook_ok, "switches without before_switch");
            check(!job.cancelled_in_time, "switches although it was cancelled before");
            check(machine.plan.switch_after, "switches without being asked to");
            check(lock_ == job.id, "switches without the lock");
            later(job, Kind::switched, true);
            pending_.back().commit = true;
            return;
        }
        case Effect::follow_drain:
            later(job, Kind::drained, chance(900), !stopping_);
            if (stopping_) pending_.back().due = now_;
            return;
        case Effect::run_after:
            check(job.committed && epoch_ == job.committed_epoch,
                  "after_switch runs for a switch that is not in force");
            check(history_[job.id].stage == DeployStage::after_switch,
                  "runs a hook before the history knows");
            hooks_run_.insert(job.id);
            return start_process(job, DeployStage::after_switch);
        case Effect::report_ip:
            check(job.committed, "reports the IP without a switch");
            return later(job, Kind::ip_reported, true);
        case Effect::cancel_remote:
            return cancel_remote(job);
        case Effect::stop_watching:
            job.watching = false;
            return;
        case Effect::tell_too_late:
            check(job.cancel_asked && job.committed, "says too late without a reason");
            return;
        case Effect::release_lock:
            if (lock_ == job.id) lock_ = 0;
            return;
        case Effect::finished:
            return finished(job);
    }
}

void DeploymentWorld::start_process(Job& job, DeployStage stage) {
    processes_.push_back({job.id, stage, true});
    const Kind kind = stage == DeployStage::run ? Kind::command_ended : Kind::hook_ended;
    later(job, kind, chance(850), true);
    if (stage == DeployStage::run) {
        healthy_[index_of(job.machine.slot)] = chance(800);
        job.seen_healthy = false;
    }
}

/// The end of a command, or of a hook, as it really is.
void DeploymentWorld::end_process(Pending& pending) {
    if (pending.event.kind != Kind::command_ended && pending.event.kind != Kind::hook_ended) return;
    Job* job = find(pending.deploy);
    if (job == nullptr) return;
    if (!pending.event.may_still_run) {
        for (Process& process : processes_) {
            if (process.deploy == job->id) process.alive = false;
        }
    }
    if (pending.event.kind == Kind::command_ended) {
        job->command_ok = pending.event.ok;
        job->command_ended = now_;
    } else {
        job->hook_ok = pending.event.ok;
    }
}

void DeploymentWorld::cancel_remote(Job& job) {
    // Whatever would have come is replaced by the end of the cancellation.
    const auto is_its = [&](const Pending& pending) {
        return pending.deploy == job.id &&
               (pending.event.kind == Kind::connected || pending.event.kind == Kind::hook_ended ||
                pending.event.kind == Kind::command_ended);
    };
    std::erase_if(pending_, is_its);
    if (chance(100)) return;  // Not even that comes back.
    Process* process = process_of(job);
    Kind kind = Kind::connected;
    if (process != nullptr) {
        kind = process->stage == DeployStage::run ? Kind::command_ended : Kind::hook_ended;
    }
    later(job, kind, process != nullptr && chance(100));
    pending_.back().event.may_still_run = process != nullptr && chance(300);
}

void DeploymentWorld::write(Job& job) {
    const Deployment& machine = job.machine;
    Write write;
    write.deploy = job.id;
    write.entry.outcome = std::string(to_string(machine.status));
    write.entry.stage = machine.stage();
    write.entry.slot = machine.slot;
    write.entry.may_still_run = machine.may_still_run;
    write.entry.hook = machine.plan.switch_after && machine.plan.after_switch;
    for (const auto& stage : machine.stages) {
        if (stage.stage != DeployStage::after_switch) continue;
        write.entry.hook_outcome = stage.outcome;
        write.entry.hook_message = stage.message;
    }
    write.holds_changed = true;
    write.holds = machine.slot_touched ? Release{job.id, machine.release_complete} : job.before;
    check(++job.writes <= 2 * kDeployStages, "writes its state again and again");
    const bool ok = !chance(20);
    later(job, Kind::recorded, ok);
    pending_.back().write = std::move(write);
    if (!ok) job.write_failed = true;
}

void DeploymentWorld::apply(const Write& write) {
    history_[write.deploy] = write.entry;
    // After its commit a deploy is not the only one who changes the service.
    if (write.holds_changed && holds_[index_of(write.entry.slot)].deploy <= write.deploy) {
        holds_[index_of(write.entry.slot)] = write.holds;
    }
}

/// The switch, with its own gate, as the controller carries it out.
void DeploymentWorld::commit(Pending& pending) {
    Job* job = find(pending.deploy);
    if (job == nullptr) return;
    const Deployment& machine = job->machine;
    const bool healthy = healthy_[index_of(machine.slot)];
    if (!healthy || epoch_ != machine.epoch || live_ == machine.slot || chance(30)) {
        pending.event.ok = false;
        pending.event.message = "The switch was refused.";
        return;
    }
    live_ = machine.slot;
    ++epoch_;
    job->committed = true;
    job->committed_epoch = epoch_;
    pending.event.epoch = epoch_;
    committed_by_[job->id] = epoch_;
    if (lock_ == job->id) lock_ = 0;
}

void DeploymentWorld::finished(Job& job) {
    const Deployment& machine = job.machine;
    const std::uint64_t id = job.id;
    const Status status = machine.status;
    check(machine.over(), "finished, but not over");
    check(status != Status::running, "finished, but running");
    check(lock_ != id, "finished with the lock");
    check(machine.committed == job.committed, "wrong about whether it switched");
    check((status == Status::switched) == job.committed, "the outcome hides a switch");
    check(status != Status::deployed || !machine.plan.switch_after, "a switch was left out");
    const bool good = status == Status::deployed || status == Status::switched;
    check(!good || (job.command_ok && job.seen_healthy), "good without a healthy release");
    check(!good || machine.release_complete, "good with half a release");
    check(status != Status::cancelled || job.cancel_asked, "cancelled by nobody");
    check(status != Status::interrupted || job.stop_asked, "interrupted by nothing");
    check(!job.cancelled_in_time || !job.committed, "cancelled, and switched all the same");
    check(!alive(id) || machine.may_still_run, "something still runs, and nobody says so");
    check(good || !machine.message.empty(), "no reason is given");
    check(machine.slot_touched == job.command_started,
          "wrong about whether the command was started");
    for (const auto& stage : machine.stages) {
        check(stage.outcome != Deployment::Stage::Outcome::running && stage.ended >= stage.begun,
              "a stage without an end");
    }
    if (machine.recorded && machine.history_written) {
        check(history_[id].outcome == to_string(status), "the history has another outcome");
        const Release expected =
            job.command_started ? Release{id, machine.release_complete} : job.before;
        check(job.committed || holds_[index_of(machine.slot)] == expected,
              "wrong about what the slot holds");
    }
    check(machine.history_written || job.write_failed, "the history is given up for nothing");
    ++seen_["ended " + std::string(to_string(status)) + " in " +
            std::string(to_string(machine.stage()))];
    note("  ended " + std::string(to_string(status)) + ": " + machine.message);
    std::erase_if(jobs_, [&](const Job& other) { return other.id == id; });
    // Some of what is still on its way to it comes late: to nobody.
}

}  // namespace switchyard::control::testing
