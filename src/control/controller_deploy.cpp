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
    if (failure.empty()) co_return;
    // What its entry says is put right by the next start.
    spdlog::error("deploy_failed service={} error={}", log_value(job->request.service),
                  log_value(failure));
    if (job->remote) job->remote->cancel();
    job->watch = 0;
    job->guard.reset();
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
        DeployStep step = advance(std::move(job->machine), event, Steady::now());
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
            tasks_.spawn("deploy_switch", switch_deployed(job, ticket));
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
    Assessment found = assess(change);
    if (!found.state) return found;
    if (ending_) found.refusals.insert(found.refusals.begin(), control::stopping());
    const std::shared_ptr<DeployJob> other_job = entries_.at(request.service).deploy;
    if (found.refusals.empty() && other_job && other_job.get() != own && !other_job->over()) {
        // Its switch is done, but not what comes after it: the slot that was live still drains.
        Refusal refusal =
            busy(request.service, {other_job->request.caller, "deploy", other_job->begun});
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
    job->guard.emplace(entry.change, job->request.caller, "deploy");
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

/// The entry of the history, and what the slot holds, follow the machine.
asio::awaitable<void> Controller::record_deploy(Deploying job) {
    const Deployment& machine = job->machine;
    DeployEvent event{.kind = Event::recorded};
    const std::string outcome(to_string(machine.status));
    if (job->history_id == 0) {
        state::HistoryEntry line;
        line.at = job->begun;
        line.service = job->request.service;
        line.action = "deploy";
        line.uid = job->request.caller.uid;
        line.user = job->request.caller.user;
        line.to = job->slot();
        line.epoch = machine.epoch;
        line.outcome = outcome;
        line.receipt = json::serialize(deploy_receipt_json(*job));
        line.version = job->request.version;
        const auto written = co_await store_.append(line);
        if (written) {
            job->history_id = *written;
        } else {
            event.ok = false;
            event.message = written.error().message;
            job->refusal = state_failed(config_->state, written.error());
        }
        if (written) {
            job->feed.say(deploy_begun_json(*job));
            spdlog::info("deploy_begun service={} slot={} version={} uid={} user={} switch={}",
                         log_value(job->request.service), to_string(job->slot()),
                         log_value(job->request.version), job->request.caller.uid,
                         log_value(job->request.caller.user), job->request.switch_after);
            json::object told = deploy_begun_json(*job);
            told["event"] = "deploy_begun";
            events_.publish(std::move(told));
            job->decided = true;
            job->changed.notify();
        }
        job->push(std::move(event));
        co_return;
    }
    state::SlotRelease holds{job->request.service, job->slot(), job->before};
    if (machine.slot_touched) {
        if (job->deployed_at == Wall::time_point{}) job->deployed_at = Wall::now();
        holds.release =
            state::Release{job->request.version, job->deployed_at, machine.release_complete};
    }
    const auto written =
        co_await store_.progress(job->history_id, outcome, machine.message,
                                 json::serialize(deploy_receipt_json(*job)), holds);
    if (written) {
        entries_.at(job->request.service).record.releases[index_of(job->slot())] = holds.release;
    } else {
        spdlog::error("history_not_written id={} error={}", job->history_id,
                      log_value(written.error().message));
        event.ok = false;
        event.message = written.error().message;
    }
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

/// Whether the history has a switch that this deploy made: it was written with the deploy's id.
Result<bool> Controller::was_switched_by(const state::HistoryEntry& deploy) {
    constexpr std::size_t kAll = 100'000;
    const auto entries = store_.blocking().history(deploy.service, kAll);
    if (!entries) return entries.error();
    for (const state::HistoryEntry& entry : *entries) {
        if (entry.id <= deploy.id) break;  // The newest come first.
        if (entry.action != "switch" || entry.outcome == "refused") continue;
        boost::system::error_code failed;
        const json::value receipt = json::parse(entry.receipt, failed);
        if (failed || !receipt.is_object()) continue;
        const json::value* id = receipt.as_object().if_contains("deploy_id");
        if (id != nullptr && id->is_int64() && id->get_int64() == deploy.id) return true;
    }
    return false;
}

Result<void> Controller::record_interrupted() {
    auto unfinished = store_.blocking().unfinished();
    if (!unfinished) return unfinished.error();
    for (const state::HistoryEntry& entry : *unfinished) {
        std::optional<DeployStage> stage;
        boost::system::error_code failed;
        json::value receipt = json::parse(entry.receipt, failed);
        if (failed || !receipt.is_object()) receipt = json::object();
        if (const json::value* name = receipt.as_object().if_contains("stage");
            name != nullptr && name->is_string()) {
            stage = parse_deploy_stage(std::string_view(name->get_string()));
        }
        auto committed = was_switched_by(entry);
        if (!committed) return committed.error();
        const json::value* running = receipt.as_object().if_contains("may_still_run");
        const bool may_still_run = running != nullptr && running->is_bool() && running->get_bool();
        const DeployRemains remains =
            after_crash(stage, *committed, may_still_run, entry.to.value_or(Colour::blue));
        receipt.as_object()["committed"] = *committed;
        receipt.as_object()["may_still_run"] = remains.may_still_run;
        spdlog::warn("deploy_interrupted service={} id={} detail={}", log_value(entry.service),
                     entry.id, log_value(remains.detail));
        auto told = store_.blocking().finish(entry.id, remains.outcome, remains.detail,
                                             json::serialize(receipt));
        if (!told) return told;
    }
    return {};
}

}  // namespace switchyard::control
