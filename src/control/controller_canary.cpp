// Canaries: begun, changed and ended in the order of every change. Each is a new epoch: routing
// changes, so the books are kept apart, and --if-epoch speaks of it.
#include "base/log.hpp"
#include "control/canary_view.hpp"
#include "control/change_parts.hpp"
#include "control/deploy_view.hpp"
#include "control/target_view.hpp"
#include "route/canary_decision.hpp"

#include <exception>
#include <functional>
#include <utility>

#include <boost/json/serialize.hpp>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace switchyard::control {

namespace asio = boost::asio;
namespace json = boost::json;

std::string percent_text(std::uint32_t share) {
    std::string text = std::to_string(share / 100);
    if (const std::uint32_t rest = share % 100; rest != 0) {
        text += fmt::format(".{:02}", rest);
        if (text.back() == '0') text.pop_back();
    }
    return text + "%";
}

std::string CanaryRequest::action() const {
    return share == 0 ? "canary off" : "canary " + percent_text(share);
}

/// The state that belongs to a record, with a new comparison if a canary runs.
Controller::State Controller::make_state(const std::shared_ptr<const config::Service>& service,
                                         const state::ServiceRecord& record, bool failover) {
    route::CanaryRun run;
    if (record.canary && service->canary) {
        run.share = record.canary->share;
        run.run = record.canary->run;
        run.secret = record.canary->secret;
        run.counts = std::make_shared<observe::CanaryCounts>(workers());
    }
    return catalog_.make_state(service, record.epoch, record.live, run.share == 0 ? nullptr : &run,
                               failover);
}

/// Why the canary of the record can't go on with this configuration; none: it can, or there is
/// none.
std::optional<std::string> Controller::canary_in_the_way(const config::Service& service,
                                                         const state::ServiceRecord& record) const {
    if (!record.canary) return std::nullopt;
    if (!service.canary) return "the section canary is not there any more";
    if (!service.slots[index_of(record.canary->slot)]) {
        return fmt::format("slot {} is not there any more", to_string(record.canary->slot));
    }
    return std::nullopt;
}

/// After every publication of the service: what is watched of its canary follows.
void Controller::watch_canary(const std::string& service) {
    ServiceEntry& entry = entries_.at(service);
    const State state = routing_.find(service);
    if (!state || !state->canary || !state->canary->runs()) {
        entry.canary.reset();
        return;
    }
    const Wall::time_point now = Wall::now();
    if (!entry.canary) {
        entry.canary.emplace();
        entry.canary->health_since = now;
    }
    CanaryWatch& watch = *entry.canary;
    if (watch.counts == state->canary->counts) return;
    watch.counts = state->canary->counts;
    watch.compared_since = now;
    watch.judge.begin_anew();
}

/// Whether they are healthy, and whether their sides differ.
void Controller::look_at_canaries() {
    for (const auto& state : routing_.current()->services) {
        ServiceEntry& entry = entries_.at(state->name());
        if (!entry.canary || !state->canary || !state->canary->runs()) continue;
        CanaryWatch& watch = *entry.canary;
        // A change is being published: the next look is at the new sides.
        if (watch.counts != state->canary->counts) continue;
        const route::SlotState& slot = *state->slot(other(state->live));
        const bool healthy = route::may_serve(slot, steady_now_ns(), {});
        if (healthy != watch.healthy) {
            watch.healthy = healthy;
            watch.health_since = Wall::now();
            spdlog::log(healthy ? spdlog::level::info : spdlog::level::warn,
                        "canary_health service={} slot={} healthy={}", log_value(state->name()),
                        to_string(slot.colour), healthy);
            events_.publish(canary_health_json(*state, healthy));
        }
        const std::uint32_t share = state->canary->share;
        if (!watch.judge.look(watch.counts->tally(), share)) continue;
        json::object event = canary_verdict_event_json(*state, watch);
        spdlog::warn("canary_differs service={} slot={} text={}", log_value(state->name()),
                     to_string(slot.colour), log_value(std::string(event.at("text").as_string())));
        events_.publish(std::move(event));
    }
}

std::shared_ptr<ChangeTicket> Controller::canary(CanaryRequest request) {
    auto ticket = std::make_shared<ChangeTicket>(executor_);
    tasks_.spawn("canary", run_canary(std::move(request), ticket));
    return ticket;
}

asio::awaitable<void> Controller::run_canary(CanaryRequest request,
                                             std::shared_ptr<ChangeTicket> ticket) {
    std::string failure;
    try {
        co_await make_canary(std::move(request), ticket);
    } catch (const std::exception& error) {
        failure = error.what();
    }
    if (failure.empty()) co_return;
    spdlog::error("change_failed error={}", log_value(failure));
    if (!ticket->is_decided()) ticket->refuse(internal_error(failure));
    ticket->lines.close();
}

