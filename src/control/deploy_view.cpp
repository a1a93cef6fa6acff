#include "control/deploy_view.hpp"

#include <spdlog/fmt/fmt.h>

namespace switchyard::control {

namespace json = boost::json;

namespace {

using Status = Deployment::Status;

std::string wall(Steady::time_point time) {
    return rfc3339(Wall::now() - std::chrono::duration_cast<Wall::duration>(Steady::now() - time));
}

json::value text_or_null(const std::string& text) {
    if (text.empty()) return nullptr;
    return json::value(text);
}

json::object stage_json(const Deployment::Stage& stage) {
    json::object object;
    object["stage"] = to_string(stage.stage);
    object["outcome"] = to_string(stage.outcome);
    object["begun_at"] = wall(stage.begun);
    const bool ended = stage.outcome != Deployment::Stage::Outcome::running;
    object["elapsed_ms"] = milliseconds_between(stage.begun, ended ? stage.ended : Steady::now());
    object["message"] = stage.message;
    return object;
}

json::array stages_json(const DeployJob& job) {
    json::array stages;
    for (const Deployment::Stage& stage : job.machine.stages)
        stages.push_back(stage_json(stage));
    return stages;
}

bool ended_well(Status status) {
    return status == Status::deployed || status == Status::switched;
}

/// How to go on after what it came to.
std::string hint_of(const DeployJob& job) {
    const std::string& service = job.request.service;
    const Deployment& machine = job.machine;
    if (machine.status == Status::deployed) {
        if (job.service->preview) {
            return fmt::format(
                "Look at it: switchyard preview {0}. Make it live: switchyard "
                "switch {0}",
                service);
        }
        return fmt::format("Make it live: switchyard switch {}", service);
    }
    if (machine.status == Status::switched) {
        return fmt::format("The way back: switchyard rollback {}", service);
    }
    const std::string again = "Deploying again is safe.";
    if (machine.write_failed) return "Look at the disk that holds the state file. " + again;
    switch (machine.stage()) {
        case DeployStage::lock:
        case DeployStage::connect:
            return "Nothing was changed on the hosts. " + again;
        case DeployStage::run:
            if (!machine.slot_touched) return "Nothing was changed on the hosts. " + again;
            return fmt::format(
                "Slot {} may hold half of a release: do not switch to it before a "
                "deploy has succeeded. {}",
                to_string(job.slot()), again);
        case DeployStage::healthy:
            return fmt::format(
                "Look at the application's log on its host, and at switchyard "
                "status {}. {}",
                service, again);
        default:
            return fmt::format(
                "Slot {0} holds the new release and was healthy; switchyard switch "
                "{1} makes it live. {2}",
                to_string(job.slot()), service, again);
    }
}

}  // namespace

json::value release_json(const std::optional<state::Release>& release) {
    if (!release) return nullptr;
    json::object object;
    object["version"] = text_or_null(release->version);
    object["deployed_at"] = rfc3339(release->deployed_at);
    object["complete"] = release->complete;
    return object;
}

json::object deploy_begun_json(const DeployJob& job) {
    json::object line;
    line["event"] = "deploy";
    line["at"] = rfc3339(job.begun);
    line["service"] = job.request.service;
    line["slot"] = to_string(job.slot());
    line["version"] = text_or_null(job.request.version);
    line["previous_version"] = text_or_null(job.previous_version);
    line["epoch"] = job.machine.epoch;
    line["switch"] = job.request.switch_after;
    json::array hosts;
    for (const config::DeployHost& host : job.service->slots[index_of(job.slot())]->deploy_to)
        hosts.emplace_back(host.text);
    line["hosts"] = std::move(hosts);
    line["history_id"] = job.history_id;
    line["uid"] = job.request.caller.uid;
    line["user"] = job.request.caller.user;
    return line;
}

json::object stage_begun_json(const DeployJob& job, std::size_t index) {
    const Deployment::Stage& stage = job.machine.stages[index];
    json::object line;
    line["event"] = "stage_begun";
    line["at"] = wall(stage.begun);
    line["service"] = job.request.service;
    line["stage"] = to_string(stage.stage);
    line["limit_ms"] = nullptr;
    const auto limit = job.machine.plan.limits[static_cast<std::size_t>(stage.stage)];
    if (limit.count() > 0) line["limit_ms"] = limit.count();
    return line;
}

json::object stage_ended_json(const DeployJob& job, std::size_t index) {
    const Deployment::Stage& stage = job.machine.stages[index];
    json::object line;
    line["event"] = "stage_ended";
    line["at"] = wall(stage.ended);
    line["service"] = job.request.service;
    line["stage"] = to_string(stage.stage);
    line["outcome"] = to_string(stage.outcome);
    line["elapsed_ms"] = milliseconds_between(stage.begun, stage.ended);
    line["message"] = stage.message;
    if (stage.stage == DeployStage::warm_up) line["targets"] = job.warm_up;
    return line;
}

json::object deploy_result_json(const DeployJob& job) {
    const Deployment& machine = job.machine;
    json::object line;
    line["event"] = "result";
    line["at"] = rfc3339(Wall::now());
    line["service"] = job.request.service;
    line["slot"] = to_string(job.slot());
    line["version"] = text_or_null(job.request.version);
    line["outcome"] = to_string(machine.status);
    line["stage"] = to_string(machine.stage());
    line["message"] = machine.message;
    line["hint"] = hint_of(job);
    line["committed"] = machine.committed;
    line["epoch"] = machine.epoch;
    line["drained"] = nullptr;
    if (machine.committed) line["drained"] = machine.drained_clean;
    line["cancelled_too_late"] = machine.cancel_late && machine.committed;
    line["may_still_run"] = machine.may_still_run;
    line["history_id"] = job.history_id;
    line["history_written"] = machine.history_written;
    line["reserved_ip"] = job.reserved_ip;
    line["elapsed_ms"] =
        milliseconds_between(machine.stages.front().begun, machine.stages.back().ended);
    line["stages"] = stages_json(job);
    line["output_tail"] = json::array();
    if (!ended_well(machine.status)) line["output_tail"] = job.feed.tail();
    return line;
}

json::object deploy_receipt_json(const DeployJob& job) {
    const Deployment& machine = job.machine;
    json::object receipt;
    receipt["slot"] = to_string(job.slot());
    receipt["version"] = text_or_null(job.request.version);
    receipt["previous_version"] = text_or_null(job.previous_version);
    receipt["switch"] = job.request.switch_after;
    receipt["after_switch"] = job.request.switch_after && machine.plan.after_switch;
    receipt["stage"] = to_string(machine.stage());
    receipt["stages"] = stages_json(job);
    receipt["committed"] = machine.committed;
    receipt["may_still_run"] = machine.may_still_run;
    receipt["cancelled_by"] = text_or_null(job.cancelled_by);
    receipt["warm_up"] = job.warm_up;
    if (machine.committed) {
        receipt["epoch"] = machine.epoch;
        const json::value* id = job.committed.if_contains("history_id");
        receipt["switch_history_id"] = id != nullptr ? *id : json::value(nullptr);
    }
    if (machine.status == Status::failed) receipt["output_tail"] = job.feed.tail();
    return receipt;
}

DeployEvent drained_event(const json::object& drained) {
    const auto count = [&](std::string_view key) {
        return drained.at(key).to_number<std::int64_t>();
    };
    DeployEvent event{.kind = DeployEvent::Kind::drained};
    const bool cancelled = drained.at("cancelled").as_bool();
    bool stuck = false;
    if (const json::value* tunnels = drained.if_contains("tunnels")) {
        stuck = tunnels->at("remaining").to_number<std::int64_t>() != 0 &&
                tunnels->at("policy").as_string() != "keep";
    }
    event.ok = count("cut") == 0 && count("remaining") == 0 && !stuck && !cancelled;
    event.message = fmt::format("{} completed, {} cut.", count("completed"), count("cut"));
    if (cancelled) {
        event.message += " A later change or a failover put the slot back to work.";
    } else if (stuck) {
        event.message += " Tunnels are still open.";
    } else if (count("remaining") != 0) {
        event.message += fmt::format(" {} still in flight.", count("remaining"));
    }
    return event;
}

json::object deploy_status_json(const DeployJob& job) {
    json::object object;
    object["slot"] = to_string(job.slot());
    object["version"] = text_or_null(job.request.version);
    object["switch"] = job.request.switch_after;
    object["uid"] = job.request.caller.uid;
    object["user"] = job.request.caller.user;
    object["since"] = rfc3339(job.begun);
    object["stage"] = to_string(job.machine.stage());
    object["stage_since"] = wall(job.machine.stages.back().begun);
    object["committed"] = job.machine.committed;
    object["history_id"] = job.history_id;
    return object;
}

}  // namespace switchyard::control
