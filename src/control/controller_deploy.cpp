// Deploys: drives the machine of deployment.hpp, and carries out what it asks for at once. What
// takes its time is in controller_deploy_work.cpp.
#include "base/log.hpp"
#include "control/change_parts.hpp"
#include "control/deploy_view.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace switchyard::control {

namespace asio = boost::asio;
namespace json = boost::json;

using Event = DeployEvent::Kind;

std::shared_ptr<DeployJob> Controller::deploy(DeployRequest request) {
    auto job = std::make_shared<DeployJob>(executor_, std::move(request));
    tasks_.spawn("deploy", run_deploy(job));
    return job;
}

std::shared_ptr<DeployJob> Controller::deploy_of(const std::string& service) const {
    const auto entry = entries_.find(service);
    return entry == entries_.end() ? nullptr : entry->second.deploy;
}

std::optional<Refusal> Controller::cancel_deploy(const std::string& service, Caller caller) {
    if (!routing_.find(service)) return unknown_service(service, service_names());
    const Deploying job = deploy_of(service);
    if (!job || job->over()) return no_deploy(service, job != nullptr);
    if (job->machine.committed) {
        return already_committed(service, job->slot(), job->machine.epoch);
    }
    const std::string who = caller.user.empty() ? fmt::format("uid {}", caller.uid) : caller.user;
    spdlog::info("deploy_cancel_asked service={} uid={} user={}", log_value(service), caller.uid,
                 log_value(caller.user));
    if (job->cancelled_by.empty()) job->cancelled_by = who;
    json::object line;
    line["event"] = "cancelling";
    line["service"] = service;
    line["uid"] = caller.uid;
    line["user"] = caller.user;
    job->feed.say(std::move(line));
    job->push({.kind = Event::cancel, .message = fmt::format("Cancelled by {}.", who)});
    return std::nullopt;
}

void Controller::stop_deploys() {
    for (const auto& [name, entry] : entries_) {
        if (entry.deploy && !entry.deploy->over()) entry.deploy->push({.kind = Event::stop});
    }
}

asio::awaitable<void> Controller::run_deploy(Deploying job) {
    std::string failure;
    try {
        co_await drive_deploy(job);
    } catch (const std::exception& error) {
        failure = error.what();
    }
    if (!failure.empty()) co_await abandon_deploy(job, std::move(failure));
}

/// A bug, or no memory left: nobody knows what it would have come to.
asio::awaitable<void> Controller::abandon_deploy(Deploying job, std::string failure) {
    spdlog::error("deploy_failed service={} error={}", log_value(job->request.service),
                  log_value(failure));
    if (job->remote) job->remote->cancel();
    job->watch = 0;
    job->guard.reset();
    if (job->history_id != 0 && !job->machine.over()) {
        Deployment& machine = job->machine;
        machine.status = Deployment::Status::interrupted;
        machine.may_still_run = machine.may_still_run || machine.slot_touched;
        machine.message =
            fmt::format("An internal error ended it in the stage {}: {}. {}{}",
                        to_string(machine.stage()), failure,
                        machine.committed ? fmt::format("Slot {} is live.", to_string(job->slot()))
                                          : std::string("The live slot was not touched."),
                        machine.may_still_run ? " What it ran on the hosts may still run." : "");
        machine.phase = Deployment::Phase::over;
        count_deploy(*job);
        try {
            (void)co_await records_.write(record_of(*job));
        } catch (const std::exception& error) {
            spdlog::error("history_not_written id={} error={}", job->history_id,
                          log_value(error.what()));
        }
    }
    if (!job->decided) job->refusal = internal_error(failure);
    job->decided = true;
    job->ended = true;
    job->feed.close();
    job->changed.notify();
}

RoutingFacts Controller::routing_facts(const std::string& service) const {
    RoutingFacts facts;
    const State state = routing_.find(service);
    if (!state) return facts;
    facts.live = state->live;
    facts.epoch = state->epoch;
    facts.idle_exists = state->slot(other(state->live)) != nullptr;
    return facts;
}

