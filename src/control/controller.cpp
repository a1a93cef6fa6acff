#include "control/controller.hpp"

#include "base/log.hpp"
#include "control/peer.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace switchyard::control {

namespace asio = boost::asio;
namespace json = boost::json;

Controller::Controller(asio::any_io_executor executor, Ports ports,
                       std::shared_ptr<const config::Config> config,
                       std::unique_ptr<state::Store> store, ControllerTuning tuning)
    : executor_(executor),
      ports_(ports),
      tuning_(std::move(tuning)),
      config_(std::move(config)),
      catalog_(ports.publisher.workers()),
      routing_(executor, ports.publisher,
               [this](const route::ServiceState& state) { return gate_of(state); }),
      events_(executor),
      health_changed_(executor),
      ip_changed_(executor),
      drain_ended_(executor),
      stop_wanted_(executor),
      alive_(std::make_shared<Controller*>(this)),
      store_(std::move(store)),
      records_(executor, store_, tuning_.records),
      tasks_(executor) {
    store_.on_written([this] { records_.store_works(); });
}

Controller::~Controller() {
    *alive_ = nullptr;
}

Result<state::ServiceRecord> Controller::first_record(const config::Service& service,
                                                      const config::Config& config) const {
    const auto known = entries_.find(service.name);
    if (known != entries_.end()) {
        const state::ServiceRecord& record = known->second.record;
        if (service.slots[index_of(record.live)]) return record;
        const std::string_view live = to_string(record.live);
        return Error(fmt::format(
            "service {0}: slot {1} is live by the state file {2}, but {3} has no slot {1} for it. "
            "Put services.{0}.slots.{1} back into the configuration; to remove the slot, switch to "
            "the other one first. (Only if what is live may be forgotten: move the state file "
            "away, then the configuration's initial slot becomes live.)",
            service.name, live, config.state, config.file));
    }
    state::ServiceRecord record;
    record.live = service.initial_live;
    if (!service.slots[index_of(record.live)]) record.live = other(record.live);
    if (!service.slots[index_of(record.live)]) {
        return Error(fmt::format("service {}: {} has no slot for it", service.name, config.file));
    }
    record.epoch = 1;
    record.live_since = Wall::now();
    return record;
}

Result<std::shared_ptr<const route::Snapshot>> Controller::prepare() {
    try {
        auto records = store_.blocking().services();
        if (!records) return records.error();
        for (auto& [name, record] : *records)
            entries_[name].record = record;
        const auto maintenance = store_.blocking().maintenance();
        if (!maintenance) return maintenance.error();

        // What can't go on serves by the live slot: a canary is no reason not to start.
        for (auto& [name, entry] : entries_) {
            if (!entry.record.canary) continue;
            const auto service =
                std::find_if(config_->services.begin(), config_->services.end(),
                             [&](const config::Service& each) { return each.name == name; });
            std::optional<std::string> why = "the service is not configured any more";
            if (service != config_->services.end()) why = canary_in_the_way(*service, entry.record);
            if (!why) continue;
            spdlog::warn("canary_ended service={} reason={}", log_value(name), log_value(*why));
            entry.record.canary.reset();
            ++entry.record.epoch;
            ended_canaries_.emplace_back(name, *why);
        }

        std::map<std::string, state::ServiceRecord> wanted;
        for (const config::Service& service : config_->services) {
            auto record = first_record(service, *config_);
            if (!record) return record.error();
            wanted.emplace(service.name, *record);
        }

        Routing::Services services;
        for (const config::Service& service : config_->services) {
            const state::ServiceRecord& record = wanted.at(service.name);
            if (!entries_.contains(service.name)) {
                entries_[service.name].record = record;
                unrecorded_.push_back(service.name);
            }
            services.push_back(
                make_state(std::make_shared<const config::Service>(service), record));
            spdlog::info("service_live service={} slot={} epoch={}", log_value(service.name),
                         to_string(record.live), record.epoch);
        }
        for (const auto& [name, present] : *maintenance) {
            entries_[name].maintenance = present;
            if (!wanted.contains(name)) continue;
            spdlog::warn("in_maintenance service={} since={} user={}", log_value(name),
                         rfc3339(present.since), log_value(present.user));
        }
        routing_.begin(config_, std::move(services));
        for (const auto& state : routing_.current()->services)
            watch_canary(state->name());
        return routing_.current();
    } catch (const std::exception& error) {
        return Error(fmt::format("cannot read the state: {}", error.what()));
    }
}

