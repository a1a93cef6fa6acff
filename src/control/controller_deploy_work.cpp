// What a deploy waits for: hosts, targets, its switch. Each of these coroutines belongs to the
// controller, and tells its outcome to the machine by an event.
#include "base/log.hpp"
#include "control/change_parts.hpp"
#include "control/deploy_view.hpp"
#include "control/fresh_health.hpp"
#include "control/target_view.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <boost/json/parse.hpp>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace switchyard::control {

namespace asio = boost::asio;
namespace json = boost::json;

using Event = DeployEvent::Kind;

namespace {

/// What hosts came to, as one event.
DeployEvent event_of(Event kind, const std::vector<RemoteOutcome>& outcomes) {
    DeployEvent event{.kind = kind};
    std::string cancelled;
    for (const RemoteOutcome& outcome : outcomes) {
        if (outcome.may_still_run) event.may_still_run = true;
        if (outcome.ok()) continue;
        event.ok = false;
        std::string text = outcome.message.empty() ? "it failed" : outcome.message;
        if (!text.starts_with(outcome.host + ": ")) text = outcome.host + ": " + text;
        // Those that were ended because another one failed are no reason.
        std::string& place =
            outcome.kind == RemoteOutcome::Kind::cancelled ? cancelled : event.message;
        place += (place.empty() ? "" : "; ") + text;
    }
    if (event.message.empty()) event.message = std::move(cancelled);
    return event;
}

/// The slot's requests have this Host, as its health checks do.
std::string host_of(const config::Service& service) {
    if (!service.health_check.host.empty()) return service.health_check.host;
    for (const std::string& host : service.hosts) {
        if (host.find('*') == std::string::npos) return host;
    }
    return {};
}

}  // namespace

std::vector<std::pair<std::string, std::string>> Controller::deploy_environment(
    const DeployJob& job) const {
    std::map<std::string, std::string> variables = job.deploy().env;
    for (const auto& [name, value] : job.request.env)
        variables[name] = value;
    variables["SWITCHYARD_SERVICE"] = job.request.service;
    variables["SWITCHYARD_SLOT"] = to_string(job.slot());
    variables["SWITCHYARD_VERSION"] = job.request.version;
    variables["SWITCHYARD_EPOCH"] = std::to_string(job.machine.epoch);
    variables["SWITCHYARD_PREVIOUS_VERSION"] = job.previous_version;
    return {variables.begin(), variables.end()};
}

asio::awaitable<void> Controller::await_slot(Deploying job, std::uint64_t watch) {
    const auto of_slot = [&] {
        return std::find_if(drains_.begin(), drains_.end(), [&](const auto& drain) {
            return drain->service == job->request.service && drain->slot == job->slot();
        });
    };
    const auto keeps = [&] {
        return std::any_of(kept_.begin(), kept_.end(), [&](const auto& kept) {
            return kept->service == job->request.service && kept->slot == job->slot();
        });
    };
    while (job->watch == watch) {
        // What the command will restart can't keep them.
        let_tunnels_go(job->request.service, job->slot());
        if (keeps()) {
            co_await drain_ended_.wait_for(tuning_.deploy.look_every);
            continue;
        }
        const auto drain = of_slot();
        if (drain == drains_.end()) {
            job->push({.kind = Event::slot_free});
            co_return;
        }
        json::object line;
        line["event"] = "waiting";
        line["service"] = job->request.service;
        line["slot"] = to_string(job->slot());
        line["in_flight"] = (*drain)->drain.in_flight();
        line["tunnels"] = (*drain)->drain.tunnels();
        line["deadline"] = rfc3339((*drain)->deadline);
        job->feed.progress(std::move(line));
        co_await drain_ended_.wait_for(tuning_.deploy.tell_every);
    }
}

