#include "control/refusal.hpp"

#include "config/suggest.hpp"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

namespace switchyard::control {

namespace json = boost::json;

json::object Refusal::to_json() const {
    json::object error;
    error["code"] = code;
    error["message"] = message;
    error["hint"] = hint;
    error["details"] = details;
    json::object answer;
    answer["error"] = std::move(error);
    return answer;
}

Refusal bad_request(std::string message, std::string_view key) {
    Refusal refusal{400, "bad_request", std::move(message), "", {}};
    if (!key.empty()) refusal.details["key"] = key;
    return refusal;
}

Refusal not_found(std::string_view path) {
    return {404,
            "not_found",
            fmt::format("There is nothing at {}.", path),
            "Paths start with /v1/, for example /v1/status.",
            {}};
}

Refusal method_not_allowed(std::string_view allowed) {
    return {405, "method_not_allowed", fmt::format("Only {} is allowed here.", allowed), "", {}};
}

Refusal too_large() {
    return {413, "too_large", "The request is larger than 64 KiB.", "", {}};
}

namespace {

/// Which services there are instead.
std::string other_services(const std::string& service, const json::array& known) {
    constexpr std::size_t kNamed = 8;
    if (known.empty()) return "The configuration in force has no service.";
    std::vector<std::string_view> names;
    for (const json::value& name : known)
        names.emplace_back(name.get_string());
    if (const std::string_view meant = config::nearest(service, names); !meant.empty()) {
        return fmt::format("Did you mean {}?", meant);
    }
    std::string out = fmt::format(
        "Services are: {}",
        fmt::join(names.begin(),
                  names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kNamed)),
                  ", "));
    if (names.size() > kNamed) out += fmt::format(" and {} more", names.size() - kNamed);
    return out + ".";
}

}  // namespace

Refusal unknown_service(const std::string& service, json::array known) {
    Refusal refusal{404,
                    "unknown_service",
                    fmt::format("There is no service {}.", service),
                    other_services(service, known),
                    {}};
    refusal.details["service"] = service;
    refusal.details["services"] = std::move(known);
    return refusal;
}

namespace {

/// "deploy of v42 to green by anna (uid 1000), since 2026-03-01T03:12:09.120Z, in the stage run"
std::string text_of(const ChangeUnderWay& change) {
    std::string text = change.action;
    if (!change.version.empty()) text += " of " + change.version;
    if (change.slot) text += fmt::format(" to {}", to_string(*change.slot));
    const std::string uid = fmt::format("uid {}", change.caller.uid);
    text += change.caller.user.empty() ? fmt::format(" by {}", uid)
                                       : fmt::format(" by {} ({})", change.caller.user, uid);
    text += fmt::format(", since {}", rfc3339(change.since));
    if (!change.stage.empty()) text += fmt::format(", in the stage {}", change.stage);
    return text;
}

std::int64_t milliseconds_since(Wall::time_point time) {
    const auto age =
        std::chrono::duration_cast<std::chrono::milliseconds>(Wall::now() - time).count();
    return std::max<std::int64_t>(0, age);  // The wall clock may be set back.
}

}  // namespace

Refusal busy(const std::string& service, const ChangeUnderWay& change) {
    Refusal refusal{409,
                    "busy",
                    fmt::format("Another change{} is under way: {}.",
                                service.empty() ? "" : " of " + service, text_of(change)),
                    "Wait until it is done, look at the status, and try again.",
                    {}};
    if (change.action == "deploy") {
        // Its slot may hold half a release: nobody may be sent there before it has ended.
        refusal.hint = fmt::format(
            "Follow it: switchyard deploy {0} --attach. Or end it, then try again: switchyard "
            "deploy {0} --cancel",
            service);
    }
    refusal.details["service"] = service;
    refusal.details["uid"] = change.caller.uid;
    refusal.details["user"] = change.caller.user;
    refusal.details["action"] = change.action;
    refusal.details["since"] = rfc3339(change.since);
    refusal.details["for_ms"] = milliseconds_since(change.since);
    refusal.details["slot"] = nullptr;
    if (change.slot) refusal.details["slot"] = to_string(*change.slot);
    refusal.details["version"] = nullptr;
    if (!change.version.empty()) refusal.details["version"] = change.version;
    refusal.details["stage"] = nullptr;
    refusal.details["stage_for_ms"] = nullptr;
    if (!change.stage.empty()) {
        refusal.details["stage"] = change.stage;
        refusal.details["stage_for_ms"] = milliseconds_since(change.stage_since);
    }
    return refusal;
}

