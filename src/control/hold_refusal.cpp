// Why a service is not held, released or taken into maintenance.
#include "control/refusal.hpp"

#include <utility>

#include <spdlog/fmt/fmt.h>

namespace switchyard::control {

namespace json = boost::json;

namespace {

Refusal about(const std::string& service, unsigned status, std::string code, std::string message,
              std::string hint) {
    Refusal refusal{status, std::move(code), std::move(message), std::move(hint), {}};
    refusal.details["service"] = service;
    return refusal;
}

}  // namespace

Refusal already_held(const std::string& service, Wall::time_point since) {
    Refusal refusal =
        about(service, 409, "already_held",
              fmt::format("{} is held already, since {}.", service, rfc3339(since)),
              fmt::format("Switch without --hold, then: switchyard release {}", service));
    refusal.details["since"] = rfc3339(since);
    return refusal;
}

Refusal not_held(const std::string& service) {
    return about(service, 409, "not_held", fmt::format("{} is not held.", service),
                 fmt::format("A hold ends by itself when its time is up. See: switchyard history "
                             "{}",
                             service));
}

Refusal hold_too_long(const std::string& service, std::chrono::milliseconds wanted,
                      std::chrono::milliseconds most) {
    Refusal refusal = about(service, 400, "bad_request",
                            fmt::format("{} can be held for {} ms at most, not for {}.", service,
                                        most.count(), wanted.count()),
                            "Ask for less, or raise hold: max of the service. For longer work: "
                            "switchyard maintenance.");
    refusal.details["key"] = "max_ms";
    return refusal;
}

Refusal hold_not_acknowledged(const std::string& service, const std::vector<std::size_t>& workers) {
    Refusal refusal = not_acknowledged(service, workers);
    refusal.message = fmt::format(
        "Worker {} did not confirm the hold in time, so it was taken back: nothing is held.",
        workers.front());
    refusal.code = "hold_not_confirmed";
    refusal.details["committed"] = false;
    return refusal;
}

Refusal in_maintenance(const std::string& service, Wall::time_point since) {
    Refusal refusal =
        about(service, 409, "in_maintenance",
              fmt::format("{} is under maintenance since {}: there is nothing to hold.", service,
                          rfc3339(since)),
              fmt::format("Leave the hold away, or first: switchyard maintenance {} off", service));
    refusal.details["since"] = rfc3339(since);
    return refusal;
}

Refusal not_in_maintenance(const std::string& service) {
    return about(service, 409, "not_in_maintenance",
                 fmt::format("{} is not under maintenance.", service), "");
}

}  // namespace switchyard::control
