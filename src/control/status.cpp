#include "control/status.hpp"

#include "control/canary_view.hpp"
#include "control/deploy_view.hpp"
#include "control/hold_view.hpp"
#include "control/target_view.hpp"

#include <algorithm>
#include <cmath>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

namespace switchyard::control {

namespace json = boost::json;

namespace {

json::object books_json(const Books& books) {
    json::object object;
    object["accepted"] = books.accepted();
    for (std::size_t i = 0; i < observe::kOutcomes; ++i) {
        object[observe::to_string(static_cast<observe::Outcome>(i))] = books.ended[i];
    }
    object["in_flight"] = books.in_flight;
    return object;
}

Books unrouted_books(const ProcessFacts& facts) {
    Books books;
    for (const observe::WorkerCell& cell : facts.workers()) {
        for (std::size_t i = 0; i < observe::kOutcomes; ++i) {
            books.ended[i] += cell.unrouted_by_outcome[i].get();
        }
    }
    return books;
}

/// Both are read while they change.
std::uint64_t less_tunnels(std::uint64_t in_flight, std::uint64_t tunnels) noexcept {
    return in_flight > tunnels ? in_flight - tunnels : 0;
}

json::object drain_json(const DrainJob& job, bool kept) {
    json::object drain;
    drain["slot"] = to_string(job.slot);
    drain["epoch"] = job.epoch;
    drain["in_flight"] = job.drain.in_flight();
    drain["tunnels"] = job.drain.tunnels();
    drain["kept"] = kept;
    drain["since"] = rfc3339(job.since);
    drain["deadline"] = rfc3339(job.deadline);
    return drain;
}

/// What of a slot's requests were previews; null: the service has none.
json::value preview_counts_json(const route::SlotState& slot) {
    if (!slot.preview_metrics) return nullptr;
    const observe::SlotMetrics& metrics = *slot.preview_metrics;
    std::uint64_t ended = 0;
    for (const observe::SlotCell& cell : metrics.cells()) {
        for (const observe::Counter& count : cell.by_outcome)
            ended += count.get();
    }
    json::object object;
    object["in_flight"] = metrics.sum(&observe::SlotCell::in_flight);
    object["requests_total"] = ended + metrics.sum(&observe::SlotCell::in_flight);
    object["errors_total"] = metrics.sum(&observe::SlotCell::errors);
    return object;
}

/// How the idle slot can be looked at; null: not at all.
json::value preview_json(const std::optional<config::Preview>& preview) {
    if (!preview) return nullptr;
    const auto text_or_null = [](const std::string& text) {
        return text.empty() ? json::value(nullptr) : json::value(text);
    };
    json::object object;
    object["signed"] = preview->is_signed();
    object["header"] = text_or_null(preview->header);
    object["cookie"] = text_or_null(preview->cookie);
    object["host"] = text_or_null(preview->host);
    object["max_for_ms"] = nullptr;
    if (preview->is_signed()) object["max_for_ms"] = preview->max_for.count();
    return object;
}

json::object slot_json(const Controller& controller, const route::ServiceState& state,
                       const route::SlotState& slot) {
    const Books books = controller.routing().books(state.name(), slot.colour);
    const RateMeter& rate = controller.entry(state.name()).rates[index_of(slot.colour)];
    const std::uint64_t tunnels = slot.metrics->sum(&observe::SlotCell::tunnels);
    json::array targets;
    bool healthy = false;
    for (const auto& target : slot.targets) {
        const TargetReport report = controller.monitor().report(*target);
        healthy = healthy || report.health == route::Health::healthy;
        targets.push_back(target_json(*target, report));
    }
    json::object object;
    object["name"] = slot.name;
    object["state"] = slot.colour == state.live ? "live" : "idle";
    if (slot.colour != state.live && state.canary && state.canary->runs()) {
        object["state"] = "canary";
    }
    object["healthy"] = healthy;
    object["release"] =
        release_json(controller.entry(state.name()).record.releases[index_of(slot.colour)]);
    object["in_flight"] = less_tunnels(books.in_flight, tunnels);
    object["tunnels"] = tunnels;
    object["requests_per_second"] = std::round(rate.per_second() * 10) / 10;
    object["requests_total"] = books.accepted();
    object["errors_total"] = slot.metrics->sum(&observe::SlotCell::errors);
    object["preview"] = preview_counts_json(slot);
    object["books"] = books_json(books);
    object["targets"] = std::move(targets);
    return object;
}

json::value colour_json(const std::optional<Colour>& colour) {
    if (!colour) return nullptr;
    return json::value(to_string(*colour));
}

json::object change_json(const ChangeUnderWay& change) {
    json::object object;
    object["uid"] = change.caller.uid;
    object["user"] = change.caller.user;
    object["action"] = change.action;
    object["slot"] = colour_json(change.slot);
    object["since"] = rfc3339(change.since);
    return object;
}

observe::DeployGauge deploy_gauge(const ServiceEntry& entry) {
    observe::DeployGauge gauge;
    gauge.ended = entry.deploys;
    gauge.active = entry.deploy && !entry.deploy->over() && entry.deploy->machine.locked;
    gauge.last_seconds = entry.last_deploy_seconds;
    gauge.last_stages = entry.last_deploy_stages;
    return gauge;
}

/// Of one service; an empty name means all.
json::array unwritten_json(const Controller& controller, const std::string& service) {
    json::array list;
    for (const UnwrittenRecord& unwritten : controller.unwritten()) {
        if (!service.empty() && unwritten.record.service != service) continue;
        json::object object;
        object["history_id"] = unwritten.record.id;
        object["service"] = unwritten.record.service;
        object["action"] = unwritten.record.action;
        object["outcome"] = unwritten.record.outcome;
        object["error"] = unwritten.error;
        object["since"] = rfc3339(unwritten.since);
        list.push_back(std::move(object));
    }
    return list;
}

void add_hold(observe::ServiceGauge& gauge, const route::HoldRoom& room) {
    const route::HoldRoom::Totals totals = room.totals();
    gauge.held_requests = room.requests();
    gauge.held_bytes = room.bytes();
    const std::uint64_t oldest = room.oldest_ns();
    const std::uint64_t now = steady_now_ns();
    if (oldest != 0 && now > oldest)
        gauge.oldest_held_seconds = static_cast<double>(now - oldest) / 1e9;
    gauge.hold_released = totals.released;
    gauge.hold_timed_out = totals.timed_out;
    gauge.hold_left = totals.left;
    gauge.hold_cut = totals.cut;
    gauge.hold_full = totals.full;
    gauge.hold_wait_seconds = static_cast<double>(totals.wait_us) / 1e6;
    gauge.maintenance_answers = totals.turned_away;
}

}  // namespace

json::object service_json(const Controller& controller, const route::ServiceState& state) {
    const ServiceEntry& entry = controller.entry(state.name());
    json::object object;
    object["name"] = state.name();
    json::array hosts;
    for (const std::string& host : state.config->hosts)
        hosts.emplace_back(host);
    object["hosts"] = std::move(hosts);
    object["path"] = state.config->path;
    object["live"] = to_string(state.live);
    object["live_name"] = state.live_slot().name;
    object["live_since"] = rfc3339(entry.record.live_since);
    object["epoch"] = state.epoch;
    object["previous"] = colour_json(entry.record.previous);
    json::object slots;
    Books books;
    for (const Colour colour : kColours) {
        books += controller.routing().books(state.name(), colour);
        if (const route::SlotState* slot = state.slot(colour)) {
            slots[to_string(colour)] = slot_json(controller, state, *slot);
        }
    }
    object["slots"] = std::move(slots);
    object["books"] = books_json(books);
    json::array drains;
    for (const auto& job : controller.kept()) {
        if (job->service == state.name()) drains.push_back(drain_json(*job, true));
    }
    for (const auto& job : controller.drains()) {
        if (job->service == state.name()) drains.push_back(drain_json(*job, false));
    }
    object["drains"] = std::move(drains);
    object["preview"] = preview_json(state.config->preview);
    object["canary"] = canary_status_json(state, entry);
    object["hold"] = hold_status_json(entry.hold.get());
    object["maintenance"] = controller.maintenance_json(state.name());
    object["failover"] = controller.failover_json(state.name());
    object["failover_barred"] = nullptr;
    if (!entry.failover_barred.empty()) object["failover_barred"] = entry.failover_barred;
    object["reserved_ip"] = controller.reserved_ip(state.name());
    object["change"] = nullptr;
    if (const auto change = controller.change_under_way(state.name())) {
        object["change"] = change_json(*change);
    }
    object["deploy"] = nullptr;
    if (entry.deploy && !entry.deploy->over() && entry.deploy->machine.locked) {
        object["deploy"] = deploy_status_json(*entry.deploy);
    }
    object["history_unwritten"] = unwritten_json(controller, state.name());
    return object;
}

json::object status_json(const Controller& controller, const std::string& metrics_address) {
    const route::Snapshot& snapshot = controller.snapshot();
    const ProcessFacts& facts = controller.facts();
    const Wall::time_point now = Wall::now();
    json::object object;
    object["version"] = SWITCHYARD_VERSION;
    object["pid"] = static_cast<std::int64_t>(::getpid());
    object["started_at"] = rfc3339(controller.started_at());
    object["uptime_s"] = milliseconds_between(controller.started_steady(), Steady::now()) / 1000;
    object["workers"] = controller.workers();
    object["config_file"] = snapshot.config->file;
    object["config_loaded_at"] = rfc3339(controller.config_loaded_at());
    object["state_file"] = snapshot.config->state;
    object["now"] = rfc3339(now);
    object["stopping"] = controller.ending();
    json::array listeners;
    for (const ProcessFacts::ListenerFact& fact : facts.listeners()) {
        json::object listener;
        listener["address"] = fact.address;
        listener["tls"] = fact.tls;
        listener["redirect"] = fact.redirect;
        listeners.push_back(std::move(listener));
    }
    object["listeners"] = std::move(listeners);
    object["metrics_address"] = nullptr;
    if (!metrics_address.empty()) object["metrics_address"] = metrics_address;
    std::uint64_t connections = 0;
    for (const observe::WorkerCell& cell : facts.workers())
        connections += cell.connections.get();
    object["connections"] = connections;
    json::array services;
    for (const auto& state : snapshot.services)
        services.push_back(service_json(controller, *state));
    object["services"] = std::move(services);
    object["unrouted"] = books_json(unrouted_books(facts));
    object["log_lines_dropped"] = facts.access_log_dropped();
    object["history_unwritten"] = unwritten_json(controller, "");
    object["reserved_ip"] = nullptr;
    if (const ReservedIp* ip = controller.reserved_ip_port(); ip != nullptr) {
        object["reserved_ip"] = controller.reserved_ip(ip->service());
    }
    return object;
}

json::object history_json(const state::HistoryEntry& entry) {
    json::object object;
    object["id"] = entry.id;
    object["at"] = rfc3339(entry.at);
    object["service"] = entry.service;
    object["action"] = entry.action;
    object["uid"] = entry.uid;
    object["user"] = entry.user;
    object["from"] = colour_json(entry.from);
    object["to"] = colour_json(entry.to);
    object["epoch"] = entry.epoch;
    object["version"] = nullptr;
    if (!entry.version.empty()) object["version"] = entry.version;
    object["outcome"] = entry.outcome;
    object["detail"] = entry.detail;
    object["receipt"] = nullptr;
    if (!entry.receipt.empty()) {
        boost::system::error_code failed;
        json::value receipt = json::parse(entry.receipt, failed);
        if (!failed) object["receipt"] = std::move(receipt);
    }
    object["unwritten"] = nullptr;
    if (!entry.unwritten.empty()) object["unwritten"] = entry.unwritten;
    return object;
}

observe::Scrape scrape(const Controller& controller) {
    const ProcessFacts& facts = controller.facts();
    const std::uint64_t now_ns = steady_now_ns();
    observe::Scrape scrape;
    for (const auto& state : controller.snapshot().services) {
        for (const auto& slot : state->slots) {
            if (!slot) continue;
            scrape.slots.push_back(slot->metrics);
            if (slot->preview_metrics) scrape.previews.push_back(slot->preview_metrics);
            for (const auto& target : slot->targets) {
                observe::TargetGauge gauge;
                gauge.service = state->name();
                gauge.colour = slot->colour;
                gauge.address = target->address();
                gauge.healthy =
                    controller.monitor().report(*target).health == route::Health::healthy;
                gauge.ejected = target->ejected(now_ns);
                gauge.ejections = target->ejection().number;
                gauge.in_flight = target->in_flight();
                scrape.targets.push_back(std::move(gauge));
            }
        }
        const ServiceEntry& entry = controller.entry(state->name());
        observe::ServiceGauge gauge;
        gauge.service = state->name();
        gauge.live = state->live;
        gauge.epoch = state->epoch;
        gauge.switches = entry.switches;
        gauge.switches_refused = entry.refused;
        for (const auto& job : controller.drains()) {
            if (job->service != state->name()) continue;
            ++gauge.drains_active;
            gauge.drain_in_flight += job->drain.in_flight();
            gauge.drain_tunnels += job->drain.tunnels();
        }
        for (const auto& job : controller.kept()) {
            if (job->service == state->name()) gauge.kept_tunnels += job->drain.tunnels();
        }
        gauge.drained_requests = entry.drained_requests;
        gauge.cut_requests = entry.cut_requests;
        gauge.last_drain_seconds = entry.last_drain_seconds;
        gauge.last_switch_seconds = entry.last_switch_seconds;
        if (state->config->deploy || entry.deploy) gauge.deploys = deploy_gauge(entry);
        gauge.held = entry.hold != nullptr;
        gauge.in_maintenance = entry.maintenance.has_value();
        gauge.replay_bytes = state->budget->kept();
        gauge.failover_barred = !entry.failover_barred.empty();
        gauge.failovers = entry.failovers;
        gauge.failover_requests = entry.failover_requests;
        gauge.failover_seconds = entry.failover_seconds;
        if (const FailoverJob* job = entry.failover.get(); job != nullptr && job->in_force) {
            gauge.failing_over = true;
            gauge.failover_requests +=
                controller.failover_json(state->name()).at("requests").to_number<std::uint64_t>();
            gauge.failover_seconds +=
                std::chrono::duration<double>(Steady::now() - job->begun).count();
        }
        add_hold(gauge, *state->room);
        gauge.canary = canary_gauge(*state, entry);
        scrape.services.push_back(std::move(gauge));
    }
    if (const ReservedIp* ip = controller.reserved_ip_port(); ip != nullptr) {
        scrape.reserved_ip = ip->gauge();
    }
    scrape.workers = facts.workers();
    scrape.access_log_dropped = facts.access_log_dropped();
    scrape.history_unwritten = controller.unwritten().size();
    scrape.uptime_seconds =
        std::chrono::duration<double>(Steady::now() - controller.started_steady()).count();
    scrape.version = SWITCHYARD_VERSION;
    scrape.config_loaded_at =
        std::chrono::duration<double>(controller.config_loaded_at().time_since_epoch()).count();
    scrape.last_reload_ok = controller.last_reload_ok();
    return scrape;
}

}  // namespace switchyard::control
