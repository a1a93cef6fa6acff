// What the history says of deploys: while they run, when they end, and after a crash.
#include "base/log.hpp"
#include "control/change_parts.hpp"
#include "control/deploy_view.hpp"

#include <string_view>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <spdlog/spdlog.h>

namespace switchyard::control {

namespace asio = boost::asio;
namespace json = boost::json;

using Event = DeployEvent::Kind;

namespace {

/// What a receipt says of the hook after_switch.
void read_hook(const json::object& receipt, DeployTrace& trace) {
    const json::value* hook = receipt.if_contains("after_switch");
    if (hook != nullptr && hook->is_bool()) trace.hook = hook->get_bool();
    const json::value* stages = receipt.if_contains("stages");
    if (stages == nullptr || !stages->is_array()) return;
    for (const json::value& stage : stages->get_array()) {
        const auto text = [&stage](std::string_view key) {
            const json::value* found =
                stage.is_object() ? stage.get_object().if_contains(key) : nullptr;
            return found != nullptr && found->is_string() ? std::string(found->get_string()) : "";
        };
        if (text("stage") != to_string(DeployStage::after_switch)) continue;
        trace.hook_outcome = parse_stage_outcome(text("outcome"));
        trace.hook_message = text("message");
    }
}

}  // namespace

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
    const bool last = machine.phase == Deployment::Phase::finishing;
    if (machine.slot_touched && job->deployed_at == Wall::time_point{}) {
        job->deployed_at = Wall::now();
    }
    LastRecord record = record_of(*job);
    const state::SlotRelease holds = *record.holds;
    Result<void> written;
    if (last) {
        written = co_await records_.write(std::move(record));
    } else {
        records_.superseded(holds.service, holds.slot);
        written = co_await store_.progress(record.id, record.outcome, record.detail, record.receipt,
                                           holds);
    }
    // The last one will be written: it is what the slot holds.
    if (written || last) {
        entries_.at(job->request.service).record.releases[index_of(job->slot())] = holds.release;
    }
    if (!written) {
        if (!last) {
            spdlog::error("history_not_written id={} error={}", job->history_id,
                          log_value(written.error().message));
        }
        event.ok = false;
        event.message = written.error().message;
    }
    job->push(std::move(event));
}

/// How the entry of the history stands now, and what the slot holds.
LastRecord Controller::record_of(const DeployJob& job) const {
    LastRecord record;
    record.id = job.history_id;
    record.service = job.request.service;
    record.action = "deploy";
    record.outcome = to_string(job.machine.status);
    record.detail = job.machine.message;
    record.receipt = json::serialize(deploy_receipt_json(job));
    record.holds = state::SlotRelease{job.request.service, job.slot(), job.before};
    if (job.machine.slot_touched) {
        record.holds->release =
            state::Release{job.request.version, job.deployed_at, job.machine.release_complete};
    }
    return record;
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
        DeployTrace trace;
        trace.slot = entry.to.value_or(Colour::blue);
        boost::system::error_code failed;
        json::value receipt = json::parse(entry.receipt, failed);
        if (failed || !receipt.is_object()) receipt = json::object();
        if (const json::value* name = receipt.as_object().if_contains("stage");
            name != nullptr && name->is_string()) {
            trace.stage = parse_deploy_stage(std::string_view(name->get_string()));
        }
        auto committed = was_switched_by(entry);
        if (!committed) return committed.error();
        trace.committed = *committed;
        const json::value* running = receipt.as_object().if_contains("may_still_run");
        trace.may_still_run = running != nullptr && running->is_bool() && running->get_bool();
        read_hook(receipt.as_object(), trace);
        const DeployRemains remains = after_crash(trace);
        receipt.as_object()["committed"] = *committed;
        receipt.as_object()["may_still_run"] = remains.may_still_run;
        spdlog::warn("deploy_interrupted service={} id={} detail={}", log_value(entry.service),
                     entry.id, log_value(remains.detail));
        LastRecord last;
        last.id = entry.id;
        last.service = entry.service;
        last.action = entry.action;
        last.outcome = remains.outcome;
        last.detail = remains.detail;
        last.receipt = json::serialize(receipt);
        const auto told =
            store_.blocking().finish(last.id, last.outcome, last.detail, last.receipt);
        if (!told) records_.keep(std::move(last), told.error());
    }
    return {};
}

}  // namespace switchyard::control
