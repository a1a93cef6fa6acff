// The controller's view of health: what lets a change through, and the events of targets.
#include "base/log.hpp"
#include "control/change_parts.hpp"
#include "control/target_view.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace switchyard::control {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {
/// How long a command waits for the first check of a target that nothing is known of.
constexpr std::chrono::seconds kLongestPatience{20};
}  // namespace

Controller::Survey Controller::survey(const route::SlotState& slot, bool rollback) const {
    Survey survey;
    for (const auto& target : slot.targets) {
        switch (ports_.monitor.report(*target).health) {
            case route::Health::healthy:
                ++survey.healthy;
                break;
            case route::Health::unhealthy:
                ++survey.unhealthy;
                break;
            case route::Health::unknown:
                ++survey.unknown;
                break;
        }
    }
    using Verdict = Survey::Verdict;
    if (rollback) {
        // The way back in an emergency: one healthy target is better than what is live now.
        survey.verdict = survey.healthy != 0   ? Verdict::go
                         : survey.unknown != 0 ? Verdict::wait
                                               : Verdict::refuse;
    } else {
        survey.verdict = survey.unhealthy != 0 ? Verdict::refuse
                         : survey.unknown != 0 ? Verdict::wait
                                               : Verdict::go;
    }
    return survey;
}

asio::awaitable<std::optional<Refusal>> Controller::check_health(State state, Colour to,
                                                                 bool rollback) {
    // An answer has to come before whoever asked gives up.
    const auto timeout =
        std::min<std::chrono::milliseconds>(state->config->health_check.timeout, kLongestPatience);
    const auto patience = timeout + tuning_.health_slack;
    const Steady::time_point deadline = Steady::now() + patience;
    while (true) {
        const Survey now = survey(*state->slot(to), rollback);
        if (now.verdict == Survey::Verdict::go) co_return std::nullopt;
        if (stopping_) co_return control::stopping();
        if (now.verdict == Survey::Verdict::refuse || Steady::now() >= deadline) {
            co_return unhealthy_target(*state, to, rollback);
        }
        co_await health_changed_.wait_until(deadline);
    }
}

Refusal Controller::unhealthy_target(const route::ServiceState& state, Colour to,
                                     bool rollback) const {
    const route::SlotState& slot = *state.slot(to);
    const Survey now = survey(slot, rollback);
    const std::string where = fmt::format("slot {} of {}", to_string(to), state.name());
    Refusal refusal;
    refusal.status = 409;
    refusal.code = "unhealthy_target";
    if (now.healthy == 0) {
        refusal.message =
            fmt::format("Slot {} of {} has no healthy target", to_string(to), state.name());
    } else {
        refusal.message = fmt::format("{} of {} targets of {} are not healthy",
                                      now.unhealthy + now.unknown, slot.targets.size(), where);
    }
    refusal.message += ".";
    refusal.hint = fmt::format("Wait until it is healthy, or {} anyway with --force.",
                               rollback ? "roll back" : "switch");
    refusal.details["service"] = state.name();
    refusal.details["slot"] = to_string(to);
    json::array targets;
    const Wall::time_point when = Wall::now();
    for (const auto& target : slot.targets) {
        const TargetReport report = ports_.monitor.report(*target);
        targets.push_back(refused_target_json(*target, report, when));
    }
    refusal.details["targets"] = std::move(targets);
    return refusal;
}

void Controller::on_health_change(const route::Target& target, const TargetReport& report) {
    const std::string_view state = target_state(target, report);
    const std::string reason = target_reason(report);
    events_.publish(target_event(target, state, reason));
    health_changed_.notify();
    look_at_canaries();
}

std::vector<std::string> Controller::unresolved(const route::ServiceState& state) const {
    std::vector<std::string> names;
    for (const auto& slot : state.slots) {
        if (!slot) continue;
        for (const auto& target : slot->targets) {
            if (target->config().kind == config::Target::Kind::name &&
                target->addresses().empty()) {
                names.push_back(target->address());
            }
        }
    }
    return names;
}

std::string Controller::nowhere_to_go(const route::ServiceState& state) const {
    const route::SlotState& live = state.live_slot();
    std::string reasons;
    for (const auto& target : live.targets) {
        if (target->config().kind != config::Target::Kind::name || !target->addresses().empty()) {
            return {};
        }
        const std::string reason = ports_.monitor.report(*target).error;
        reasons += (reasons.empty() ? "" : "; ") + target->address() + ": " +
                   (reason.empty() ? "cannot be resolved" : reason);
    }
    return fmt::format("service {}: no target of the live slot {} has an address ({})",
                       state.name(), to_string(live.colour), reasons);
}

/// Of a target that is in two of the services the first one's checks count.
void Controller::watch_targets(const Routing::Services& services) {
    std::vector<std::pair<std::shared_ptr<route::Target>, std::shared_ptr<const config::Service>>>
        targets;
    // Both slots of every service: the idle one stays watched, so that the way back is known (C13).
    std::set<std::uint32_t> known;
    for (const auto& state : services) {
        for (const auto& slot : state->slots) {
            if (!slot) continue;
            for (const auto& target : slot->targets)
                if (known.insert(target->id()).second) targets.emplace_back(target, state->config);
        }
    }
    ports_.monitor.watch(targets);
}

}  // namespace switchyard::control