asio::awaitable<void> Controller::drive_deploy(Deploying job) {
    job->push({.kind = Event::begin});
    while (!job->machine.over()) {
        if (job->events.empty()) {
            const auto deadline = job->machine.deadline;
            co_await job->wake.wait_until(deadline.value_or(Steady::time_point::max()));
            const bool due = deadline && Steady::now() >= *deadline;
            if (job->events.empty() && due) job->push({.kind = Event::tick});
            continue;
        }
        DeployEvent event = std::move(job->events.front());
        job->events.pop_front();
        event.facts = routing_facts(job->request.service);
        // A copy: if this throws, what it was has to be told.
        DeployStep step = advance(job->machine, event, Steady::now());
        job->machine = std::move(step.state);
        for (const DeployEffect effect : step.effects) {
            co_await carry_out_effect(job, effect);
        }
    }
}

asio::awaitable<void> Controller::carry_out_effect(Deploying job, DeployEffect effect) {
    if (job->decided) tell_stages(*job);
    switch (effect) {
        case DeployEffect::take_lock:
            take_deploy_lock(job);
            break;
        case DeployEffect::record:
            co_await record_deploy(job);
            break;
        case DeployEffect::await_slot:
            job->watch = ++job->watches;
            tasks_.spawn("deploy_await_slot", await_slot(job, job->watch));
            break;
        case DeployEffect::connect:
            job->remote_cancelled = false;
            tasks_.spawn("deploy_connect", connect_hosts(job));
            break;
        case DeployEffect::run_command:
            tasks_.spawn("deploy_command", run_deploy_command(job));
            break;
        case DeployEffect::watch_health:
            job->watch = ++job->watches;
            tasks_.spawn("deploy_health", watch_health(job, job->watch));
            break;
        case DeployEffect::warm_up:
            job->watch = ++job->watches;
            tasks_.spawn("deploy_warm_up", warm_slot(job, job->watch));
            break;
        case DeployEffect::run_before:
            job->remote_cancelled = false;
            tasks_.spawn("deploy_before_switch", run_hook(job, *job->deploy().before_switch));
            break;
        case DeployEffect::commit_switch: {
            auto ticket = std::make_shared<ChangeTicket>(executor_);
            tasks_.spawn("deploy_switch", answered(switch_deployed(job, ticket), ticket));
            tasks_.spawn("deploy_follow", follow_switch(job, ticket));
            break;
        }
        case DeployEffect::follow_drain:
            // It may have ended while the stage was being recorded; else follow_switch tells.
            if (!job->drained.empty()) job->push(drained_event(job->drained));
            break;
        case DeployEffect::run_after:
            job->remote_cancelled = false;
            tasks_.spawn("deploy_after_switch", run_hook(job, *job->deploy().after_switch));
            break;
        case DeployEffect::report_ip:
            job->reserved_ip = reserved_ip(job->request.service);
            job->push({.kind = Event::ip_reported});
            break;
        case DeployEffect::cancel_remote:
            job->remote_cancelled = true;
            if (job->remote) job->remote->cancel();
            break;
        case DeployEffect::stop_watching:
            job->watch = 0;
            if (job->warm) job->warm->cancel();
            drain_ended_.notify();
            health_changed_.notify();
            break;
        case DeployEffect::tell_too_late: {
            json::object line =
                already_committed(job->request.service, job->slot(), job->machine.epoch).to_json();
            line["event"] = "cancel_too_late";
            job->feed.say(std::move(line));
            break;
        }
        case DeployEffect::release_lock:
            job->guard.reset();
            break;
        case DeployEffect::finished:
            co_await end_deploy(job);
            break;
    }
    if (job->decided) tell_stages(*job);
}

