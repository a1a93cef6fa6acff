// Reload: all of a changed configuration or nothing, in the order of every change.
#include "base/log.hpp"
#include "control/change_parts.hpp"
#include "control/reload_plan.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace switchyard::control {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

json::object problem_json(const config::Problem& problem) {
    json::object object;
    object["file"] = problem.file;
    object["line"] = problem.line;
    object["column"] = problem.column;
    object["message"] = problem.message;
    return object;
}

json::array strings_json(const std::vector<std::string>& texts) {
    json::array array;
    for (const std::string& text : texts)
        array.emplace_back(text);
    return array;
}

/// What a service that the former configuration did not have begins with. A host that moves to it
/// from one that goes may change the slot that answers it: the name is what the live slot is kept
/// by.
std::string first_live_text(const route::ServiceState& added, bool known,
                            const Routing::Services& former, const config::Config& config) {
    const std::string& name = added.name();
    std::string out =
        fmt::format("service {} begins with {} live ({})", name, to_string(added.live),
                    known ? "as when it was configured last" : "its initial_live");
    for (const auto& gone : former) {
        const bool stays = std::any_of(
            config.services.begin(), config.services.end(),
            [&](const config::Service& service) { return service.name == gone->name(); });
        if (stays || gone->live == added.live) continue;
        for (const std::string& host : added.config->hosts) {
            const std::vector<std::string>& hosts = gone->config->hosts;
            if (std::find(hosts.begin(), hosts.end(), host) == hosts.end()) continue;
            return out + fmt::format(
                             "; host {} was answered by {} of {}, which is removed. If it is "
                             "to be {} again: switchyard switch {} {}",
                             host, to_string(gone->live), gone->name(), to_string(gone->live), name,
                             to_string(gone->live));
        }
    }
    return out;
}

/// How long a reload waits for the addresses of new host names.
constexpr std::chrono::seconds kLookupPatience{3};

/// Gives back what was prepared unless it was applied.
class Prepared {
  public:
    explicit Prepared(ReloadTarget& target) : target_(&target) {}
    Prepared(const Prepared&) = delete;
    Prepared& operator=(const Prepared&) = delete;
    ~Prepared() { discard(); }
    void discard() {
        if (target_ != nullptr) std::exchange(target_, nullptr)->discard();
    }
    [[nodiscard]] asio::awaitable<void> apply() { return std::exchange(target_, nullptr)->apply(); }

  private:
    ReloadTarget* target_;
};

}  // namespace

std::shared_ptr<ChangeTicket> Controller::reload(Caller caller) {
    auto ticket = std::make_shared<ChangeTicket>(executor_);
    tasks_.spawn("reload", run_reload(std::move(caller), ticket));
    return ticket;
}

asio::awaitable<void> Controller::run_reload(Caller caller, std::shared_ptr<ChangeTicket> ticket) {
    std::string failure;
    try {
        co_await make_reload(std::move(caller), ticket);
    } catch (const std::exception& error) {
        failure = error.what();
    }
    if (failure.empty()) co_return;
    spdlog::error("reload_failed error={}", log_value(failure));
    last_reload_ok_ = false;
    if (!ticket->is_decided()) ticket->refuse(internal_error(failure));
}