Controller::Assessment Controller::assess_canary(const CanaryRequest& request) const {
    Assessment found;
    if (stopping_) {
        found.refusals.push_back(control::stopping());
        return found;
    }
    found.state = routing_.find(request.service);
    if (!found.state) {
        found.refusals.push_back(unknown_service(request.service, service_names()));
        return found;
    }
    const route::ServiceState& state = *found.state;
    const state::ServiceRecord& record = entries_.at(request.service).record;
    found.to = other(state.live);
    if (const auto change = change_under_way(request.service)) {
        found.refusals.push_back(busy(request.service, *change));
    }
    if (request.if_epoch && *request.if_epoch != state.epoch) {
        found.refusals.push_back(
            epoch_mismatch(state.name(), *request.if_epoch, state.epoch, state.live));
    }
    if (!state.config->canary) {
        found.refusals.push_back(no_canary_section(state.name()));
    } else if (!found.slot_exists()) {
        found.refusals.push_back(no_such_slot(state.name(), *found.to));
    } else if (request.share == 0 && !record.canary) {
        found.refusals.push_back(no_canary(state.name(), state.live, state.epoch));
    } else if (record.canary && record.canary->share == request.share) {
        found.refusals.push_back(
            canary_unchanged(state.name(), *found.to, percent_text(request.share)));
    } else if (const auto& release = record.releases[index_of(*found.to)];
               !record.canary && !request.force && release && !release->complete) {
        found.refusals.push_back(unfinished_release(state.name(), *found.to, release->version));
    }
    return found;
}

asio::awaitable<void> Controller::refuse_canary(CanaryRequest request, Assessment assessment,
                                                Refusal refusal,
                                                std::shared_ptr<ChangeTicket> ticket) {
    ChangeRequest change;
    change.caller = request.caller;
    change.service = request.service;
    change.canary = request.action();
    co_await refuse(std::move(change), std::move(assessment), std::move(refusal),
                    std::move(ticket));
}

asio::awaitable<void> Controller::plan_canary(CanaryRequest request, Assessment assessment,
                                              std::shared_ptr<ChangeTicket> ticket) {
    const State state = assessment.state;
    const auto& canary = entries_.at(request.service).record.canary;
    const bool more = request.share > (canary ? canary->share : 0);
    bool forced = false;
    if (assessment.slot_exists() && more) {
        auto unhealthy = co_await check_health(state, *assessment.to, false);
        if (unhealthy && request.force && unhealthy->code == "unhealthy_target") {
            forced = true;
        } else if (unhealthy) {
            assessment.refusals.push_back(std::move(*unhealthy));
        }
    }
    json::object plan =
        canary_plan_json(*state, entries_.at(request.service).record, request.share);
    plan["allowed"] = assessment.refusals.empty();
    plan["forced"] = forced;
    json::array refusals;
    for (const Refusal& refusal : assessment.refusals) {
        json::object object;
        object["code"] = refusal.code;
        object["message"] = refusal.message;
        object["hint"] = refusal.hint;
        refusals.push_back(std::move(object));
    }
    plan["refusals"] = std::move(refusals);
    ticket->answer(std::move(plan));
}

