#pragma once

#include "observe/slot_metrics.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace switchyard::observe {

/// What a scrape shows besides the cells: gathered by the control thread at that moment.
struct TargetGauge {
    std::string service;
    Colour colour{};
    std::string address;
    bool healthy = false;
    bool ejected = false;
    std::uint64_t in_flight = 0;
};

struct ServiceGauge {
    std::string service;
    Colour live{};
    std::uint64_t epoch = 0;
    std::uint64_t switches = 0;  ///< Committed since the start.
    std::uint64_t switches_refused = 0;
    std::uint64_t drains_active = 0;
    std::uint64_t drain_in_flight = 0;   ///< Requests that active drains wait for.
    std::uint64_t drained_requests = 0;  ///< Completed in drains since the start.
    std::uint64_t cut_requests = 0;
    double last_drain_seconds = 0;
    double last_switch_seconds = 0;  ///< Command duration.
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
    std::span<const WorkerCell> workers;
    std::vector<TargetGauge> targets;
    std::vector<ServiceGauge> services;
    std::optional<ReservedIpGauge> reserved_ip;
    std::uint64_t access_log_dropped = 0;
    double uptime_seconds = 0;
    std::string version;
    double config_loaded_at = 0;  ///< Unix seconds.
    bool last_reload_ok = true;
};

/// Prometheus text exposition (version 0.0.4) of a scrape, through prometheus-cpp's serializer.
/// Names start with "switchyard_".
[[nodiscard]] std::string expose(const Scrape& scrape);

}  // namespace switchyard::observe