asio::awaitable<void> Controller::make_reload(Caller caller, std::shared_ptr<ChangeTicket> ticket) {
    if (stopping_ || ending_) {
        ticket->refuse(control::stopping());
        co_return;
    }
    for (const auto& state : routing_.current()->services) {
        if (const auto change = change_under_way(state->name())) {
            co_await refuse_reload(std::move(caller), busy(state->name(), *change),
                                   std::move(ticket));
            co_return;
        }
    }
    if (reload_) {
        co_await refuse_reload(std::move(caller), busy("", *reload_), std::move(ticket));
        co_return;
    }
    ChangeGuard guard(reload_, caller, "reload", std::nullopt);
    const std::string file = config_->file;

    config::LoadResult loaded = co_await store_.load(tuning_.load, file);
    json::array problems;
    for (const config::Problem& problem : loaded.problems) {
        problems.push_back(problem_json(problem));
    }
    std::size_t problems_of_restart = 0;
    std::map<std::string, state::ServiceRecord> records;
    std::map<std::string, state::ServiceRecord> changed;
    if (problems.empty()) {
        for (const std::string& text : restart_needed(*config_, loaded.config)) {
            problems.push_back(problem_json({file, 0, 0, text}));
        }
        problems_of_restart = problems.size();
        for (const config::Service& service : loaded.config.services) {
            auto record = first_record(service, loaded.config);
            if (!record) {
                problems.push_back(problem_json({file, 0, 0, record.error().message}));
                continue;
            }
            if (const auto why = canary_in_the_way(service, *record)) {
                problems.push_back(problem_json(
                    {file, 0, 0,
                     fmt::format("service {0}: a canary sends {1} of its clients to slot {2}, but "
                                 "{3}. End it first: switchyard canary {0} off",
                                 service.name, percent_text(record->canary->share),
                                 to_string(record->canary->slot), *why)}));
                continue;
            }
            const State state = routing_.find(service.name);
            const bool same = state && *state->config == service;
            // A service that was configured once before goes on after its last epoch.
            if (!same) {
                if (entries_.contains(service.name)) ++record->epoch;
                changed.emplace(service.name, *record);
            }
            records.emplace(service.name, *record);
        }
    }
    if (!problems.empty()) {
        guard.release();
        Refusal refusal = invalid_config(file, std::move(problems));
        if (problems_of_restart == refusal.details.at("problems").as_array().size()) {
            refusal.hint = "Restart the daemon to put it in force, or put back what was there.";
        }
        co_await refuse_reload(std::move(caller), std::move(refusal), std::move(ticket));
        co_return;
    }

    const auto config = std::make_shared<const config::Config>(std::move(loaded.config));
    const Result<void> ready = ports_.reload.prepare(config);
    if (!ready) {
        problems.push_back(problem_json({file, 0, 0, ready.error().message}));
        guard.release();
        co_await refuse_reload(std::move(caller), invalid_config(file, std::move(problems)),
                               std::move(ticket));
        co_return;
    }
    Prepared prepared(ports_.reload);

    // A target that becomes visible has to be one that can be connected to: addresses are filled in
    // and names looked up before anybody is routed there.
    const std::shared_ptr<const route::Snapshot> former = routing_.current();
    Routing::Services services;
    for (const config::Service& service : config->services) {
        const auto change = changed.find(service.name);
        if (change == changed.end()) {
            services.push_back(routing_.find(service.name));
            continue;
        }
        const Colour live = change->second.live;
        const auto known = entries_.find(service.name);
        // A failover goes on where it still may. None begins or ends while this goes on.
        const bool failover = known != entries_.end() && known->second.failover &&
                              known->second.failover->live == live && service.failover.idle &&
                              service.slots[index_of(other(live))];
        services.push_back(
            make_state(std::make_shared<const config::Service>(service), change->second, failover));
    }
    Routing::Services watched = services;
    watched.insert(watched.end(), former->services.begin(), former->services.end());
    watch_targets(watched);
    co_await ports_.monitor.resolved(kLookupPatience);
    for (const auto& state : services) {
        if (!changed.contains(state->name())) continue;
        const std::string why = nowhere_to_go(*state);
        if (!why.empty()) problems.push_back(problem_json({file, 0, 0, why}));
    }
    if (!problems.empty()) {
        prepared.discard();
        watch_targets(former->services);
        guard.release();
        co_await refuse_reload(std::move(caller), invalid_config(file, std::move(problems)),
                               std::move(ticket));
        co_return;
    }

    const std::vector<std::string> changes = describe_changes(*config_, *config);
    std::vector<std::string> warnings = reload_warnings(*config);
    for (const auto& state : services) {
        const State before = routing_.find(state->name());
        if (!before) {
            const std::string begins = first_live_text(*state, entries_.contains(state->name()),
                                                       former->services, *config);
            spdlog::info("service_added service={} live={} note={}", log_value(state->name()),
                         to_string(state->live), log_value(begins));
            warnings.push_back(begins);
        }
        if (state->canary && state->canary->runs() && before && before != state &&
            !(before->config->canary == state->config->canary)) {
            warnings.push_back(fmt::format(
                "the canary of {} runs, and its clients may change sides: how they are told from "
                "each other has changed",
                state->name()));
        }
        for (const std::string& target : unresolved(*state)) {
            warnings.push_back(fmt::format("{} of {} has no address yet", target, state->name()));
        }
    }
    // A service that goes takes its canary with it.
    for (const auto& state : former->services) {
        const state::ServiceRecord& record = entries_.at(state->name()).record;
        if (records.contains(state->name()) || !record.canary) continue;
        state::ServiceRecord ended = record;
        ended.canary.reset();
        changed.emplace(state->name(), std::move(ended));
    }
    state::HistoryEntry line;
    line.at = Wall::now();
    line.action = "reload";
    line.uid = caller.uid;
    line.user = caller.user;
    line.outcome = "done";
    for (const std::string& change : changes) {
        line.detail += (line.detail.empty() ? "" : "; ") + change;
    }
    Result<std::int64_t> written = Error("not written");
    if (changed.empty()) {
        written = co_await store_.append(line);
    } else {
        written = co_await store_.commit_all(changed, line);
    }
    if (!written) {
        Refusal failed = state_failed(config_->state, written.error());
        prepared.discard();
        watch_targets(former->services);
        guard.release();
        co_await refuse_reload(std::move(caller), std::move(failed), std::move(ticket));
        co_return;
    }

    for (const auto& [name, record] : changed)
        entries_[name].record = record;
    const Routing::Published published = co_await routing_.replace_all(config, std::move(services));
    for (const auto& [name, record] : changed)
        watch_canary(name);
    co_await prepared.apply();
    catalog_.keep_only(*config);
    config_ = config;
    config_loaded_at_ = published.at;
    last_reload_ok_ = true;
    watch_targets(routing_.current()->services);
    guard.release();

    if (ports_.reserved_ip != nullptr) ports_.reserved_ip->configure(*config_);
    follow_all();
    end_holds(HoldEnd::removed, [this](const std::string& name) { return !routing_.find(name); });
    for (const auto& state : former->services) {
        if (records.contains(state->name())) continue;
        // No status would show what were kept of it.
        config::Service gone = *state->config;
        if (gone.drain_tunnels == config::TunnelDrain::keep) {
            gone.drain_tunnels = config::TunnelDrain::close;
        }
        for (const Colour colour : kColours) {
            let_tunnels_go(state->name(), colour);
            auto ledgers = undrained(state->name(), colour);
            if (ledgers.empty()) continue;
            const auto job = begin_drain(state->name(), colour, state->epoch + 1,
                                         state->config->drain_timeout, gone, std::move(ledgers));
            tasks_.spawn("drain", run_drain(job));
        }
    }
    for (const std::size_t worker : published.result.stuck_workers) {
        warnings.push_back(fmt::format(
            "worker {} did not confirm in time: it may still route by the old configuration",
            worker));
    }

    spdlog::info("reloaded file={} uid={} user={} changes={}", log_value(file), caller.uid,
                 log_value(caller.user), changes.size());
    json::object answer;
    answer["reloaded"] = true;
    answer["at"] = rfc3339(published.at);
    answer["config_file"] = file;
    answer["changes"] = strings_json(changes);
    answer["warnings"] = strings_json(warnings);
    answer["history_id"] = *written;
    ticket->answer(std::move(answer));
    json::object event;
    event["event"] = "reloaded";
    event["at"] = rfc3339(published.at);
    event["uid"] = caller.uid;
    event["user"] = caller.user;
    event["changes"] = strings_json(changes);
    events_.publish(std::move(event));
}

asio::awaitable<void> Controller::refuse_reload(Caller caller, Refusal refusal,
                                                std::shared_ptr<ChangeTicket> ticket) {
    // Nobody looked at the file.
    if (refusal.code != "busy" && refusal.code != "stopping") last_reload_ok_ = false;
    spdlog::error("reload_refused code={} uid={} user={} message={}", refusal.code, caller.uid,
                  log_value(caller.user), log_value(refusal.message));
    state::HistoryEntry line;
    line.at = Wall::now();
    line.action = "reload";
    line.uid = caller.uid;
    line.user = caller.user;
    line.outcome = "refused";
    line.detail = refusal.message;
    json::object event;
    event["event"] = "reload_failed";
    event["at"] = rfc3339(line.at);
    event["uid"] = caller.uid;
    event["user"] = caller.user;
    event["message"] = refusal.message;
    ticket->refuse(std::move(refusal));
    events_.publish(std::move(event));
    const auto written = co_await store_.append(line);
    if (!written) {
        spdlog::error("history_not_written error={}", log_value(written.error().message));
    }
}

}  // namespace switchyard::control
