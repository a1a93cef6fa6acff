// Ejected targets: workers eject those that can't be connected to or answer with errors; here those
// that are too slow are, and all of them are told of.
#include "base/log.hpp"
#include "control/controller.hpp"
#include "control/target_view.hpp"

#include <utility>

#include <spdlog/spdlog.h>

namespace switchyard::control {

namespace json = boost::json;

void Controller::watch_ejections() {
    const std::uint64_t now_ns = steady_now_ns();
    std::map<std::uint32_t, ToldEjection> before;
    before.swap(told_ejections_);
    for (const auto& state : routing_.current()->services) {
        const config::Ejection& policy = state->config->ejection;
        for (const auto& slot : state->slots) {
            if (!slot) continue;
            SlowTargets& slow = entries_.at(state->name()).slow[index_of(slot->colour)];
            if (const auto target = slow.look(slot->targets, policy, now_ns)) {
                state->outliers->eject(slot->targets, *target, route::Ejected::Why::slow, policy,
                                       now_ns);
            }
            for (const auto& target : slot->targets) {
                const route::Ejected ejection = target->ejection();
                const bool away = target->ejected(now_ns);
                ToldEjection& told = told_ejections_[target->id()];
                if (const auto known = before.find(target->id()); known != before.end()) {
                    told = known->second;
                }
                const bool begun = ejection.number != told.number;
                const bool over = !away && (told.away || begun);
                told = {ejection.number, away};
                if (begun) {
                    const std::string reason = ejection_text(ejection);
                    spdlog::warn(
                        "target_ejected service={} slot={} target={} why={} times={} "
                        "for_ms={}",
                        log_value(target->service()), to_string(target->colour()),
                        log_value(target->address()), to_string(ejection.why), ejection.times,
                        (ejection.until_ns - ejection.since_ns) / 1'000'000);
                    json::object event = target_event(*target, "ejected", reason);
                    event["until"] = rfc3339(wall_of_steady(ejection.until_ns));
                    events_.publish(std::move(event));
                }
                if (over) {
                    spdlog::info("target_back service={} slot={} target={} why={}",
                                 log_value(target->service()), to_string(target->colour()),
                                 log_value(target->address()), to_string(ejection.why));
                    const route::TargetReport report = ports_.monitor.report(*target);
                    events_.publish(
                        target_event(*target, target_state(*target, report), "ejected no longer"));
                }
            }
        }
    }
}

}  // namespace switchyard::control