asio::awaitable<void> Controller::connect_hosts(Deploying job) {
    DeployEvent event{.kind = Event::connected};
    try {
        const auto on_output = [weak = std::weak_ptr(job)](const RemoteOutput& output) {
            if (const auto alive = weak.lock()) alive->feed.output(output);
        };
        const auto remote = ports_.remote->open(
            job->service->slots[index_of(job->slot())]->deploy_to, job->ssh, on_output);
        job->remote = remote;
        if (job->remote_cancelled) remote->cancel();
        const std::vector<RemoteOutcome> outcomes = co_await remote->connect();
        event = event_of(Event::connected, outcomes);
    } catch (const std::exception& error) {
        event.ok = false;
        event.message = error.what();
    }
    job->push(std::move(event));
}

asio::awaitable<void> Controller::run_deploy_command(Deploying job) {
    DeployEvent event{.kind = Event::command_ended};
    try {
        const auto remote = job->remote;
        RemoteCommand command;
        command.command = job->deploy().command;
        command.environment = deploy_environment(*job);
        command.timeout = job->deploy().timeout;
        command.one_by_one = job->deploy().one_by_one;
        const std::vector<RemoteOutcome> outcomes = co_await remote->run(std::move(command));
        event = event_of(Event::command_ended, outcomes);
    } catch (const std::exception& error) {
        event.ok = false;
        event.may_still_run = true;
        event.message = error.what();
    }
    job->remote.reset();
    job->push(std::move(event));
}

asio::awaitable<void> Controller::run_hook(Deploying job, config::Hook hook) {
    DeployEvent event{.kind = Event::hook_ended};
    bool asked = false;
    try {
        const auto on_output = [weak = std::weak_ptr(job)](const RemoteOutput& output) {
            if (const auto alive = weak.lock()) alive->feed.output(output);
        };
        // Its own connection: the one of the command may have been idle for long.
        std::shared_ptr<RemoteJob> remote;
        if (hook.where == config::Hook::Where::local) {
            remote = ports_.remote->open_local(on_output);
        } else {
            remote = ports_.remote->open(job->service->slots[index_of(job->slot())]->deploy_to,
                                         job->ssh, on_output);
        }
        job->remote = remote;
        if (job->remote_cancelled) remote->cancel();
        const std::vector<RemoteOutcome> connected = co_await remote->connect();
        event = event_of(Event::hook_ended, connected);
        if (event.ok) {
            RemoteCommand command;
            command.command = hook.command;
            command.environment = deploy_environment(*job);
            command.timeout = hook.timeout;
            asked = true;
            const std::vector<RemoteOutcome> outcomes = co_await remote->run(std::move(command));
            event = event_of(Event::hook_ended, outcomes);
        }
    } catch (const std::exception& error) {
        event.ok = false;
        event.may_still_run = asked;
        event.message = error.what();
    }
    job->remote.reset();
    job->push(std::move(event));
}

asio::awaitable<void> Controller::watch_health(Deploying job, std::uint64_t watch) {
    FreshHealth fresh(job->machine.command_ended, job->service->health_check.healthy_after);
    std::string told;
    Steady::time_point tell_at{};
    while (job->watch == watch) {
        const State state = routing_.find(job->request.service);
        const route::SlotState* slot = state ? state->slot(job->slot()) : nullptr;
        DeployEvent event{.kind = Event::health};
        event.ok = slot != nullptr && !slot->targets.empty();
        json::array targets;
        if (slot != nullptr) {
            for (const auto& target : slot->targets) {
                const TargetReport report = ports_.monitor.report(*target);
                json::object view = refused_target_json(*target, report, Wall::now());
                const bool good = fresh.see(target->id(), report);
                if (!good) {
                    event.ok = false;
                    std::string reason(view.at("reason").as_string());
                    if (reason.empty()) reason = "not checked often enough since the command ended";
                    event.message += fmt::format("{}{}: {}", event.message.empty() ? "" : "; ",
                                                 target->address(), reason);
                }
                view["good"] = good;
                targets.push_back(std::move(view));
            }
        }
        if (event.ok) event.checks_since = fresh.oldest();
        if (!event.message.empty()) event.message += ".";
        if (event.message != told && Steady::now() >= tell_at) {
            told = event.message;
            tell_at = Steady::now() + tuning_.deploy.tell_every;
            json::object line;
            line["event"] = "health";
            line["service"] = job->request.service;
            line["slot"] = to_string(job->slot());
            line["healthy"] = event.ok;
            line["message"] = event.message;
            line["targets"] = std::move(targets);
            job->feed.progress(std::move(line));
        }
        job->push(std::move(event));
        co_await health_changed_.wait_for(tuning_.deploy.look_every);
    }
}