Controller::Assessment Controller::assess_deploy(const DeployRequest& request,
                                                 const DeployJob* own) const {
    ChangeRequest change;
    change.service = request.service;
    change.deploy = true;
    change.hold = request.hold;
    change.hold_max = request.hold_max;
    Assessment found = assess(change);
    if (!found.state) return found;
    if (ending_) found.refusals.insert(found.refusals.begin(), control::stopping());
    const std::shared_ptr<DeployJob> other_job = entries_.at(request.service).deploy;
    if (found.refusals.empty() && other_job && other_job.get() != own && !other_job->over()) {
        // Its switch is done, but not what comes after it: the slot that was live still drains.
        Refusal refusal = busy(request.service, under_way(*other_job));
        refusal.hint = fmt::format(
            "Its switch is committed, and what follows is still under way. Follow it: switchyard "
            "deploy {0} --attach. To take it back: switchyard rollback {0}",
            request.service);
        found.refusals.push_back(std::move(refusal));
    }
    const config::Service& service = *found.state->config;
    if (!service.deploy) {
        found.refusals.push_back(
            not_deployable(request.service, "the configuration has no deploy section for it"));
        return found;
    }
    if (!found.slot_exists()) return found;
    const auto& slot = service.slots[index_of(*found.to)];
    if (ports_.remote == nullptr) {
        found.refusals.push_back(not_deployable(request.service, "this daemon has no SSH"));
    } else if (!slot || slot->deploy_to.empty()) {
        found.refusals.push_back(not_deployable(
            request.service,
            fmt::format("slot {}, which is idle, has no deploy_to", to_string(*found.to))));
    }
    return found;
}

ChangeUnderWay Controller::under_way(const DeployJob& job) {
    ChangeUnderWay change{job.request.caller, "deploy", job.begun, job.slot(), job.request.version};
    const Deployment::Stage& stage = job.machine.stages.back();
    change.stage = to_string(stage.stage);
    change.stage_since =
        Wall::now() - std::chrono::duration_cast<Wall::duration>(Steady::now() - stage.begun);
    return change;
}

void Controller::take_deploy_lock(const Deploying& job) {
    Assessment assessment = assess_deploy(job->request, job.get());
    DeployEvent event{.kind = Event::locked};
    if (!assessment.refusals.empty()) {
        job->refusal = assessment.refusals.front();
        event.ok = false;
        event.message = job->refusal->message;
        job->push(std::move(event));
        return;
    }
    const route::ServiceState& state = *assessment.state;
    ServiceEntry& entry = entries_.at(job->request.service);
    job->guard.emplace(entry.change, job->request.caller, "deploy", assessment.to);
    entry.deploy = job;
    job->service = state.config;
    job->ssh = config_->ssh;
    const auto& releases = entry.record.releases;
    if (releases[index_of(state.live)]) {
        job->previous_version = releases[index_of(state.live)]->version;
    }
    job->before = releases[index_of(*assessment.to)];

    const config::Deploy& deploy = job->deploy();
    DeployPlan& plan = job->machine.plan;
    plan.switch_after = job->request.switch_after;
    plan.warm_up = !deploy.warm_up.paths.empty();
    plan.before_switch = deploy.before_switch.has_value();
    plan.after_switch = deploy.after_switch.has_value();
    plan.reserved_ip = !reserved_ip(job->request.service).is_null();
    plan.cancel_grace = tuning_.deploy.cancel_grace;
    const auto limit = [&](DeployStage stage, std::chrono::milliseconds time) {
        plan.limits[static_cast<std::size_t>(stage)] = time + tuning_.deploy.slack;
    };
    std::chrono::milliseconds longest_drain{0};
    for (const auto& drain : drains_) {
        if (drain->service != job->request.service || drain->slot != *assessment.to) continue;
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(drain->deadline - Wall::now());
        longest_drain = std::max(longest_drain, left + tuning_.drain.cut_grace);
    }
    for (const auto& kept : kept_) {
        if (kept->service != job->request.service || kept->slot != *assessment.to) continue;
        longest_drain = std::max(longest_drain, kept->drain_timeout + tuning_.drain.cut_grace);
    }
    const auto hosts =
        static_cast<std::int64_t>(job->service->slots[index_of(*assessment.to)]->deploy_to.size());
    const auto connecting = job->ssh.connect_timeout;
    limit(DeployStage::lock, longest_drain);
    limit(DeployStage::connect, connecting);
    // A connection that was lost meanwhile is made again first.
    const auto each = connecting + deploy.timeout;
    limit(DeployStage::run, deploy.one_by_one ? each * hosts : each);
    plan.limits[static_cast<std::size_t>(DeployStage::healthy)] = deploy.healthy_within;
    limit(DeployStage::warm_up, deploy.warm_up.limit);
    if (deploy.before_switch) {
        limit(DeployStage::before_switch, connecting + deploy.before_switch->timeout);
    }
    if (deploy.after_switch) {
        limit(DeployStage::after_switch, connecting + deploy.after_switch->timeout);
    }
    limit(DeployStage::drain, job->request.drain_timeout.value_or(job->service->drain_timeout) +
                                  tuning_.drain.cut_grace);
    limit(DeployStage::reserved_ip, std::chrono::milliseconds(0));
    job->push(std::move(event));
}

