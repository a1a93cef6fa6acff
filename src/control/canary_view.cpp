#include "control/canary_view.hpp"

#include "control/canary_request.hpp"
#include "control/deploy_view.hpp"
#include "control/times.hpp"

#include <cmath>
#include <string>

#include <spdlog/fmt/fmt.h>

namespace switchyard::control {

namespace json = boost::json;

namespace {

using observe::CanaryJudge;

double percent(std::uint32_t share) {
    return share / 100.0;
}

/// Three digits are more than anybody should trust.
double rounded(double value) {
    if (value == 0) return 0;
    const double scale = std::pow(10, 2 - std::floor(std::log10(std::abs(value))));
    return std::round(value * scale) / scale;
}

json::value milliseconds(const std::optional<std::uint64_t>& us) {
    if (!us) return nullptr;
    return rounded(static_cast<double>(*us) / 1000);
}

json::object side_json(const route::SlotState& slot, const ServiceEntry& entry,
                       const observe::CanarySide& side) {
    json::object object;
    object["slot"] = to_string(slot.colour);
    object["slot_name"] = slot.name;
    object["release"] = release_json(entry.record.releases[index_of(slot.colour)]);
    object["answers"] = side.answers;
    object["errors"] = side.errors;
    object["error_percent"] = nullptr;
    if (side.answers != 0) {
        object["error_percent"] =
            rounded(100 * static_cast<double>(side.errors) / static_cast<double>(side.answers));
    }
    object["median_ms"] = milliseconds(side.median_us);
    object["p95_ms"] = milliseconds(side.p95_us);
    return object;
}

json::object finding_json(const CanaryJudge::Finding& finding, std::string_view higher,
                          std::string_view lower) {
    json::object object;
    object["differs"] = finding.found;
    object["canary"] = nullptr;
    if (finding.found) object["canary"] = finding.canary_higher ? higher : lower;
    object["p"] = nullptr;
    object["look"] = nullptr;
    if (finding.look != 0) {
        object["p"] = rounded(finding.p);
        object["look"] = finding.look;
    }
    return object;
}

/// "MORE ERRORS on the canary than chance explains (p = 1.2e-07)"; empty: nothing was found.
std::string finding_text(const CanaryJudge& judge) {
    std::string text;
    const auto add = [&](const CanaryJudge::Finding& finding, std::string_view higher,
                         std::string_view lower) {
        if (!finding.found) return;
        if (!text.empty()) text += "; ";
        text += fmt::format("{} than chance explains (p = {:.1g})",
                            finding.canary_higher ? higher : lower, finding.p);
    };
    add(judge.errors(), "MORE ERRORS on the canary", "fewer errors on the canary");
    add(judge.latency(), "the canary is SLOWER", "the canary is faster");
    return text;
}

json::object verdict_json(const CanaryWatch& watch, std::uint32_t share) {
    const CanaryJudge& judge = watch.judge;
    json::object object;
    std::string text = finding_text(judge);
    if (share >= observe::kCanaryPoints) {
        object["state"] = "nothing_to_compare";
        text = "nothing to compare with: all clients are on the canary";
    } else if (!text.empty()) {
        object["state"] = "differs";
    } else if (judge.looked()) {
        object["state"] = "no_difference";
        text = "no difference beyond chance so far";
    } else {
        object["state"] = "too_early";
        text = fmt::format(
            "too early to tell: the first look is at about {} answers of the smaller side",
            CanaryJudge::kFirstLook);
    }
    object["text"] = text;
    object["errors"] = finding_json(judge.errors(), "more", "fewer");
    object["latency"] = finding_json(judge.latency(), "slower", "faster");
    object["looks"] = judge.looks();
    object["alpha"] = observe::kCanaryAlpha;
    return object;
}

}  // namespace

json::object canary_changed_json(const route::ServiceState& state, Colour slot, std::uint32_t share,
                                 std::uint32_t before) {
    json::object line;
    line["event"] = "canary";
    line["service"] = state.name();
    line["action"] = share == 0 ? "off" : before == 0 ? "begin" : "share";
    line["slot"] = to_string(slot);
    line["slot_name"] = state.slot(slot)->name;
    line["live"] = to_string(state.live);
    line["percent"] = percent(share);
    line["former_percent"] = percent(before);
    line["epoch"] = state.epoch;
    return line;
}

json::object canary_health_json(const route::ServiceState& state, bool healthy) {
    json::object event;
    event["event"] = "canary_health";
    event["at"] = rfc3339(Wall::now());
    event["service"] = state.name();
    event["slot"] = to_string(other(state.live));
    event["healthy"] = healthy;
    event["percent"] = percent(state.canary->share);
    return event;
}

json::object canary_verdict_event_json(const route::ServiceState& state, const CanaryWatch& watch) {
    json::object event = verdict_json(watch, state.canary->share);
    event["event"] = "canary_verdict";
    event["at"] = rfc3339(Wall::now());
    event["service"] = state.name();
    event["slot"] = to_string(other(state.live));
    event["percent"] = percent(state.canary->share);
    return event;
}

json::object canary_plan_json(const route::ServiceState& state, const state::ServiceRecord& record,
                              std::uint32_t share) {
    const Colour slot = other(state.live);
    json::object plan;
    plan["plan"] = true;
    plan["service"] = state.name();
    plan["action"] = "canary";
    plan["slot"] = to_string(slot);
    plan["live"] = to_string(state.live);
    plan["release"] = release_json(record.releases[index_of(slot)]);
    plan["percent"] = percent(share);
    plan["former_percent"] = percent(record.canary ? record.canary->share : 0);
    plan["epoch"] = state.epoch;
    plan["epoch_after"] = state.epoch + 1;
    return plan;
}

json::value canary_settings_json(const route::ServiceState& state) {
    if (!state.config->canary) return nullptr;
    const config::Canary& canary = *state.config->canary;
    json::object object;
    object["stick"] = config::to_string(canary.stick);
    object["header"] = nullptr;
    if (!canary.header.empty()) object["header"] = canary.header;
    object["cookie"] = nullptr;
    object["max_age_ms"] = nullptr;
    if (canary.stick == config::Canary::Stick::cookie) {
        object["cookie"] = canary.cookie;
        object["max_age_ms"] = canary.max_age.count();
    }
    return object;
}

json::value canary_status_json(const route::ServiceState& state, const ServiceEntry& entry) {
    if (!entry.canary || !entry.record.canary || !state.canary || !state.canary->runs()) {
        return nullptr;
    }
    const CanaryWatch& watch = *entry.canary;
    const state::Canary& record = *entry.record.canary;
    const observe::CanaryTally tally = state.canary->counts->tally();
    const std::uint32_t share = state.canary->share;
    const route::SlotState& slot = *state.slot(record.slot);
    json::object object;
    object["slot"] = to_string(record.slot);
    object["percent"] = percent(share);
    object["since"] = rfc3339(record.since);
    object["share_since"] = rfc3339(record.share_since);
    object["compared_since"] = rfc3339(watch.compared_since);
    object["uid"] = record.uid;
    object["user"] = record.user;
    object["stick"] = config::to_string(state.canary->stick);
    object["healthy"] = watch.healthy;
    object["health_since"] = rfc3339(watch.health_since);
    object["live"] = side_json(state.live_slot(), entry, observe::canary_side(tally, share, false));
    object["canary"] = side_json(slot, entry, observe::canary_side(tally, share, true));
    object["verdict"] = verdict_json(watch, share);
    const std::size_t live = index_of(state.live);
    json::object back;
    back["unhealthy"] = state.canary->traffic->sum(live, observe::CanaryReason::unhealthy);
    back["failed"] = state.canary->traffic->sum(live, observe::CanaryReason::failed);
    object["sent_to_live"] = std::move(back);
    return object;
}

std::optional<observe::CanaryGauge> canary_gauge(const route::ServiceState& state,
                                                 const ServiceEntry& entry) {
    if (!state.canary) return std::nullopt;
    observe::CanaryGauge gauge;
    for (const Colour colour : kColours) {
        for (std::size_t i = 0; i < observe::kCanaryReasons; ++i) {
            gauge.requests[index_of(colour)][i] =
                state.canary->traffic->sum(index_of(colour), static_cast<observe::CanaryReason>(i));
        }
    }
    if (!entry.canary || !state.canary->runs()) return gauge;
    gauge.slot = other(state.live);
    gauge.share = static_cast<double>(state.canary->share) / observe::kCanaryPoints;
    gauge.healthy = entry.canary->healthy;
    const auto sign = [](const CanaryJudge::Finding& finding) {
        if (!finding.found) return 0;
        return finding.canary_higher ? 1 : -1;
    };
    gauge.errors_differ = sign(entry.canary->judge.errors());
    gauge.latency_differs = sign(entry.canary->judge.latency());
    return gauge;
}

}  // namespace switchyard::control