Refusal not_deployable(const std::string& service, std::string_view what) {
    Refusal refusal{409,
                    "not_deployable",
                    fmt::format("{} can't be deployed: {}.", service, what),
                    "Correct the configuration, then reload.",
                    {}};
    refusal.details["service"] = service;
    return refusal;
}

Refusal no_deploy(const std::string& service, bool ever) {
    Refusal refusal{404,
                    "no_deploy",
                    fmt::format("No deploy of {} is under way{}.", service,
                                ever ? "" : ", and none was since the daemon started"),
                    fmt::format("Earlier ones: switchyard history {}", service),
                    {}};
    refusal.details["service"] = service;
    return refusal;
}

Refusal already_committed(const std::string& service, Colour live, std::uint64_t epoch) {
    Refusal refusal{409,
                    "already_committed",
                    fmt::format("It is too late to cancel: slot {} of {} is live (epoch {}), and "
                                "nothing is taken back.",
                                to_string(live), service, epoch),
                    fmt::format("The way back: switchyard rollback {}", service),
                    {}};
    refusal.details["service"] = service;
    refusal.details["live"] = to_string(live);
    refusal.details["epoch"] = epoch;
    return refusal;
}

Refusal failover_serves(const std::string& service, Colour serving, Colour live,
                        Wall::time_point since) {
    Refusal refusal{
        409,
        "failover_serves",
        fmt::format("Slot {} of {} serves the requests of {}, which is down (failover), since {}.",
                    to_string(serving), service, to_string(live), rfc3339(since)),
        fmt::format("Bring {0} back first. Or make {1} live, and deploy to {0}: switchyard switch "
                    "{2} {1}",
                    to_string(live), to_string(serving), service),
        {}};
    refusal.details["service"] = service;
    refusal.details["live"] = to_string(live);
    refusal.details["serving"] = to_string(serving);
    refusal.details["since"] = rfc3339(since);
    return refusal;
}

Refusal epoch_mismatch(const std::string& service, std::uint64_t expected, std::uint64_t epoch,
                       Colour live) {
    Refusal refusal{409,
                    "epoch_mismatch",
                    fmt::format("The epoch of {} is {}, not {}.", service, epoch, expected),
                    "Somebody changed it meanwhile: look at the status and the history.",
                    {}};
    refusal.details["service"] = service;
    refusal.details["expected"] = expected;
    refusal.details["epoch"] = epoch;
    refusal.details["live"] = to_string(live);
    return refusal;
}

Refusal no_such_slot(const std::string& service, Colour slot) {
    Refusal refusal{
        404,
        "no_such_slot",
        fmt::format("{} has no slot {} in the configuration.", service, to_string(slot)),
        "Add the slot to the configuration, then reload.",
        {}};
    refusal.details["service"] = service;
    refusal.details["slot"] = to_string(slot);
    return refusal;
}

Refusal unfinished_release(const std::string& service, Colour slot, const std::string& version) {
    Refusal refusal{
        409,
        "unfinished_release",
        fmt::format("Slot {} of {} holds {}, whose deploy did not succeed.", to_string(slot),
                    service, version.empty() ? std::string("a release") : version),
        "Deploy again, or switch anyway with --force.",
        {}};
    refusal.details["service"] = service;
    refusal.details["slot"] = to_string(slot);
    refusal.details["version"] = version;
    return refusal;
}

Refusal already_live(const std::string& service, Colour live, std::uint64_t epoch,
                     Wall::time_point live_since) {
    Refusal refusal{409,
                    "already_live",
                    fmt::format("Slot {} of {} is live already, since {}.", to_string(live),
                                service, rfc3339(live_since)),
                    "",
                    {}};
    refusal.details["service"] = service;
    refusal.details["live"] = to_string(live);
    refusal.details["epoch"] = epoch;
    refusal.details["live_since"] = rfc3339(live_since);
    return refusal;
}

Refusal nothing_to_roll_back(const std::string& service, Colour live, std::uint64_t epoch) {
    Refusal refusal{
        409,
        "nothing_to_roll_back",
        fmt::format("{} was never switched: there is nothing to roll back to.", service),
        "Use switch to make the other slot live.",
        {}};
    refusal.details["service"] = service;
    refusal.details["live"] = to_string(live);
    refusal.details["epoch"] = epoch;
    return refusal;
}

