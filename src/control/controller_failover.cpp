// Failover: the idle slot serves while the live one is down, if the configuration says so. It
// changes nothing of what is live.
#include "base/log.hpp"
#include "control/change_parts.hpp"
#include "control/peer.hpp"
#include "control/target_view.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <boost/json/serialize.hpp>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace switchyard::control {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

/// Requests that ever came to the slot, previews apart.
std::uint64_t requests_of(const route::SlotState& slot) {
    std::uint64_t sum = slot.metrics->sum(&observe::SlotCell::in_flight);
    for (const observe::SlotCell& cell : slot.metrics->cells()) {
        for (const observe::Counter& count : cell.by_outcome)
            sum += count.get();
    }
    return sum;
}

std::uint64_t errors_of(const route::SlotState& slot) {
    return slot.metrics->sum(&observe::SlotCell::errors);
}

std::uint64_t since(std::uint64_t now, std::uint64_t before) {
    return now > before ? now - before : 0;
}

}  // namespace

asio::awaitable<void> Controller::watch_failovers() {
    while (!stopping_) {
        std::vector<std::string> names;
        auto next = Steady::now() + tuning_.tick;
        for (const auto& [name, entry] : entries_)
            names.push_back(name);
        for (const std::string& name : names) {
            std::string failure;
            try {
                co_await look_at_failover(name);
            } catch (const std::exception& error) {
                failure = error.what();
            }
            if (!failure.empty()) {
                spdlog::error("change_failed error={}", log_value(failure));
                continue;
            }
            const State state = routing_.find(name);
            const auto up_since = entries_.at(name).failing_over.up_since();
            if (!state || !up_since) continue;
            next = std::min(next, *up_since + state->config->failover.return_after);
        }
        if (stopping_) break;
        co_await health_changed_.wait_until(
            std::max(next, Steady::now() + std::chrono::milliseconds(1)));
    }
    for (auto& [name, entry] : entries_) {
        if (entry.failover) co_await end_failover(entry.failover, "interrupted");
    }
}

std::string Controller::bars_failover(const route::ServiceState& state) const {
    const ServiceEntry& entry = entries_.at(state.name());
    if (stopping_ || ending_) return "the daemon ends";
    if (const auto change = change_under_way(state.name())) {
        return change->action + " is under way";
    }
    if (entry.maintenance) return "the service is in maintenance";
    if (entry.hold) return "the service is held";
    const auto& release = entry.record.releases[index_of(other(state.live))];
    if (release && !release->complete) return "the release on the idle slot is not complete";
    return {};
}

asio::awaitable<void> Controller::look_at_failover(std::string service) {
    ServiceEntry& entry = entries_.at(service);
    const State state = routing_.find(service);
    if (const FailingOver job = entry.failover; job && job->in_force) {
        // Something else made an end of it, in its own publication.
        std::string outcome;
        if (!state) {
            outcome = "removed";
        } else if (state->live == job->to) {
            outcome = "switched";
        } else if (!state->failover) {
            outcome = "reloaded";
        }
        if (!outcome.empty()) {
            co_await end_failover(job, std::move(outcome));
            co_return;
        }
    }
    if (!state || !state->config->failover.idle || state->slot(other(state->live)) == nullptr) {
        entry.failover_barred.clear();
        co_return;
    }
    const Survey live = survey(state->live_slot(), true);
    const Survey idle = survey(*state->slot(other(state->live)), true);
    Failover::Sight sight;
    sight.live_up = live.healthy != 0;
    sight.live_down = live.healthy == 0 && live.unknown == 0;
    sight.idle_up = idle.healthy != 0;
    const std::string bar = bars_failover(*state);
    sight.barred = !bar.empty();
    std::string obstacle;
    // Nothing to tell of in the log: at a start it is known a moment later.
    const bool passing = bar.empty() && !sight.idle_up && idle.unknown != 0;
    if (sight.live_down && !entry.failover) {
        obstacle = bar;
        if (bar.empty() && !sight.idle_up) {
            obstacle = passing ? "the health of the idle slot is not known yet"
                               : "no target of the idle slot is healthy";
        }
    }
    if (!obstacle.empty() && !passing && obstacle != entry.failover_barred) {
        spdlog::warn("failover_barred service={} reason={}", log_value(service),
                     log_value(obstacle));
    }
    entry.failover_barred = std::move(obstacle);
    // What a reload is about to publish is made already.
    if (reload_) co_return;
    const auto step =
        entry.failing_over.advance(sight, state->config->failover.return_after, Steady::now());
    if (step == Failover::Step::begin) {
        co_await begin_failover(state);
    } else if (step == Failover::Step::end && entry.failover) {
        co_await end_failover(entry.failover, "returned");
    }
}