asio::awaitable<void> Controller::warm_slot(Deploying job, std::uint64_t watch) {
    DeployEvent event{.kind = Event::warmed_up};
    if (job->watch != watch) co_return;
    try {
        const State state = routing_.find(job->request.service);
        const route::SlotState* slot = state ? state->slot(job->slot()) : nullptr;
        std::vector<std::shared_ptr<route::Target>> targets;
        if (slot != nullptr) targets = slot->targets;
        job->warm = std::make_shared<WarmUp>(executor_, std::move(targets), host_of(*job->service),
                                             job->deploy().warm_up);
        const auto warm = job->warm;
        co_await warm->run();
        event.ok = warm->answered();
        event.message = warm->summary();
        job->warm_up = warm->to_json();
    } catch (const std::exception& error) {
        event.message = error.what();
    }
    job->warm.reset();
    job->push(std::move(event));
}

/// The switch, on the same way as everybody's, under the lock that the deploy holds already.
asio::awaitable<void> Controller::switch_deployed(Deploying job,
                                                  std::shared_ptr<ChangeTicket> ticket) {
    ChangeRequest request;
    request.caller = job->request.caller;
    request.service = job->request.service;
    request.to = job->slot();
    request.if_epoch = job->machine.epoch;
    request.drain_timeout = job->request.drain_timeout;
    request.deploy_id = job->history_id;
    request.hold = job->request.hold;
    request.hold_max = job->request.hold_max;
    Assessment assessment = assess(request, true);
    if (assessment.refusals.empty()) {
        ChangeGuard guard = std::move(*job->guard);
        co_await carry_out(std::move(request), std::move(assessment), std::move(guard), ticket);
    } else {
        Refusal first = assessment.refusals.front();
        co_await refuse(std::move(request), std::move(assessment), std::move(first), ticket);
    }
}

asio::awaitable<void> Controller::follow_switch(Deploying job,
                                                std::shared_ptr<ChangeTicket> ticket) {
    co_await ticket->decided();
    DeployEvent event{.kind = Event::switched};
    if (ticket->error) {
        const json::object& details = ticket->error->details;
        const json::value* committed = details.if_contains("committed");
        event.message = ticket->error->message;
        if (committed == nullptr) {
            event.ok = false;
            job->push(std::move(event));
            co_return;
        }
        // It is in force, but a worker did not confirm it; its drain goes on without the ticket.
        event.epoch = details.at("epoch").to_number<std::uint64_t>();
        const std::uint64_t epoch = event.epoch;
        job->push(std::move(event));
        const auto draining = [&] {
            return std::any_of(drains_.begin(), drains_.end(), [&](const auto& drain) {
                return drain->service == job->request.service && drain->epoch == epoch;
            });
        };
        // The change begins its drain before anybody waits again.
        while (draining())
            co_await drain_ended_.wait_for(tuning_.deploy.tell_every);
        json::object unknown;
        unknown["completed"] = 0;
        unknown["cut"] = 0;
        unknown["remaining"] = ticket->error->details.at("workers").as_array().size();
        unknown["cancelled"] = false;
        job->drained = unknown;
        job->push(drained_event(job->drained));
        co_return;
    }
    while (true) {
        while (ticket->lines.empty() && !ticket->lines.closed()) {
            co_await ticket->lines.wait_for(std::chrono::hours(1));
        }
        const Line line = ticket->lines.take();
        if (!line) break;
        json::object object = json::parse(*line).as_object();
        const std::string kind(object.at("event").as_string());
        if (kind == "draining") {
            job->feed.progress(std::move(object));
            continue;
        }
        job->feed.say(object);
        if (kind == "committed") {
            event.epoch = object.at("epoch").to_number<std::uint64_t>();
            job->committed = std::move(object);
            job->push(event);
        } else if (kind == "drained") {
            job->drained = std::move(object);
            job->push(drained_event(job->drained));
        }
    }
}

}  // namespace switchyard::control
