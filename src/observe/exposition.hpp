#pragma once

#include "observe/canary_counts.hpp"
#include "observe/slot_metrics.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace switchyard::observe {

/// What a scrape shows besides the cells: gathered by the control thread at that moment.
struct TargetGauge {
    std::string service;
    Colour colour{};
    std::string address;
    bool healthy = false;
    bool ejected = false;
    std::uint64_t ejections = 0;  ///< Since it is configured.
    std::uint64_t in_flight = 0;
};

/// How deploys end; the label `outcome`.
inline constexpr std::array<std::string_view, 6> kDeployOutcomes = {
    "deployed", "switched", "failed", "cancelled", "interrupted", "refused"};

/// Deploys of a service that has some, or could have.
struct DeployGauge {
    std::array<std::uint64_t, kDeployOutcomes.size()> ended{};  ///< Since the start.
    bool active = false;
    double last_seconds = 0;  ///< Of the last one that ended; 0: none yet.
    std::vector<std::pair<std::string, double>> last_stages;  ///< Those that it went through.
};

/// The canary of a service that could have one.
struct CanaryGauge {
    std::optional<Colour> slot;  ///< None: none runs.
    double share = 0;            ///< From 0 to 1.
    bool healthy = false;
    int errors_differ = 0;    ///< 1: more on the canary, -1: fewer.
    int latency_differs = 0;  ///< 1: the canary is slower, -1: faster.
    /// Since the start, by slot and reason.
    std::array<std::array<std::uint64_t, kCanaryReasons>, 2> requests{};
};

struct ServiceGauge {
    std::string service;
    Colour live{};
    std::uint64_t epoch = 0;
    std::uint64_t switches = 0;  ///< Committed since the start.
    std::uint64_t switches_refused = 0;
    std::uint64_t drains_active = 0;
    std::uint64_t drain_in_flight = 0;   ///< Requests that active drains wait for.
    std::uint64_t drain_tunnels = 0;     ///< Tunnels of the slots that drain.
    std::uint64_t kept_tunnels = 0;      ///< Tunnels that live on after a drain.
    std::uint64_t drained_requests = 0;  ///< Completed in drains since the start.
    std::uint64_t cut_requests = 0;
    double last_drain_seconds = 0;
    double last_switch_seconds = 0;  ///< Command duration.
    std::optional<DeployGauge> deploys{};
    bool held = false;
    std::uint64_t held_requests = 0;
    std::uint64_t held_bytes = 0;
    double oldest_held_seconds = 0;
    std::uint64_t hold_released = 0;  ///< These since the start.
    std::uint64_t hold_timed_out = 0;
    std::uint64_t hold_left = 0;
    std::uint64_t hold_cut = 0;
    std::uint64_t hold_full = 0;
    double hold_wait_seconds = 0;
    bool in_maintenance = false;
    std::uint64_t maintenance_answers = 0;
    std::optional<CanaryGauge> canary{};
    std::uint64_t replay_bytes = 0;
    bool failing_over = false;            ///< The idle slot serves.
    bool failover_barred = false;         ///< It should, and something speaks against it.
    std::uint64_t failovers = 0;          ///< These since the start, the present one included.
    std::uint64_t failover_requests = 0;  ///< Served by the idle slot.
    double failover_seconds = 0;
};

/// The reserved IP that follows a service.
struct ReservedIpGauge {
    std::string service;
    std::string address;
    std::uint64_t desired_droplet = 0;
    std::uint64_t observed_droplet = 0;  ///< 0: none, or not seen yet.
    bool following = false;
    double drift_seconds = 0;    ///< Since when it is not where it should be; 0: it is.
    std::uint64_t attempts = 0;  ///< Moves asked for since the start.
    std::uint64_t failures = 0;  ///< Requests to the API that failed since the start.
    std::uint64_t drifts = 0;    ///< Changes by others seen since the start.
    std::string last_error;      ///< Kind of the last failure; empty: none yet.
    double last_error_at = 0;    ///< Unix seconds.
    bool failing = false;
};

struct Scrape {
    std::vector<std::shared_ptr<SlotMetrics>> slots;
    std::vector<std::shared_ptr<SlotMetrics>> previews;  ///< Slots of services with a preview.
    std::span<const WorkerCell> workers;
    std::vector<TargetGauge> targets;
    std::vector<ServiceGauge> services;
    std::optional<ReservedIpGauge> reserved_ip;
    std::uint64_t access_log_dropped = 0;
    std::uint64_t history_unwritten = 0;  ///< Ends of changes that are not durable yet.
    double uptime_seconds = 0;
    std::string version;
    double config_loaded_at = 0;  ///< Unix seconds.
    bool last_reload_ok = true;
};

/// Prometheus text exposition (version 0.0.4) of a scrape, through prometheus-cpp's serializer.
/// Names start with "switchyard_".
[[nodiscard]] std::string expose(const Scrape& scrape);

}  // namespace switchyard::observe