asio::awaitable<void> Controller::begin_failover(State state) {
    ServiceEntry& entry = entries_.at(state->name());
    auto job = std::make_shared<FailoverJob>();
    job->service = state->name();
    job->live = state->live;
    job->to = other(state->live);
    job->epoch = state->epoch;
    job->since = Wall::now();
    job->begun = Steady::now();
    job->requests_before = requests_of(*state->slot(job->to));
    job->errors_before = errors_of(*state->slot(job->to));
    for (const auto& target : state->live_slot().targets) {
        job->reason += (job->reason.empty() ? "" : "; ") + target->address() + ": " +
                       target_reason(ports_.monitor.report(*target));
    }
    entry.failover = job;  // From here on no deploy begins.
    std::function<State(const route::ServiceState&)> make =
        [this, job](const route::ServiceState& now) -> State {
        if (now.live != job->live || now.epoch != job->epoch || now.failover ||
            !bars_failover(now).empty()) {
            return nullptr;
        }
        const state::ServiceRecord& record = entries_.at(job->service).record;
        return record.epoch == now.epoch ? make_state(now.config, record, true) : nullptr;
    };
    const auto published = co_await routing_.replace_by(job->service, std::move(make));
    if (!published) {
        entry.failover.reset();
        entry.failing_over.reset();
        co_return;
    }
    job->in_force = true;
    watch_canary(job->service);
    cancel_drains(job->service, job->to);  // Its requests are what is served now.
    ++entry.failovers;
    spdlog::error("failover_begun service={} live={} serving={} epoch={} reason={}",
                  log_value(job->service), to_string(job->live), to_string(job->to), job->epoch,
                  log_value(job->reason));
    json::object event;
    event["event"] = "failover_begun";
    event["at"] = rfc3339(published->at);
    event["service"] = job->service;
    event["live"] = to_string(job->live);
    event["serving"] = to_string(job->to);
    event["epoch"] = job->epoch;
    event["reason"] = job->reason;
    events_.publish(std::move(event));

    // It is in force already: a full disk must not keep a service down.
    state::HistoryEntry line;
    const Caller self = daemon_caller("switchyardd");
    line.at = job->since;
    line.service = job->service;
    line.action = "failover";
    line.uid = self.uid;
    line.user = self.user;
    line.from = job->live;
    line.to = job->to;
    line.epoch = job->epoch;
    line.outcome = "serving";
    line.detail = job->reason;
    const auto written = co_await store_.append(line);
    if (written) {
        job->history_id = *written;
    } else {
        spdlog::error("history_not_written id=0 error={}", log_value(written.error().message));
    }
}