asio::awaitable<void> Controller::make_canary(CanaryRequest request,
                                              std::shared_ptr<ChangeTicket> ticket) {
    const Steady::time_point begun = Steady::now();
    Assessment assessment = assess_canary(request);
    const bool known = assessment.state != nullptr;
    if (request.plan && known) {
        co_await plan_canary(std::move(request), std::move(assessment), std::move(ticket));
        co_return;
    }
    if (!assessment.refusals.empty()) {
        Refusal first = assessment.refusals.front();
        co_await refuse_canary(std::move(request), std::move(assessment), std::move(first),
                               std::move(ticket));
        co_return;
    }

    // From here to the commit this service is ours.
    ServiceEntry& entry = entries_.at(request.service);
    const State former = assessment.state;
    const Colour slot = *assessment.to;
    const std::uint32_t before = entry.record.canary ? entry.record.canary->share : 0;
    ChangeGuard guard(entry.change, request.caller, request.action(), slot);

    // Fewer clients may go to a slot whatever its health: that is the way out.
    bool forced = false;
    if (request.share > before && request.force) {
        forced = survey(*former->slot(slot), false).verdict != Survey::Verdict::go;
    } else if (request.share > before) {
        std::optional<Refusal> unhealthy = co_await check_health(former, slot, false);
        if (unhealthy) {
            unhealthy->hint =
                "Wait until it is healthy, or send clients there anyway with --force.";
            guard.release();
            co_await refuse_canary(std::move(request), std::move(assessment), std::move(*unhealthy),
                                   std::move(ticket));
            co_return;
        }
    }

    // Durable.
    const Wall::time_point now = Wall::now();
    state::ServiceRecord record = entry.record;
    record.epoch = former->epoch + 1;
    if (request.share == 0) {
        record.canary.reset();
    } else {
        if (!record.canary) {
            record.canary.emplace();
            record.canary->slot = slot;
            record.canary->run = record.epoch;
            record.canary->since = now;
            record.canary->secret = route::random_hex(32);
        }
        record.canary->share = request.share;
        record.canary->share_since = now;
        record.canary->uid = request.caller.uid;
        record.canary->user = request.caller.user;
    }
    state::HistoryEntry line;
    line.at = now;
    line.service = request.service;
    line.action = request.action();
    line.uid = request.caller.uid;
    line.user = request.caller.user;
    line.from = request.share == 0 ? slot : former->live;
    line.to = request.share == 0 ? former->live : slot;
    line.epoch = record.epoch;
    // Its end drains the slot, which completes the line.
    line.outcome = request.share == 0 ? "committed" : "done";
    if (before != 0) line.detail = "before: " + percent_text(before);
    const auto& release = record.releases[index_of(slot)];
    if (release) line.version = release->version;
    json::object receipt;
    receipt["percent"] = request.share / 100.0;
    receipt["former_percent"] = before / 100.0;
    receipt["forced"] = forced;
    line.receipt = json::serialize(receipt);
    const Result<std::int64_t> written = co_await store_.commit(request.service, record, line);
    if (!written) {
        guard.release();
        Refusal failed = state_failed(config_->state, written.error());
        co_await refuse_canary(std::move(request), std::move(assessment), std::move(failed),
                               std::move(ticket));
        co_return;
    }
    entry.record = record;

    // Visible, then acknowledged.
    const Steady::time_point durable = Steady::now();
    // A failover may begin or end meanwhile.
    std::function<State(const route::ServiceState&)> make =
        [this, &former, &record](const route::ServiceState& current) -> State {
        return make_state(former->config, record, current.failover);
    };
    const auto replaced = co_await routing_.replace_by(request.service, std::move(make));
    const Routing::Published published = replaced.value();
    const State next = routing_.find(request.service);
    guard.release();
    watch_canary(request.service);
    if (ports_.reserved_ip != nullptr) {
        ports_.reserved_ip->follow(request.service, record.live, record.epoch);
    }
    std::shared_ptr<DrainJob> job;
    if (request.share == 0) {
        const auto timeout = request.drain_timeout.value_or(former->config->drain_timeout);
        job = begin_drain(request.service, slot, record.epoch, timeout, *former->config,
                          undrained(request.service, slot));
        job->history_id = *written;
        job->action = request.action();
        // Its requests are what is served now, as at the begin of a failover, whose end drains it.
        if (next->serving() == slot) {
            job->drain.cancel();
            if (job->drain.in_flight_at_begin() + job->drain.tunnels_at_begin() != 0) {
                job->detail = fmt::format("not drained: it serves in place of {} (failover)",
                                          to_string(next->live));
            }
        }
    }
    json::object said = canary_changed_json(*next, slot, request.share, before);
    said["at"] = rfc3339(published.at);
    said["release"] = release_json(release);
    said["forced"] = forced;
    said["healthy"] = route::may_serve(*next->slot(slot), steady_now_ns(), {});
    said["durable_us"] = microseconds_between(begun, durable);
    said["acknowledged_us"] = microseconds_between(published.visible, published.acknowledged);
    said["in_flight"] = job ? job->drain.in_flight_at_begin() : 0;
    said["tunnels"] = job ? job->drain.tunnels_at_begin() : 0;
    said["history_id"] = *written;
    spdlog::info(
        "canary_changed service={} slot={} share={} before={} epoch={} uid={} user={} forced={}",
        log_value(request.service), to_string(slot), percent_text(request.share),
        percent_text(before), record.epoch, request.caller.uid, log_value(request.caller.user),
        forced);
    if (job) {
        job->receipt = said;
        job->receipt.stable_erase("event");
    }
    const std::vector<std::size_t>& stuck = published.result.stuck_workers;
    if (!stuck.empty()) {
        Refusal refusal = not_acknowledged(request.service, stuck);
        refusal.details["epoch"] = record.epoch;
        if (job) job->detail = refusal.message;
        ticket->refuse(std::move(refusal));
    } else if (job) {
        ticket->say(line_of(said));
        if (request.wait) {
            job->ticket = ticket;
        } else {
            ticket->lines.close();
        }
    } else {
        json::object answer = said;
        answer.stable_erase("event");
        ticket->answer(std::move(answer));
    }
    said["uid"] = request.caller.uid;
    said["user"] = request.caller.user;
    events_.publish(std::move(said));
    if (job) co_await run_drain(job);
}

}  // namespace switchyard::control
