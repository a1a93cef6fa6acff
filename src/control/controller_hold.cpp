// Hold and release (C15): a gate in the snapshot, and the task that looks after it.
#include "base/log.hpp"
#include "control/change_parts.hpp"
#include "control/hold_view.hpp"
#include "control/peer.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/serialize.hpp>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace switchyard::control {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

using namespace std::chrono_literals;

/// How often it is looked whether the last one has gone on, and for how long at most.
constexpr std::chrono::milliseconds kSettlePoll = 2ms;
constexpr std::chrono::milliseconds kSettleLimit = 10s;
/// How often it is looked whether something from before the hold is still in flight.
constexpr std::chrono::milliseconds kIdlePoll = 5ms;

/// Under a name that nobody has to be asked for.
Caller itself() {
    return daemon_caller("switchyardd");
}

std::uint64_t steady_ns(Steady::time_point time) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

}  // namespace

asio::awaitable<void> Controller::pause(std::chrono::milliseconds time) {
    asio::steady_timer timer(executor_, time);
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

std::shared_ptr<const route::Gate> Controller::gate_of(const route::ServiceState& state) const {
    const auto found = entries_.find(state.name());
    if (found == entries_.end()) return nullptr;
    const ServiceEntry& entry = found->second;
    const bool held = entry.hold && entry.hold->visible;
    if (!held && !entry.maintenance) return nullptr;
    auto gate = std::make_shared<route::Gate>();
    gate->config = state.config;
    gate->room = state.room;
    if (entry.maintenance) {
        close_gate(*gate, *entry.maintenance);
    } else {
        gate->mode = route::Gate::Mode::hold;
        gate->hold = entry.hold->number;
        gate->deadline_ns = steady_ns(entry.hold->deadline);
    }
    return gate;
}

std::optional<Refusal> Controller::speaks_against_hold(
    const route::ServiceState& state, const std::optional<std::chrono::milliseconds>& max) const {
    const ServiceEntry& entry = entries_.at(state.name());
    if (entry.maintenance) return in_maintenance(state.name(), entry.maintenance->since);
    if (max && *max > state.config->hold.max) {
        return hold_too_long(state.name(), *max, state.config->hold.max);
    }
    return std::nullopt;
}

std::uint64_t Controller::in_flight_of(const std::string& service) const {
    std::uint64_t sum = 0;
    for (const Colour colour : kColours) {
        const Books books = routing_.books(service, colour);
        if (books.in_flight > books.tunnels) sum += books.in_flight - books.tunnels;
    }
    return sum;
}

std::uint64_t Controller::tunnels_of(const std::string& service) const {
    std::uint64_t sum = 0;
    for (const Colour colour : kColours)
        sum += routing_.books(service, colour).tunnels;
    return sum;
}

std::shared_ptr<ChangeTicket> Controller::hold(HoldRequest request) {
    auto ticket = std::make_shared<ChangeTicket>(executor_);
    tasks_.spawn("hold", answered(make_hold(std::move(request), ticket), ticket));
    return ticket;
}

asio::awaitable<void> Controller::make_hold(HoldRequest request,
                                            std::shared_ptr<ChangeTicket> ticket) {
    if (stopping_ || ending_) {
        ticket->refuse(control::stopping());
        co_return;
    }
    State state = routing_.find(request.service);
    if (!state) {
        ticket->refuse(unknown_service(request.service, service_names()));
        co_return;
    }
    // One that is just ending is not this one, and one that is just beginning holds nobody yet.
    std::shared_ptr<HoldJob> present = entries_.at(request.service).hold;
    while (present && (present->end || !present->in_force)) {
        co_await present->changed.wait();
        present = entries_.at(request.service).hold;
    }
    state = routing_.find(request.service);
    if (!state || ending_) {
        ticket->refuse(state ? control::stopping()
                             : unknown_service(request.service, service_names()));
        co_return;
    }
    std::optional<Refusal> refusal = speaks_against_hold(*state, request.max);
    if (!refusal && present && present->by_switch) {
        refusal = busy(request.service,
                       {present->caller, "switch --hold", present->since, present->switch_to});
    }
    if (refusal) {
        ticket->refuse(*refusal);
        co_await refused_hold(request, *refusal, *state);
        co_return;
    }
    std::shared_ptr<HoldJob> job = present;
    Steady::time_point asked = Steady::now();
    if (job) {
        co_await extend_hold(job, request);
    } else {
        auto begun = co_await begin_hold(request, std::nullopt);
        if (auto* failed = std::get_if<Refusal>(&begun)) {
            ticket->refuse(*failed);
            co_await refused_hold(request, *failed, *state);
            co_return;
        }
        job = std::get<std::shared_ptr<HoldJob>>(std::move(begun));
    }
    const Steady::time_point patience = Steady::now() + request.idle_wait;
    while (!job->end && Steady::now() < patience && in_flight_of(request.service) != 0) {
        co_await pause(kIdlePoll);
    }
    state = routing_.find(request.service);
    json::object line =
        held_json(*job, state ? state.get() : nullptr, in_flight_of(request.service));
    line["tunnels"] = tunnels_of(request.service);
    line["extended"] = present != nullptr;
    line["uid"] = request.caller.uid;
    line["user"] = request.caller.user;
    line["total_us"] = microseconds_between(asked, Steady::now());
    ticket->say(line_of(line));
    events_.publish(std::move(line));
    if (!request.wait) {
        ticket->lines.close();
    } else if (job->over) {
        ticket->say(line_of(job->result));
        ticket->lines.close();
    } else {
        job->listeners.push_back(ticket);
    }
}

/// The same hold, with new time; who waits in it goes on waiting.
asio::awaitable<void> Controller::extend_hold(std::shared_ptr<HoldJob> job, HoldRequest request) {
    const State state = routing_.find(request.service);
    const auto max = request.max.value_or(state->config->hold.wait);
    const Steady::time_point now = Steady::now();
    job->deadline = now + max;
    job->max = std::chrono::duration_cast<std::chrono::milliseconds>(job->deadline - job->begun);
    job->wake.notify();
    spdlog::info("hold_extended service={} for_ms={} uid={} user={}", log_value(request.service),
                 max.count(), request.caller.uid, log_value(request.caller.user));
    co_await routing_.republish();
}

asio::awaitable<std::variant<std::shared_ptr<HoldJob>, Refusal>> Controller::begin_hold(
    HoldRequest request, std::optional<Colour> switch_to) {
    using Begun = std::variant<std::shared_ptr<HoldJob>, Refusal>;
    const State state = routing_.find(request.service);
    auto job = std::make_shared<HoldJob>(executor_);
    job->service = request.service;
    job->caller = request.caller;
    job->number = ++holds_;
    job->by_switch = switch_to.has_value();
    job->switch_to = switch_to;
    job->max = request.max.value_or(state->config->hold.wait);
    job->since = Wall::now();
    job->begun = Steady::now();
    job->deadline = job->begun + job->max;
    job->room = state->room;
    job->before = job->room->totals();
    entries_.at(request.service).hold = job;

    // A switch tells of it in its own entry.
    if (!job->by_switch) {
        state::HistoryEntry line;
        line.at = job->since;
        line.service = job->service;
        line.action = "hold";
        line.uid = job->caller.uid;
        line.user = job->caller.user;
        line.epoch = state->epoch;
        line.outcome = "holding";
        json::object receipt;
        receipt["max_ms"] = job->max.count();
        line.receipt = json::serialize(receipt);
        const auto written = co_await store_.append(line);
        if (!written) {
            job->finish(HoldEnd::failed, itself());
            end_of_hold(*job);
            co_return Begun(state_failed(config_->state, written.error()));
        }
        job->history_id = *written;
    }
    Routing::Published published;
    if (!job->end) {
        job->visible = true;
        published = co_await routing_.republish();
    }
    spdlog::info("hold_begun service={} for_ms={} uid={} user={}", log_value(job->service),
                 job->max.count(), job->caller.uid, log_value(job->caller.user));
    const std::vector<std::size_t> stuck = published.result.stuck_workers;
    job->in_force = true;
    job->changed.notify();
    // Half a hold is none: whoever relies on it must not go on.
    if (!stuck.empty()) job->finish(HoldEnd::failed, itself());
    tasks_.spawn("hold", look_after_hold(job));
    if (!stuck.empty()) co_return Begun(hold_not_acknowledged(job->service, stuck));
    co_return Begun(std::move(job));
}

/// Until it is to end: tells how it goes, and sees that it does not last for ever. Then lets go.
asio::awaitable<void> Controller::look_after_hold(std::shared_ptr<HoldJob> job) {
    std::string failure;
    try {
        co_await watch_hold(job);
    } catch (const std::exception& error) {
        failure = error.what();
    }
    if (!failure.empty()) {
        spdlog::error("change_failed error={}", log_value(failure));
        job->finish(HoldEnd::failed, itself());
    }
    co_await let_go(std::move(job));
}

asio::awaitable<void> Controller::watch_hold(std::shared_ptr<HoldJob> job) {
    Steady::time_point tell = Steady::now() + tuning_.hold_progress;
    while (!job->end) {
        const Steady::time_point now = Steady::now();
        if (now >= job->deadline) {
            job->finish(HoldEnd::expired, itself());
        } else if (now >= tell) {
            tell = now + tuning_.hold_progress;
            json::object line = holding_json(*job, in_flight_of(job->service));
            for (const auto& ticket : job->listeners)
                ticket->say(line_of(line));
            line["at"] = rfc3339(Wall::now());
            events_.publish(std::move(line));
        } else {
            co_await job->wake.wait_until(std::min(tell, job->deadline));
        }
    }
}

/// Opens the gate, and waits until who waited behind it has gone on.
asio::awaitable<void> Controller::let_go(std::shared_ptr<HoldJob> job) {
    const Steady::time_point ended = Steady::now();
    job->visible = false;
    const Routing::Published published = co_await routing_.republish();
    const Steady::time_point limit = Steady::now() + kSettleLimit;
    while (job->room->requests() != 0 && !stopping_ && Steady::now() < limit)
        co_await pause(kSettlePoll);
    const State state = routing_.find(job->service);
    job->result = released_json(*job, state ? state.get() : nullptr, ended);
    json::array stuck;
    for (const std::size_t worker : published.result.stuck_workers)
        stuck.emplace_back(worker);
    job->result["stuck_workers"] = std::move(stuck);
    const route::HoldRoom::Totals counts = job->room->totals() - job->before;
    spdlog::info(
        "hold_ended service={} reason={} released={} timed_out={} left={} cut={} full={} "
        "longest_us={} elapsed_ms={} uid={} user={}",
        log_value(job->service), to_string(*job->end), counts.released, counts.timed_out,
        counts.left, counts.cut, counts.full, job->room->longest_us(job->number),
        milliseconds_between(job->begun, ended), job->ended_by.uid, log_value(job->ended_by.user));
    end_of_hold(*job);
    if (job->history_id == 0) co_return;
    json::object receipt = job->result;
    receipt.stable_erase("event");
    LastRecord last;
    last.id = job->history_id;
    last.service = job->service;
    last.action = "hold";
    last.outcome = *job->end == HoldEnd::expired ? "expired" : "released";
    last.detail = hold_remark(*job);
    last.receipt = json::serialize(receipt);
    (void)co_await records_.write(std::move(last));
}

/// It is over for everybody who asks.
void Controller::end_of_hold(HoldJob& job) {
    job.over = true;
    for (const auto& ticket : job.listeners) {
        ticket->say(line_of(job.result));
        ticket->lines.close();
    }
    job.listeners.clear();
    if (!job.result.empty()) {
        json::object event = job.result;
        event["at"] = rfc3339(Wall::now());
        events_.publish(std::move(event));
    }
    auto& place = entries_.at(job.service).hold;
    if (place.get() == &job) {
        const std::shared_ptr<HoldJob> alive = std::exchange(place, nullptr);
        alive->changed.notify();
    } else {
        job.changed.notify();
    }
}

asio::awaitable<std::optional<Refusal>> Controller::release(std::string service, Caller caller,
                                                            json::object& result) {
    if (!routing_.find(service)) co_return unknown_service(service, service_names());
    const std::shared_ptr<HoldJob> job = entries_.at(service).hold;
    if (!job) co_return not_held(service);
    job->finish(HoldEnd::released, std::move(caller));
    co_await hold_over(job);
    result = job->result;
    if (result.empty()) co_return not_held(service);
    co_return std::nullopt;
}

asio::awaitable<void> Controller::hold_over(std::shared_ptr<HoldJob> job) {
    while (!job->over)
        co_await job->changed.wait();
}

void Controller::end_holds(HoldEnd how, const std::function<bool(const std::string&)>& concerns) {
    for (auto& [name, entry] : entries_) {
        if (entry.hold && concerns(name)) entry.hold->finish(how, itself());
    }
}

asio::awaitable<void> Controller::refused_hold(HoldRequest request, Refusal refusal,
                                               const route::ServiceState& state) {
    state::HistoryEntry line;
    line.at = Wall::now();
    line.service = request.service;
    line.action = "hold";
    line.uid = request.caller.uid;
    line.user = request.caller.user;
    line.epoch = state.epoch;
    line.outcome = "refused";
    line.detail = refusal.message;
    spdlog::warn("hold_refused service={} code={} uid={} user={} message={}",
                 log_value(request.service), refusal.code, request.caller.uid,
                 log_value(request.caller.user), log_value(refusal.message));
    json::object event;
    event["event"] = "refused";
    event["at"] = rfc3339(line.at);
    event["service"] = request.service;
    event["action"] = line.action;
    event["code"] = refusal.code;
    event["message"] = refusal.message;
    event["uid"] = request.caller.uid;
    event["user"] = request.caller.user;
    events_.publish(std::move(event));
    const auto written = co_await store_.append(line);
    if (!written) {
        spdlog::error("history_not_written id=0 error={}", log_value(written.error().message));
    }
}

}  // namespace switchyard::control