/// "returned", "interrupted": the live slot serves again from here on. Else it is over already.
asio::awaitable<void> Controller::end_failover(FailingOver job, std::string outcome) {
    if (job->ending) co_return;
    job->ending = true;
    const Wall::time_point at = Wall::now();
    const Steady::time_point ended = Steady::now();
    State state = routing_.find(job->service);
    std::uint64_t requests = 0;
    std::uint64_t errors = 0;
    if (const auto metrics = catalog_.metrics(job->service, job->to)) {
        route::SlotState slot;
        slot.metrics = metrics;
        requests = since(requests_of(slot), job->requests_before);
        errors = since(errors_of(slot), job->errors_before);
    }
    if (outcome == "returned") {
        std::function<State(const route::ServiceState&)> make =
            [this, job](const route::ServiceState& now) -> State {
            if (!now.failover || now.live != job->live || reload_) return nullptr;
            const state::ServiceRecord& record = entries_.at(job->service).record;
            return record.epoch == now.epoch ? make_state(now.config, record) : nullptr;
        };
        (void)co_await routing_.replace_by(job->service, std::move(make));
        state = routing_.find(job->service);
        if (state) watch_canary(job->service);
        // A reload came in between: its state is that of a failover still.
        if (state && state->failover && state->live == job->live) {
            job->ending = false;
            Failover& machine = entries_.at(job->service).failing_over;
            machine.reset();
            (void)machine.advance({false, true, true, false}, {}, Steady::now());
            co_return;
        }
    }
    ServiceEntry& entry = entries_.at(job->service);
    entry.failover.reset();
    entry.failing_over.reset();
    entry.failover_requests += requests;
    entry.failover_seconds += std::chrono::duration<double>(ended - job->begun).count();
    const std::int64_t elapsed = milliseconds_between(job->begun, ended);
    spdlog::warn(
        "failover_ended service={} outcome={} live={} served_by={} requests={} errors={} "
        "elapsed_ms={}",
        log_value(job->service), outcome, to_string(state ? state->live : job->live),
        to_string(job->to), requests, errors, elapsed);
    json::object event;
    event["event"] = "failover_ended";
    event["at"] = rfc3339(at);
    event["service"] = job->service;
    event["outcome"] = outcome;
    event["live"] = to_string(state ? state->live : job->live);
    event["served_by"] = to_string(job->to);
    event["requests"] = requests;
    event["errors"] = errors;
    event["elapsed_ms"] = elapsed;
    json::object receipt = event;
    receipt.stable_erase("event");
    receipt["since"] = rfc3339(job->since);
    event["history_id"] = job->history_id;
    events_.publish(std::move(event));

    // What came to the idle slot is let finish there, as after a switch.
    if (state && !stopping_ && state->serving() != job->to) {
        auto ledgers = undrained(job->service, job->to);
        if (!ledgers.empty()) {
            const auto drain =
                begin_drain(job->service, job->to, state->epoch, state->config->drain_timeout,
                            *state->config, std::move(ledgers));
            tasks_.spawn("drain", run_drain(drain));
        }
    }
    if (job->history_id == 0) co_return;
    LastRecord last;
    last.id = job->history_id;
    last.service = job->service;
    last.action = "failover";
    last.outcome = std::move(outcome);
    last.detail = job->reason;
    last.receipt = json::serialize(receipt);
    (void)co_await records_.write(std::move(last));
}

json::value Controller::failover_json(const std::string& service) const {
    const ServiceEntry& entry = entries_.at(service);
    const State state = routing_.find(service);
    if (!entry.failover || !entry.failover->in_force || !state) return nullptr;
    const FailoverJob& job = *entry.failover;
    const route::SlotState* slot = state->slot(job.to);
    if (slot == nullptr) return nullptr;
    json::object object;
    object["serving"] = to_string(job.to);
    object["since"] = rfc3339(job.since);
    object["reason"] = job.reason;
    object["requests"] = since(requests_of(*slot), job.requests_before);
    object["errors"] = since(errors_of(*slot), job.errors_before);
    object["returns_at"] = nullptr;
    if (const auto up_since = entry.failing_over.up_since()) {
        const auto left = *up_since + state->config->failover.return_after - Steady::now();
        object["returns_at"] =
            rfc3339(Wall::now() + std::chrono::duration_cast<Wall::duration>(left));
    }
    return object;
}

}  // namespace switchyard::control