Refusal invalid_config(const std::string& file, json::array problems) {
    std::string message = "The configuration was not reloaded; the old one stays in force.";
    if (!problems.empty()) {
        const json::object& first = problems.front().as_object();
        message += fmt::format(" {}", std::string_view(first.at("message").as_string()));
    }
    Refusal refusal{422,
                    "invalid_config",
                    std::move(message),
                    "Correct the file; switchyardd --check --config FILE validates it.",
                    {}};
    refusal.details["file"] = file;
    refusal.details["problems"] = std::move(problems);
    return refusal;
}

Refusal state_failed(const std::string& file, const Error& cause) {
    Refusal refusal{
        500,
        "state_failed",
        fmt::format("The state could not be written, nothing changed: {}", cause.message),
        "Look at the disk that holds the state file.",
        {}};
    refusal.details["file"] = file;
    return refusal;
}

Refusal not_acknowledged(const std::string& service, const std::vector<std::size_t>& workers) {
    std::string names;
    json::array list;
    for (const std::size_t worker : workers) {
        names += (names.empty() ? "" : ", ") + std::to_string(worker);
        list.emplace_back(worker);
    }
    Refusal refusal{500,
                    "not_acknowledged",
                    fmt::format("The change is durable and visible, but worker {} did not confirm "
                                "it in time: it may still send requests the old way.",
                                names),
                    "Look at the log; if the worker does not come back, restart the daemon.",
                    {}};
    refusal.details["committed"] = true;
    refusal.details["service"] = service;
    if (!workers.empty()) refusal.details["worker"] = workers.front();
    refusal.details["workers"] = std::move(list);
    return refusal;
}

Refusal no_reserved_ip() {
    return {404,
            "no_reserved_ip",
            "No reserved IP is configured.",
            "Add the section reserved_ip to the configuration, then: switchyard reload",
            {}};
}

Refusal no_preview(const std::string& service) {
    return {404,
            "no_preview",
            fmt::format("{} has no preview: its idle slot can't be reached.", service),
            "Add the section preview to the service in the configuration, then: switchyard reload",
            {}};
}

Refusal no_canary_section(const std::string& service) {
    Refusal refusal{
        409,
        "no_canary_section",
        fmt::format("{} has no section canary: how its clients stick to their side is not "
                    "configured.",
                    service),
        fmt::format("Add \"canary: {{}}\" to the service in the configuration, then: switchyard "
                    "reload"),
        {}};
    refusal.details["service"] = service;
    return refusal;
}

Refusal no_canary(const std::string& service, Colour live, std::uint64_t epoch) {
    Refusal refusal{
        409,
        "no_canary",
        fmt::format("No canary of {} runs: all clients go to {}.", service, to_string(live)),
        fmt::format("To begin one: switchyard canary {} 5%", service),
        {}};
    refusal.details["service"] = service;
    refusal.details["live"] = to_string(live);
    refusal.details["epoch"] = epoch;
    return refusal;
}

Refusal canary_unchanged(const std::string& service, Colour slot, const std::string& percent) {
    Refusal refusal{
        409,
        "canary_unchanged",
        fmt::format("{} of the clients of {} go to {} already.", percent, service, to_string(slot)),
        "",
        {}};
    refusal.details["service"] = service;
    refusal.details["slot"] = to_string(slot);
    return refusal;
}

Refusal canary_running(const std::string& service, Colour slot, const std::string& percent,
                       std::string_view action) {
    Refusal refusal{
        409,
        "canary_running",
        fmt::format("Slot {} of {} serves production traffic: a canary sends {} of the clients "
                    "there.",
                    to_string(slot), service, percent),
        fmt::format("End it first: switchyard canary {0} off. Or make it live: switchyard canary "
                    "{0} promote",
                    service),
        {}};
    if (action == "rollback") {
        refusal.message = fmt::format(
            "A canary sends {} of the clients of {} to slot {}: a rollback now would send "
            "everybody there.",
            percent, service, to_string(slot));
        refusal.hint = fmt::format(
            "All clients back to the live slot: switchyard canary {0} off. Or roll back all the "
            "same, which ends the canary, with --force.",
            service);
    }
    refusal.details["service"] = service;
    refusal.details["slot"] = to_string(slot);
    refusal.details["percent"] = percent;
    return refusal;
}

Refusal stopping() {
    return {503, "stopping", "The daemon is shutting down.", "Try again when it is back.", {}};
}

Refusal internal_error(std::string_view what) {
    return {500,
            "internal",
            fmt::format("This should not happen: {}", what),
            "Please report it, with the daemon's log.",
            {}};
}

}  // namespace switchyard::control
