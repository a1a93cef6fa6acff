#pragma once

#include "base/colour.hpp"
#include "base/error.hpp"
#include "control/times.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

/// The errors of the admin API (docs/admin-api.md): one function each, so that code, status and
/// details of one kind are the same everywhere.
namespace switchyard::control {

/// Who asks: the peer of the admin socket, or the daemon itself for a signal.
struct Caller {
    std::uint32_t uid = 0;
    std::string user;  ///< Empty: the uid has no name.
};

/// A change that is being made right now.
struct ChangeUnderWay {
    Caller caller;
    std::string action;  ///< "switch", "rollback", "deploy", "reload"
    Wall::time_point since{};
    std::optional<Colour> slot{};  ///< That becomes live, or is deployed to; none: a reload.
    // Of a deploy:
    std::string version{};  ///< Empty: it names none.
    std::string stage{};
    Wall::time_point stage_since{};
};

struct Refusal {
    unsigned status = 500;
    std::string code;
    std::string message;
    std::string hint;
    boost::json::object details;

    /// {"error": {...}}
    [[nodiscard]] boost::json::object to_json() const;
};

[[nodiscard]] Refusal bad_request(std::string message, std::string_view key = {});
[[nodiscard]] Refusal not_found(std::string_view path);
[[nodiscard]] Refusal method_not_allowed(std::string_view allowed);
[[nodiscard]] Refusal too_large();
[[nodiscard]] Refusal unknown_service(const std::string& service, boost::json::array known);
/// `service` may be empty, for a reload.
[[nodiscard]] Refusal busy(const std::string& service, const ChangeUnderWay& change);
/// The service, or its idle slot, is not configured for deploys; `what` is missing.
[[nodiscard]] Refusal not_deployable(const std::string& service, std::string_view what);
/// Nobody deploys this service, and (`ever` false) nobody has since the daemon started.
[[nodiscard]] Refusal no_deploy(const std::string& service, bool ever);
/// A cancellation after the commit.
[[nodiscard]] Refusal already_committed(const std::string& service, Colour live,
                                        std::uint64_t epoch);
/// A deploy to the slot that serves because the live one is down.
[[nodiscard]] Refusal failover_serves(const std::string& service, Colour serving, Colour live,
                                      Wall::time_point since);
[[nodiscard]] Refusal epoch_mismatch(const std::string& service, std::uint64_t expected,
                                     std::uint64_t epoch, Colour live);
[[nodiscard]] Refusal no_such_slot(const std::string& service, Colour slot);
[[nodiscard]] Refusal unfinished_release(const std::string& service, Colour slot,
                                         const std::string& version);
[[nodiscard]] Refusal already_live(const std::string& service, Colour live, std::uint64_t epoch,
                                   Wall::time_point live_since);
[[nodiscard]] Refusal nothing_to_roll_back(const std::string& service, Colour live,
                                           std::uint64_t epoch);
/// `problems`: objects with file, line, column, message.
[[nodiscard]] Refusal invalid_config(const std::string& file, boost::json::array problems);
[[nodiscard]] Refusal state_failed(const std::string& file, const Error& cause);
[[nodiscard]] Refusal not_acknowledged(const std::string& service,
                                       const std::vector<std::size_t>& workers);
/// A hold that is in the way of another one.
[[nodiscard]] Refusal already_held(const std::string& service, Wall::time_point since);
[[nodiscard]] Refusal not_held(const std::string& service);
[[nodiscard]] Refusal hold_too_long(const std::string& service, std::chrono::milliseconds wanted,
                                    std::chrono::milliseconds most);
/// It was taken back: nothing is held.
[[nodiscard]] Refusal hold_not_acknowledged(const std::string& service,
                                            const std::vector<std::size_t>& workers);
[[nodiscard]] Refusal in_maintenance(const std::string& service, Wall::time_point since);
[[nodiscard]] Refusal not_in_maintenance(const std::string& service);
[[nodiscard]] Refusal no_reserved_ip();
/// The service has no section preview.
[[nodiscard]] Refusal no_preview(const std::string& service);
/// The service has no section canary.
[[nodiscard]] Refusal no_canary_section(const std::string& service);
/// None runs.
[[nodiscard]] Refusal no_canary(const std::string& service, Colour live, std::uint64_t epoch);
/// What was asked for is so already.
[[nodiscard]] Refusal canary_unchanged(const std::string& service, Colour slot,
                                       const std::string& percent);
/// The slot that `action` ("deploy", "rollback") is about serves a share of the clients.
[[nodiscard]] Refusal canary_running(const std::string& service, Colour slot,
                                     const std::string& percent, std::string_view action);
[[nodiscard]] Refusal stopping();
[[nodiscard]] Refusal internal_error(std::string_view what);

}  // namespace switchyard::control