Result<void> Controller::record() {
    try {
        // What the history says of an earlier deploy does not decide about serving: such an entry
        // is written later.
        if (const auto told = record_interrupted(); !told) {
            spdlog::error("history_not_written id=0 error={}", log_value(told.error().message));
        }
        for (const auto& [name, why] : std::exchange(ended_canaries_, {})) {
            ServiceEntry& entry = entries_.at(name);
            const Caller self = daemon_caller();
            state::HistoryEntry line;
            line.at = Wall::now();
            line.service = name;
            line.action = "canary off";
            line.uid = self.uid;
            line.user = self.user;
            line.epoch = entry.record.epoch;
            line.outcome = "done";
            line.detail = "at the start: " + why;
            const auto committed = store_.blocking().commit(name, entry.record, line);
            if (!committed) return committed.error();
        }
        for (const std::string& name : std::exchange(unrecorded_, {})) {
            const state::ServiceRecord& record = entries_.at(name).record;
            state::HistoryEntry entry;
            const Caller self = daemon_caller();
            entry.at = record.live_since;
            entry.service = name;
            entry.action = "start";
            entry.uid = self.uid;
            entry.user = self.user;
            entry.to = record.live;
            entry.epoch = record.epoch;
            entry.outcome = "done";
            entry.detail = "first live slot, from the configuration";
            const auto committed = store_.blocking().commit(name, record, entry);
            if (!committed) return committed.error();
        }
    } catch (const std::exception& error) {
        return Error(fmt::format("cannot write the state: {}", error.what()));
    }
    return {};
}

void Controller::start() {
    ports_.monitor.on_change(
        [alive = alive_](const route::Target& target, const TargetReport& report) {
            if (*alive != nullptr) (*alive)->on_health_change(target, report);
        });
    watch_targets(routing_.current()->services);
    start_reserved_ip();
    sample_rates();
    tasks_.spawn("tick", tick());
    tasks_.spawn("failover", watch_failovers());
    tasks_.spawn("last_records", records_.run());
}

void Controller::expect_stop() {
    ending_ = true;
    stop_deploys();
    // Who waits is served now, before the workers end.
    end_holds(HoldEnd::stopped, [](const std::string&) { return true; });
}

asio::awaitable<void> Controller::stop() {
    stopping_ = true;
    stop_wanted_.notify();
    health_changed_.notify();
    ip_changed_.notify();
    for (const auto& job : kept_)
        job->wake.notify();
    for (const auto& job : drains_)
        job->wake.notify();
    stop_deploys();
    end_holds(HoldEnd::stopped, [](const std::string&) { return true; });
    events_.close();
    records_.stop();
    co_await tasks_.wait();
    co_await records_.write_rest();
}

asio::awaitable<void> Controller::tick() {
    while (!stopping_) {
        co_await stop_wanted_.wait_for(tuning_.tick);
        if (stopping_) break;
        sample_rates();
        look_at_canaries();
        watch_ejections();
        if (routing_.sweep()) co_await routing_.republish();
    }
}

void Controller::sample_rates() {
    const Steady::time_point now = Steady::now();
    for (const auto& state : routing_.current()->services) {
        ServiceEntry& entry = entries_[state->name()];
        for (const Colour colour : kColours) {
            const std::uint64_t accepted = routing_.books(state->name(), colour).accepted();
            entry.rates[index_of(colour)].sample(now, accepted);
        }
    }
}

std::optional<ChangeUnderWay> Controller::change_under_way(const std::string& service) const {
    if (reload_) return reload_;
    const auto entry = entries_.find(service);
    if (entry == entries_.end()) return std::nullopt;
    const std::optional<ChangeUnderWay>& change = entry->second.change;
    const std::shared_ptr<DeployJob>& deploy = entry->second.deploy;
    if (change && change->action == "deploy" && deploy && deploy->machine.locked) {
        return under_way(*deploy);
    }
    return change;
}

bool Controller::any_change_under_way() const {
    return reload_ || std::any_of(entries_.begin(), entries_.end(), [](const auto& entry) {
               return entry.second.change.has_value();
           });
}

asio::awaitable<Result<std::vector<state::HistoryEntry>>> Controller::history(std::string service,
                                                                              std::size_t limit) {
    auto entries = co_await store_.history(std::move(service), limit);
    if (entries) records_.correct(*entries);
    co_return entries;
}

}  // namespace switchyard::control