void Controller::tell_stages(DeployJob& job) {
    const auto& stages = job.machine.stages;
    const auto tell = [&](json::object line) {
        json::object event = line;
        event["event"] = "deploy_" + std::string(line.at("event").as_string());
        events_.publish(std::move(event));
        job.feed.say(std::move(line));
    };
    while (job.told_ended < stages.size()) {
        if (job.told <= job.told_ended) {
            tell(stage_begun_json(job, job.told));
            ++job.told;
        }
        if (stages[job.told_ended].outcome == Deployment::Stage::Outcome::running) break;
        tell(stage_ended_json(job, job.told_ended));
        ++job.told_ended;
    }
}

/// For the metrics.
void Controller::count_deploy(const DeployJob& job) {
    ServiceEntry& entry = entries_.at(job.request.service);
    entry.count_deploy(to_string(job.machine.status));
    const auto seconds = [](Steady::duration time) {
        return std::chrono::duration<double>(time).count();
    };
    entry.last_deploy_seconds = seconds(Steady::now() - job.machine.stages.front().begun);
    entry.last_deploy_stages.clear();
    for (const Deployment::Stage& stage : job.machine.stages) {
        if (stage.outcome == Deployment::Stage::Outcome::skipped) continue;
        const bool running = stage.outcome == Deployment::Stage::Outcome::running;
        entry.last_deploy_stages.emplace_back(
            to_string(stage.stage), seconds((running ? Steady::now() : stage.ended) - stage.begun));
    }
}

asio::awaitable<void> Controller::end_deploy(Deploying job) {
    if (job->history_id == 0) {
        co_await refuse_deploy(job);
        co_return;
    }
    const Deployment& machine = job->machine;
    tell_stages(*job);
    job->result = deploy_result_json(*job);
    json::object event = job->result;
    event["event"] = "deploy_ended";
    event.erase("output_tail");
    event["uid"] = job->request.caller.uid;
    event["user"] = job->request.caller.user;
    const auto level =
        machine.status == Deployment::Status::failed ? spdlog::level::warn : spdlog::level::info;
    spdlog::log(level,
                "deploy_ended service={} slot={} version={} outcome={} stage={} committed={} "
                "elapsed_ms={} message={}",
                log_value(job->request.service), to_string(job->slot()),
                log_value(job->request.version), to_string(machine.status),
                to_string(machine.stage()), machine.committed,
                job->result.at("elapsed_ms").as_int64(), log_value(machine.message));
    count_deploy(*job);
    job->remote.reset();
    job->feed.say(job->result);
    job->feed.close();
    events_.publish(std::move(event));
    job->ended = true;
    job->changed.notify();
}

asio::awaitable<void> Controller::refuse_deploy(Deploying job) {
    ChangeRequest request;
    request.caller = job->request.caller;
    request.service = job->request.service;
    request.deploy = true;
    Assessment assessment;
    assessment.state = routing_.find(request.service);
    if (assessment.state) assessment.to = other(assessment.state->live);
    Refusal refusal = job->refusal.value_or(Refusal{});
    if (!job->refusal) {
        // It ended before it had an entry: the daemon stops.
        refusal = control::stopping();
        job->refusal = refusal;
    }
    if (refusal.code == "stopping") assessment.state.reset();  // No line of the history.
    if (assessment.state) entries_.at(request.service).count_deploy("refused");
    job->feed.close();
    job->ended = true;
    if (entries_.contains(request.service) && entries_.at(request.service).deploy == job) {
        entries_.at(request.service).deploy.reset();
    }
    auto ticket = std::make_shared<ChangeTicket>(executor_);
    co_await refuse(std::move(request), std::move(assessment), std::move(refusal), ticket);
    job->decided = true;
    job->changed.notify();
}

}  // namespace switchyard::control
