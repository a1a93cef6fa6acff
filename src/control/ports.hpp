#pragma once

#include "base/colour.hpp"
#include "base/error.hpp"
#include "config/config.hpp"
#include "observe/exposition.hpp"
#include "observe/slot_metrics.hpp"
#include "route/snapshot.hpp"
#include "route/target_report.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

/// What the controller needs from the rest of the house: a few functions each, so that it can be
/// tested with faults at every step. All are called on the control thread, and awaitables complete
/// on it.
namespace switchyard::control {

/// Which workers passed a quiescent point after a publication.
struct PublishResult {
    /// Workers that had not answered at the deadline (the snapshot is in force all the same).
    std::vector<std::size_t> stuck_workers;
};

/// Makes snapshots visible to the workers.
class Publisher {
  public:
    virtual ~Publisher() = default;

    /// Stores the snapshot (from here on every later decision reads it), then waits until every
    /// worker passed a quiescent point: after that, no new lease on an older snapshot is possible.
    /// Keeps `snapshot` alive until a later one is published and every worker passed again.
    virtual boost::asio::awaitable<PublishResult> publish(
        std::shared_ptr<const route::Snapshot> snapshot) = 0;

    /// Ends every request that still holds a lease in `ledger`: 503 with Retry-After where no head
    /// was sent, abort otherwise. Completes when every worker has begun to.
    virtual boost::asio::awaitable<void> cut(std::shared_ptr<route::Ledger> ledger,
                                             route::Tunnels tunnels) = 0;

    /// Tells WebSockets of `ledger` to go away (C11): `share`, from 0 to 1, is how many of them
    /// have been told in all when this is done. Completes when every worker has told its own.
    virtual boost::asio::awaitable<void> close_tunnels(std::shared_ptr<route::Ledger> ledger,
                                                       double share) = 0;

    /// Number of workers (constant).
    [[nodiscard]] virtual std::size_t workers() const = 0;
};

/// What was seen of a target at its last health check. Kept by the monitor, control thread only.
using route::TargetReport;

/// Watches targets: active health checks and name resolution.
class HealthMonitor {
  public:
    virtual ~HealthMonitor() = default;

    /// From now on exactly these are watched; those that were watched already go on undisturbed
    /// unless their check's configuration changed. Targets that are addresses can be connected to
    /// when it returns.
    virtual void watch(
        const std::vector<std::pair<std::shared_ptr<route::Target>,
                                    std::shared_ptr<const config::Service>>>& targets) = 0;

    /// Until every watched host name was looked up once, well or not; at most `limit`.
    virtual boost::asio::awaitable<void> resolved(std::chrono::milliseconds limit) = 0;

    [[nodiscard]] virtual TargetReport report(const route::Target& target) const = 0;

    /// Called (control thread) whenever a target's health changes.
    virtual void on_change(
        std::function<void(const route::Target&, const TargetReport&)> callback) = 0;
};

/// The reserved IP follows the live slot; it never gates a switch (C17). A switch only hands over
/// what is wanted; the outcome is reported apart.
class ReservedIp {
  public:
    virtual ~ReservedIp() = default;
    /// What is configured from now on: before the first follow(), and after every reload, which
    /// then calls follow() again. Returns at once.
    virtual void configure(const config::Config& config) = 0;
    /// The live slot of `service` is now `live` as of `epoch`. Returns at once.
    virtual void follow(const std::string& service, Colour live, std::uint64_t epoch) = 0;
    /// JSON object for receipts and status of this service, or empty when none follows it.
    [[nodiscard]] virtual std::string status_json(const std::string& service) const = 0;
    /// The service that is followed; empty: there is no reserved IP.
    [[nodiscard]] virtual std::string service() const = 0;
    /// Whether the IP was last seen where `epoch` of the followed service, or a later one, wants
    /// it.
    [[nodiscard]] virtual bool followed(std::uint64_t epoch) const = 0;
    /// Looks at the IP now, and moves it if it has to; completes when it was looked at, well or
    /// not, or when that takes too long.
    virtual boost::asio::awaitable<void> sync() = 0;
    /// Called (control thread) with an event for each thing that happens to the IP.
    virtual void on_event(std::function<void(boost::json::object)> callback) = 0;
    [[nodiscard]] virtual std::optional<observe::ReservedIpGauge> gauge() const = 0;
};

/// What a reload has to change outside of routing: listeners, certificates, logs, limits.
class ReloadTarget {
  public:
    virtual ~ReloadTarget() = default;
    /// Prepares everything that can fail (reads certificates, binds new listeners) without changing
    /// what is in force. Errors say what and where.
    virtual Result<void> prepare(std::shared_ptr<const config::Config> config) = 0;
    /// Makes what was prepared effective; can't fail. Called right after the snapshot was
    /// published; completes when it is in force on every worker (or at a deadline, when one is
    /// stuck).
    virtual boost::asio::awaitable<void> apply() = 0;
    /// Throws away what was prepared.
    virtual void discard() = 0;
};

/// Facts about the running process for `status`.
class ProcessFacts {
  public:
    struct ListenerFact {
        std::string address;  ///< With the real port.
        bool tls = false;
        bool redirect = false;
    };
    virtual ~ProcessFacts() = default;
    [[nodiscard]] virtual std::vector<ListenerFact> listeners() const = 0;
    /// A cell a worker; valid as long as the process.
    [[nodiscard]] virtual std::span<const observe::WorkerCell> workers() const = 0;
    [[nodiscard]] virtual std::uint64_t access_log_dropped() const = 0;
};

}  // namespace switchyard::control
