// What a command that changes nothing comes to: a plan, or a refusal that is written down.
#include "base/log.hpp"
#include "control/change_parts.hpp"
#include "control/deploy_view.hpp"
#include "control/target_view.hpp"

#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace switchyard::control {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

/// " green:1: connection refused." for each target that a refusal names; for the history.
std::string target_reasons(const Refusal& refusal) {
    std::string text;
    const json::value* targets = refusal.details.if_contains("targets");
    if (targets == nullptr || !targets->is_array()) return text;
    for (const json::value& target : targets->get_array()) {
        const std::string_view reason = target.at("reason").as_string();
        if (reason.empty()) continue;
        text += fmt::format(" {}: {}.", std::string_view(target.at("address").as_string()), reason);
    }
    return text;
}

}  // namespace

asio::awaitable<void> Controller::make_plan(ChangeRequest request, Assessment assessment,
                                            std::shared_ptr<ChangeTicket> ticket) {
    bool forced = false;
    if (assessment.slot_exists() && *assessment.to != assessment.state->live) {
        std::optional<Refusal> unhealthy =
            co_await check_health(assessment.state, *assessment.to, request.rollback);
        if (unhealthy && request.force && unhealthy->code == "unhealthy_target") {
            forced = true;
        } else if (unhealthy) {
            assessment.refusals.push_back(std::move(*unhealthy));
        }
    }
    const route::ServiceState& state = *assessment.state;
    json::object plan;
    plan["plan"] = true;
    plan["service"] = state.name();
    plan["action"] = request.action();
    plan["from"] = to_string(state.live);
    plan["to"] = nullptr;
    if (assessment.to) plan["to"] = to_string(*assessment.to);
    plan["from_name"] = state.live_slot().name;
    plan["to_name"] = nullptr;
    const auto& releases = entries_.at(state.name()).record.releases;
    plan["from_release"] = release_json(releases[index_of(state.live)]);
    plan["to_release"] = nullptr;
    if (assessment.to) plan["to_release"] = release_json(releases[index_of(*assessment.to)]);
    json::array targets;
    if (assessment.slot_exists()) {
        const route::SlotState& slot = *state.slot(*assessment.to);
        plan["to_name"] = slot.name;
        for (const auto& target : slot.targets) {
            targets.push_back(target_json(*target, ports_.monitor.report(*target)));
        }
    }
    plan["epoch"] = state.epoch;
    plan["epoch_after"] = state.epoch + 1;
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
    const std::uint64_t in_flight = routing_.books(state.name(), state.live).in_flight;
    const std::uint64_t tunnels = state.live_slot().metrics->sum(&observe::SlotCell::tunnels);
    plan["in_flight_on_old"] = in_flight > tunnels ? in_flight - tunnels : 0;
    plan["tunnels_on_old"] = tunnels;
    plan["tunnels_policy"] = config::to_string(state.config->drain_tunnels);
    plan["drain_timeout_ms"] = request.drain_timeout.value_or(state.config->drain_timeout).count();
    plan["targets"] = std::move(targets);
    plan["reserved_ip"] = reserved_ip(state.name());
    ticket->answer(std::move(plan));
}

asio::awaitable<void> Controller::refuse(ChangeRequest request, Assessment assessment,
                                         Refusal refusal, std::shared_ptr<ChangeTicket> ticket) {
    state::HistoryEntry line;
    line.at = Wall::now();
    line.service = request.service;
    line.action = request.action();
    line.uid = request.caller.uid;
    line.user = request.caller.user;
    line.outcome = "refused";
    line.detail = refusal.message + target_reasons(refusal);
    if (assessment.state) {
        line.from = assessment.state->live;
        line.to = assessment.to;
        line.epoch = assessment.state->epoch;
    }
    json::object event;
    event["event"] = "refused";
    event["at"] = rfc3339(line.at);
    event["service"] = request.service;
    event["action"] = line.action;
    event["code"] = refusal.code;
    event["message"] = refusal.message;
    event["uid"] = request.caller.uid;
    event["user"] = request.caller.user;
    spdlog::warn("switch_refused service={} action={} code={} uid={} user={} message={}",
                 log_value(request.service), log_value(line.action), refusal.code,
                 request.caller.uid, log_value(request.caller.user), log_value(line.detail));

    ticket->refuse(std::move(refusal));
    // Services that don't exist get no lines in the history, and no events: their names are
    // whatever somebody typed.
    if (!assessment.state) co_return;
    if (!request.deploy) ++entries_.at(request.service).refused;
    events_.publish(std::move(event));
    const auto written = co_await store_.append(line);
    if (!written) {
        spdlog::error("history_not_written error={}", log_value(written.error().message));
    }
}

}  // namespace switchyard::control
