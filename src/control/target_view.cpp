#include "control/target_view.hpp"

#include <boost/json/array.hpp>
#include <spdlog/fmt/fmt.h>

namespace switchyard::control {

namespace json = boost::json;

using route::Health;
using route::TargetReport;

std::string_view target_state(const route::Target& target, const TargetReport& report) {
    switch (report.health) {
        case Health::healthy:
            return target.ejected(steady_now_ns()) ? "ejected" : "healthy";
        case Health::unhealthy:
            return "unhealthy";
        case Health::unknown:
            return "unknown";
    }
    return "unknown";
}

std::string target_reason(const TargetReport& report) {
    if (report.health == Health::healthy) return {};
    if (!report.error.empty()) return report.error;
    if (!report.checked_at) return "not checked yet";
    if (report.health == Health::unknown) return "not checked often enough yet";
    if (report.passed) {
        return fmt::format("{} of {} good checks in a row", report.good, report.needed);
    }
    if (report.status == 0) return "the check failed";
    std::string reason = fmt::format("status {}", report.status);
    if (!report.body_line.empty()) reason += ": " + report.body_line;
    return reason;
}

std::string ejection_text(const route::Ejected& ejection) {
    std::string text = "requests could not connect";
    if (ejection.why == route::Ejected::Why::errors) {
        text = "answered with errors, several in a row";
    } else if (ejection.why == route::Ejected::Why::slow) {
        text = "much slower than the others";
    }
    if (ejection.times > 1) text += fmt::format(" (the {}. time)", ejection.times);
    return text;
}

json::object target_event(const route::Target& target, std::string_view state,
                          std::string_view reason) {
    json::object event;
    event["event"] = "target";
    event["at"] = rfc3339(Wall::now());
    event["service"] = target.service();
    event["slot"] = to_string(target.colour());
    event["address"] = target.address();
    event["state"] = state;
    event["reason"] = reason;
    return event;
}

json::object target_json(const route::Target& target, const TargetReport& report) {
    json::object object;
    object["address"] = target.address();
    object["tls"] = target.config().tls();
    object["http2"] = target.config().http2;
    object["state"] = target_state(target, report);
    object["since"] = rfc3339(report.since);
    object["last_check"] = nullptr;
    if (report.checked_at) {
        json::object check;
        check["at"] = rfc3339(*report.checked_at);
        check["passed"] = report.passed;
        check["good"] = report.good;
        check["needed"] = report.needed;
        check["status"] = nullptr;
        if (report.status != 0) check["status"] = report.status;
        check["duration_ms"] =
            std::chrono::duration_cast<std::chrono::milliseconds>(report.duration).count();
        check["error"] = nullptr;
        if (!report.error.empty()) check["error"] = report.error;
        check["body_line"] = nullptr;
        if (!report.body_line.empty()) check["body_line"] = report.body_line;
        object["last_check"] = std::move(check);
    }
    object["in_flight"] = target.in_flight();
    json::array resolved;
    for (const std::string& address : report.resolved)
        resolved.emplace_back(address);
    object["resolved"] = std::move(resolved);
    object["ejected"] = nullptr;
    if (target.ejected(steady_now_ns())) {
        const route::Ejected ejection = target.ejection();
        json::object ejected;
        ejected["why"] = to_string(ejection.why);
        ejected["reason"] = ejection_text(ejection);
        ejected["since"] = rfc3339(wall_of_steady(ejection.since_ns));
        ejected["until"] = rfc3339(wall_of_steady(ejection.until_ns));
        ejected["times"] = ejection.times;
        object["ejected"] = std::move(ejected);
    }
    return object;
}

json::object refused_target_json(const route::Target& target, const TargetReport& report,
                                 Wall::time_point now) {
    json::object object = target_json(target, report);
    std::string reason = target_reason(report);
    if (!reason.empty() && report.checked_at) {
        const double age = std::chrono::duration<double>(now - *report.checked_at).count();
        reason += fmt::format(" (checked {:.1f} s ago)", age > 0 ? age : 0.0);
    }
    object["reason"] = reason;
    return object;
}

}  // namespace switchyard::control
