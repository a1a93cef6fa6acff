// Switch and rollback: checked, durable, visible, acknowledged; then the drain.
#include "base/log.hpp"
#include "control/change_parts.hpp"
#include "control/deploy_view.hpp"

#include <exception>
#include <utility>

#include <boost/json/serialize.hpp>
#include <spdlog/spdlog.h>

namespace switchyard::control {

namespace asio = boost::asio;
namespace json = boost::json;

std::shared_ptr<ChangeTicket> Controller::change(ChangeRequest request) {
    auto ticket = std::make_shared<ChangeTicket>(executor_);
    std::string name = request.action();
    tasks_.spawn(std::move(name), answered(make_change(std::move(request), ticket), ticket));
    return ticket;
}

asio::awaitable<void> Controller::answered(asio::awaitable<void> work,
                                           std::shared_ptr<ChangeTicket> ticket) {
    std::string failure;
    try {
        co_await std::move(work);
    } catch (const std::exception& error) {
        failure = error.what();
    }
    if (failure.empty()) co_return;
    spdlog::error("change_failed error={}", log_value(failure));
    if (!ticket->is_decided()) ticket->refuse(internal_error(failure));
    ticket->lines.close();
}

json::array Controller::service_names() const {
    json::array names;
    for (const auto& state : routing_.current()->services)
        names.emplace_back(state->name());
    return names;
}

Controller::Assessment Controller::assess(const ChangeRequest& request, bool ours) const {
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
    const auto change = change_under_way(request.service);
    if (change && !ours) {
        found.refusals.push_back(busy(request.service, *change));
    }
    if (request.if_epoch && *request.if_epoch != state.epoch) {
        found.refusals.push_back(
            epoch_mismatch(state.name(), *request.if_epoch, state.epoch, state.live));
    }
    if (request.promote) {
        if (!record.canary) {
            found.refusals.push_back(no_canary(state.name(), state.live, state.epoch));
            return found;
        }
        found.to = record.canary->slot;
    } else if (request.rollback) {
        found.to = record.previous;
        if (!found.to || *found.to == state.live) {
            found.to.reset();
            found.refusals.push_back(nothing_to_roll_back(state.name(), state.live, state.epoch));
            return found;
        }
    } else {
        found.to = request.to.value_or(other(state.live));
    }
    if (state.slot(*found.to) == nullptr) {
        found.refusals.push_back(no_such_slot(state.name(), *found.to));
    } else if (*found.to == state.live) {
        found.refusals.push_back(
            already_live(state.name(), state.live, state.epoch, record.live_since));
    } else if (!request.rollback && !request.force && !request.deploy) {
        // An emergency takes what there is; otherwise half a release needs somebody who says so.
        const std::optional<state::Release>& release = record.releases[index_of(*found.to)];
        if (release && !release->complete) {
            found.refusals.push_back(unfinished_release(state.name(), *found.to, release->version));
        }
    }
    // Who takes the live release back does not mean to give that of the canary to everybody.
    if (record.canary && (request.deploy || (request.rollback && !request.force))) {
        found.refusals.push_back(canary_running(state.name(), record.canary->slot,
                                                percent_text(record.canary->share),
                                                request.action()));
    }
    if (request.hold) {
        const std::shared_ptr<HoldJob>& hold = entries_.at(request.service).hold;
        auto refusal = speaks_against_hold(state, request.hold_max);
        if (!refusal && hold) refusal = already_held(state.name(), hold->since);
        if (refusal) found.refusals.push_back(std::move(*refusal));
    }
    return found;
}

asio::awaitable<void> Controller::make_change(ChangeRequest request,
                                              std::shared_ptr<ChangeTicket> ticket) {
    Assessment assessment = assess(request);
    const bool known = assessment.state != nullptr;
    if (request.plan && known) {
        co_await make_plan(std::move(request), std::move(assessment), std::move(ticket));
        co_return;
    }
    if (!assessment.refusals.empty()) {
        Refusal first = assessment.refusals.front();
        co_await refuse(std::move(request), std::move(assessment), std::move(first),
                        std::move(ticket));
        co_return;
    }

    // From here to the commit this service is ours.
    ChangeGuard guard(entries_.at(request.service).change, request.caller, request.action(),
                      assessment.to);
    co_await carry_out(std::move(request), std::move(assessment), std::move(guard),
                       std::move(ticket));
}

asio::awaitable<void> Controller::carry_out(ChangeRequest request, Assessment assessment,
                                            ChangeGuard guard,
                                            std::shared_ptr<ChangeTicket> ticket) {
    const Steady::time_point begun = Steady::now();
    ServiceEntry& entry = entries_.at(request.service);
    const State former = assessment.state;
    const Colour from = former->live;
    const Colour to = *assessment.to;

    bool forced = false;
    if (request.force) {
        forced = survey(*former->slot(to), request.rollback).verdict != Survey::Verdict::go;
    } else {
        std::optional<Refusal> unhealthy = co_await check_health(former, to, request.rollback);
        if (unhealthy) {
            guard.release();
            co_await refuse(std::move(request), std::move(assessment), std::move(*unhealthy),
                            std::move(ticket));
            co_return;
        }
    }

    // C15: from here on nobody new reaches the old slot; at the end, however it comes, they go on.
    HoldOfChange held;
    if (request.hold) {
        HoldRequest wish{request.caller, request.service, request.hold_max, false};
        auto hold_begun = co_await begin_hold(std::move(wish), to);
        if (auto* failed = std::get_if<Refusal>(&hold_begun)) {
            Refusal refusal = std::move(*failed);
            guard.release();
            co_await refuse(std::move(request), std::move(assessment), std::move(refusal),
                            std::move(ticket));
            co_return;
        }
        held.job = std::get<Holding>(std::move(hold_begun));
    }

    // Durable. A drain of the slot that comes back must not cut anything while this is written.
    hold_drains(request.service, to, true);
    state::ServiceRecord record;
    record.live = to;
    record.epoch = former->epoch + 1;
    record.live_since = Wall::now();
    record.previous = from;
    record.releases = entry.record.releases;
    state::HistoryEntry line;
    line.at = record.live_since;
    line.service = request.service;
    line.action = request.action();
    line.uid = request.caller.uid;
    line.user = request.caller.user;
    line.from = from;
    line.to = to;
    line.epoch = record.epoch;
    line.outcome = "committed";
    const auto& release = record.releases[index_of(to)];
    if (release) line.version = release->version;
    json::object receipt;
    receipt["epoch"] = record.epoch;
    receipt["forced"] = forced;
    // It ends with the same commit, and in the same snapshot.
    const std::optional<state::Canary> canary = entry.record.canary;
    if (canary) receipt["canary_ended"] = percent_text(canary->share);
    if (request.deploy_id != 0) receipt["deploy_id"] = request.deploy_id;
    line.receipt = json::serialize(receipt);
    const Result<std::int64_t> written = co_await store_.commit(request.service, record, line);
    if (!written) {
        held.finish(HoldEnd::failed);
        hold_drains(request.service, to, false);
        guard.release();
        Refusal failed = state_failed(config_->state, written.error());
        co_await refuse(std::move(request), std::move(assessment), std::move(failed),
                        std::move(ticket));
        co_return;
    }

    Commit commit;
    commit.begun = begun;
    commit.durable = Steady::now();
    entry.record = record;
    cancel_drains(request.service, to);  // C13: its requests are live traffic again

    // Visible, then acknowledged.
    const State next = make_state(former->config, record);
    commit.published = co_await routing_.replace(next);
    guard.release();
    watch_canary(request.service);
    held.finish(commit.published.result.stuck_workers.empty() ? HoldEnd::switched
                                                              : HoldEnd::failed);
    if (ports_.reserved_ip != nullptr) {
        ports_.reserved_ip->follow(request.service, to, record.epoch);
    }

    const auto timeout = request.drain_timeout.value_or(former->config->drain_timeout);
    const auto job = begin_drain(request.service, from, record.epoch, timeout, *former->config,
                                 undrained(request.service, from));
    commit.request = &request;
    commit.former = former.get();
    commit.next = next.get();
    commit.releases = record.releases;
    commit.in_flight_on_old = job->drain.in_flight_at_begin();
    commit.tunnels_on_old = job->drain.tunnels_at_begin();
    commit.forced = forced;
    commit.drain_timeout = timeout;
    commit.history_id = *written;
    json::object committed = committed_json(commit);
    committed["canary_ended"] = nullptr;
    if (canary) committed["canary_ended"] = percent_text(canary->share);
    ++entry.switches;
    entry.last_switch_seconds =
        std::chrono::duration<double>(commit.published.acknowledged - begun).count();
    spdlog::info(
        "switch_committed service={} action={} from={} to={} epoch={} uid={} user={} forced={} "
        "durable_us={} acknowledged_us={} in_flight_on_old={} tunnels_on_old={}",
        log_value(request.service), request.action(), to_string(from), to_string(to), record.epoch,
        request.caller.uid, log_value(request.caller.user), forced,
        microseconds_between(begun, commit.durable),
        microseconds_between(commit.published.visible, commit.published.acknowledged),
        commit.in_flight_on_old, commit.tunnels_on_old);

    job->history_id = *written;
    job->action = request.action();
    job->successor = next->live_slot().ledger;
    job->receipt = committed;
    job->receipt.stable_erase("event");
    const std::vector<std::size_t> stuck = commit.published.result.stuck_workers;
    if (stuck.empty()) {
        ticket->say(line_of(committed));
        if (held.job) {
            co_await hold_over(held.job);
            job->receipt["hold"] = held.job->result;
            ticket->say(line_of(held.job->result));
        }
        if (request.wait) {
            job->ticket = ticket;
        } else {
            ticket->lines.close();
        }
    } else {
        Refusal refusal = not_acknowledged(request.service, stuck);
        refusal.details["from"] = to_string(from);
        refusal.details["to"] = to_string(to);
        refusal.details["epoch"] = record.epoch;
        job->detail = refusal.message;
        committed["stuck_workers"] = refusal.details.at("workers");
        ticket->refuse(std::move(refusal));
    }
    committed["uid"] = request.caller.uid;
    committed["user"] = request.caller.user;
    events_.publish(std::move(committed));

    co_await run_drain(job);
}

json::object Controller::committed_json(const Commit& commit) const {
    const route::SlotState& from = commit.former->live_slot();
    const route::SlotState& to = commit.next->live_slot();
    json::object line;
    line["event"] = "committed";
    line["service"] = commit.next->name();
    line["action"] = commit.request->action();
    line["from"] = to_string(from.colour);
    line["to"] = to_string(to.colour);
    line["from_name"] = from.name;
    line["to_name"] = to.name;
    line["from_release"] = release_json(commit.releases[index_of(from.colour)]);
    line["to_release"] = release_json(commit.releases[index_of(to.colour)]);
    line["epoch"] = commit.next->epoch;
    line["at"] = rfc3339(commit.published.at);
    line["durable_us"] = microseconds_between(commit.begun, commit.durable);
    line["visible_us"] = microseconds_between(commit.durable, commit.published.visible);
    line["acknowledged_us"] =
        microseconds_between(commit.published.visible, commit.published.acknowledged);
    line["total_us"] = microseconds_between(commit.begun, Steady::now());
    line["in_flight_on_old"] = commit.in_flight_on_old;
    line["tunnels_on_old"] = commit.tunnels_on_old;
    line["tunnels_policy"] = config::to_string(commit.former->config->drain_tunnels);
    line["forced"] = commit.forced;
    line["drain_timeout_ms"] = commit.drain_timeout.count();
    line["history_id"] = commit.history_id;
    if (commit.request->deploy_id != 0) line["deploy_id"] = commit.request->deploy_id;
    const Holding& hold = entries_.at(commit.next->name()).hold;
    if (hold && !hold->by_switch) line["held"] = hold->room->requests();
    line["reserved_ip"] = reserved_ip(commit.next->name());
    return line;
}

}  // namespace switchyard::control
