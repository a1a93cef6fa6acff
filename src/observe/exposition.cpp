#include "observe/exposition.hpp"

#include "observe/exposition_parts.hpp"
#include "observe/metric_family.hpp"

#include <map>
#include <sstream>
#include <string_view>
#include <utility>

#include <prometheus/text_serializer.h>

namespace switchyard::observe {
namespace {

constexpr const char* kStatusClasses[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
constexpr double kMicrosecond = 1e-6;

/// One slot of one service, summed over its cells.
struct SlotTotals {
    std::array<std::uint64_t, 6> by_status_class{};
    std::array<std::uint64_t, kOutcomes> by_outcome{};
    std::array<std::uint64_t, kLatencyBoundsUs.size() + 1> latency{};
    std::uint64_t latency_sum_us = 0;
    std::uint64_t in_flight = 0;
    std::uint64_t upstream_connects = 0;
    std::uint64_t upstream_connect_failures = 0;
    std::uint64_t upstream_reuses = 0;
    std::uint64_t upstream_idle = 0;
    std::uint64_t retries = 0;
    std::uint64_t bytes_received = 0;
    std::uint64_t bytes_sent = 0;
    std::uint64_t tunnels = 0;
    std::uint64_t tunnels_opened = 0;
    std::uint64_t tunnels_closed = 0;
    std::uint64_t tunnel_bytes_received = 0;
    std::uint64_t tunnel_bytes_sent = 0;

    void add(const SlotCell& cell) {
        for (std::size_t i = 0; i < by_status_class.size(); ++i) {
            by_status_class[i] += cell.by_status_class[i].get();
        }
        for (std::size_t i = 0; i < kOutcomes; ++i)
            by_outcome[i] += cell.by_outcome[i].get();
        for (std::size_t i = 0; i < latency.size(); ++i)
            latency[i] += cell.latency[i].get();
        latency_sum_us += cell.latency_sum_us.get();
        in_flight += cell.in_flight.get();
        upstream_connects += cell.upstream_connects.get();
        upstream_connect_failures += cell.upstream_connect_failures.get();
        upstream_reuses += cell.upstream_reuses.get();
        upstream_idle += cell.upstream_idle.get();
        retries += cell.retries.get();
        bytes_received += cell.bytes_received.get();
        bytes_sent += cell.bytes_sent.get();
        tunnels += cell.tunnels.get();
        tunnels_opened += cell.tunnels_opened.get();
        tunnels_closed += cell.tunnels_closed.get();
        tunnel_bytes_received += cell.tunnel_bytes_received.get();
        tunnel_bytes_sent += cell.tunnel_bytes_sent.get();
    }
};

ClientMetric::Histogram latency_histogram(const SlotTotals& totals) {
    ClientMetric::Histogram histogram;
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < kLatencyBoundsUs.size(); ++i) {
        count += totals.latency[i];
        histogram.bucket.push_back({count, static_cast<double>(kLatencyBoundsUs[i]) / 1e6});
    }
    histogram.sample_count = count + totals.latency.back();
    histogram.sample_sum = static_cast<double>(totals.latency_sum_us) * kMicrosecond;
    return histogram;
}

void expose_slots(const Scrape& scrape, std::vector<MetricFamily>& page) {
    // Keyed, so that a series can never come twice.
    std::map<std::pair<std::string, Colour>, SlotTotals> slots;
    for (const auto& metrics : scrape.slots) {
        SlotTotals& totals = slots[{metrics->service(), metrics->colour()}];
        for (const SlotCell& cell : metrics->cells())
            totals.add(cell);
    }

    Family requests = counter("switchyard_requests_total",
                              "Requests routed to a slot that ended, by class of the status sent.");
    Family outcomes = counter("switchyard_request_outcomes_total",
                              "Requests routed to a slot that ended, by how they ended.");
    Family in_flight = gauge("switchyard_requests_in_flight", "Requests that a slot has now.");
    Family duration("switchyard_request_duration_seconds",
                    "From the request's first byte to the response's last.", MetricType::Histogram);
    Family connects = counter("switchyard_upstream_connects_total",
                              "Connections opened to the targets of a slot.");
    Family failures = counter("switchyard_upstream_connect_failures_total",
                              "Connections to the targets of a slot that could not be opened.");
    Family reuses = counter("switchyard_upstream_reuses_total",
                            "Requests sent on a connection that was open already.");
    Family idle = gauge("switchyard_upstream_idle_connections",
                        "Open connections to the targets of a slot that carry no request.");
    Family retries = counter("switchyard_request_retries_total", "Further tries of requests.");
    Family received =
        counter("switchyard_request_body_bytes_total", "Body bytes received from clients.");
    Family sent =
        counter("switchyard_response_bytes_total", "Bytes of heads and bodies sent to clients.");
    Family tunnels = gauge("switchyard_tunnels", "WebSockets and other tunnels open now.");
    Family opened = counter("switchyard_tunnels_opened_total", "Tunnels that were accepted.");
    Family closed = counter("switchyard_tunnels_closed_total",
                            "WebSockets that were told to go away, and ended after it.");
    Family through = counter("switchyard_tunnel_bytes_total",
                             "Bytes that passed through tunnels, by direction.");
    for (const auto& [key, totals] : slots) {
        const std::string_view service = key.first;
        const std::string_view slot = to_string(key.second);
        for (std::size_t i = 0; i < totals.by_status_class.size(); ++i) {
            requests.add({{"service", service}, {"slot", slot}, {"code", kStatusClasses[i]}},
                         totals.by_status_class[i]);
        }
        for (std::size_t i = 0; i < kOutcomes; ++i) {
            outcomes.add({{"service", service},
                          {"slot", slot},
                          {"outcome", to_string(static_cast<Outcome>(i))}},
                         totals.by_outcome[i]);
        }
        const Labels labels = {{"service", service}, {"slot", slot}};
        ClientMetric histogram = labelled(labels);
        histogram.histogram = latency_histogram(totals);
        duration.add(std::move(histogram));
        in_flight.add(labels, totals.in_flight);
        connects.add(labels, totals.upstream_connects);
        failures.add(labels, totals.upstream_connect_failures);
        reuses.add(labels, totals.upstream_reuses);
        idle.add(labels, totals.upstream_idle);
        retries.add(labels, totals.retries);
        received.add(labels, totals.bytes_received);
        sent.add(labels, totals.bytes_sent);
        tunnels.add(labels, totals.tunnels);
        opened.add(labels, totals.tunnels_opened);
        closed.add(labels, totals.tunnels_closed);
        through.add({{"service", service}, {"slot", slot}, {"direction", "received"}},
                    totals.tunnel_bytes_received);
        through.add({{"service", service}, {"slot", slot}, {"direction", "sent"}},
                    totals.tunnel_bytes_sent);
    }
    for (Family* family :
         {&requests, &outcomes, &in_flight, &duration, &connects, &failures, &reuses, &idle,
          &retries, &received, &sent, &tunnels, &opened, &closed, &through}) {
        family->move_to(page);
    }
}

/// Requests in preview: apart from those of the live slot, which alarms are made of.
void expose_previews(const Scrape& scrape, std::vector<MetricFamily>& page) {
    Family requests =
        counter("switchyard_preview_requests_total",
                "Requests in preview of the idle slot that ended, by class of the status sent.");
    Family outcomes = counter("switchyard_preview_request_outcomes_total",
                              "Requests in preview that ended, by how they ended.");
    Family in_flight =
        gauge("switchyard_preview_requests_in_flight", "Requests in preview that a slot has now.");
    for (const auto& metrics : scrape.previews) {
        SlotTotals totals;
        for (const SlotCell& cell : metrics->cells())
            totals.add(cell);
        const std::string_view service = metrics->service();
        const std::string_view slot = to_string(metrics->colour());
        for (std::size_t i = 0; i < totals.by_status_class.size(); ++i) {
            requests.add({{"service", service}, {"slot", slot}, {"code", kStatusClasses[i]}},
                         totals.by_status_class[i]);
        }
        for (std::size_t i = 0; i < kOutcomes; ++i) {
            outcomes.add({{"service", service},
                          {"slot", slot},
                          {"outcome", to_string(static_cast<Outcome>(i))}},
                         totals.by_outcome[i]);
        }
        in_flight.add({{"service", service}, {"slot", slot}}, totals.in_flight);
    }
    for (Family* family : {&requests, &outcomes, &in_flight})
        family->move_to(page);
}

void expose_services(const Scrape& scrape, std::vector<MetricFamily>& page) {
    Family live = gauge("switchyard_slot_live", "1 for the slot that gets production traffic.");
    Family epoch = gauge("switchyard_service_epoch",
                         "Grows by one with every committed change of the service's routing.");
    Family switches = counter("switchyard_switches_total", "Switches and rollbacks committed.");
    Family refused =
        counter("switchyard_switches_refused_total", "Switches and rollbacks refused.");
    Family drains = gauge("switchyard_drains_active", "Drains under way.");
    Family waiting = gauge("switchyard_drain_requests_in_flight",
                           "Requests that the drains under way wait for.");
    Family draining_tunnels = gauge("switchyard_drain_tunnels", "Tunnels of slots that drain.");
    Family kept =
        gauge("switchyard_kept_tunnels", "Tunnels that live on after the drain of their slot.");
    Family drained = counter("switchyard_drain_completed_requests_total",
                             "Requests that came to their end in a drain.");
    Family cut = counter("switchyard_drain_cut_requests_total",
                         "Requests that were cut at the deadline of a drain.");
    Family last_drain =
        gauge("switchyard_last_drain_duration_seconds", "How long the last drain took.");
    Family last_switch = gauge("switchyard_last_switch_duration_seconds",
                               "How long the last switch took, from the command to committed.");
    for (const ServiceGauge& service : scrape.services) {
        for (const Colour colour : kColours) {
            live.add({{"service", service.service}, {"slot", to_string(colour)}},
                     service.live == colour);
        }
        const Labels labels = {{"service", service.service}};
        epoch.add(labels, service.epoch);
        switches.add(labels, service.switches);
        refused.add(labels, service.switches_refused);
        drains.add(labels, service.drains_active);
        waiting.add(labels, service.drain_in_flight);
        draining_tunnels.add(labels, service.drain_tunnels);
        kept.add(labels, service.kept_tunnels);
        drained.add(labels, service.drained_requests);
        cut.add(labels, service.cut_requests);
        last_drain.add(labels, service.last_drain_seconds);
        last_switch.add(labels, service.last_switch_seconds);
    }

    Family healthy = gauge("switchyard_target_healthy", "1 if the target's health checks succeed.");
    Family ejected = gauge("switchyard_target_ejected",
                           "1 while the target is passed over, whatever its health checks say.");
    Family in_flight =
        gauge("switchyard_target_requests_in_flight", "Requests that a target has now.");
    for (const TargetGauge& target : scrape.targets) {
        const Labels labels = {{"service", target.service},
                               {"slot", to_string(target.colour)},
                               {"target", target.address}};
        healthy.add(labels, target.healthy);
        ejected.add(labels, target.ejected);
        in_flight.add(labels, target.in_flight);
    }
    for (Family* family :
         {&live, &epoch, &switches, &refused, &drains, &waiting, &draining_tunnels, &kept, &drained,
          &cut, &last_drain, &last_switch, &healthy, &ejected, &in_flight}) {
        family->move_to(page);
    }
}

void expose_deploys(const Scrape& scrape, std::vector<MetricFamily>& page) {
    Family ended = counter("switchyard_deploys_total", "Deploys that ended, by how they ended.");
    Family active = gauge("switchyard_deploys_active", "Deploys under way.");
    Family last =
        gauge("switchyard_last_deploy_duration_seconds", "How long the last deploy took.");
    Family stages = gauge("switchyard_last_deploy_stage_duration_seconds",
                          "How long the last deploy was in each stage that it went through.");
    for (const ServiceGauge& service : scrape.services) {
        if (!service.deploys) continue;
        const DeployGauge& deploys = *service.deploys;
        for (std::size_t i = 0; i < kDeployOutcomes.size(); ++i) {
            ended.add({{"service", service.service}, {"outcome", kDeployOutcomes[i]}},
                      deploys.ended[i]);
        }
        active.add({{"service", service.service}}, deploys.active);
        last.add({{"service", service.service}}, deploys.last_seconds);
        for (const auto& [stage, seconds] : deploys.last_stages)
            stages.add({{"service", service.service}, {"stage", stage}}, seconds);
    }
    for (Family* family : {&ended, &active, &last, &stages})
        family->move_to(page);
}

void expose_holds(const Scrape& scrape, std::vector<MetricFamily>& page) {
    Family active = gauge("switchyard_hold_active", "1 while requests of the service are held.");
    Family held = gauge("switchyard_held_requests", "Requests that are held now.");
    Family bytes = gauge("switchyard_held_bytes", "Memory that held requests take.");
    Family oldest =
        gauge("switchyard_held_oldest_seconds", "How long the oldest held request waits; 0: none.");
    Family ended = counter("switchyard_held_requests_total",
                           "Requests that were held, by how that ended. full: found no room.");
    Family wait =
        counter("switchyard_hold_wait_seconds_total", "How long requests were held, all together.");
    Family maintenance = gauge("switchyard_maintenance", "1 while the service is in maintenance.");
    Family answers = counter("switchyard_maintenance_answers_total",
                             "Requests that were answered with the maintenance page.");
    for (const ServiceGauge& service : scrape.services) {
        const Labels labels = {{"service", service.service}};
        active.add(labels, service.held);
        held.add(labels, service.held_requests);
        bytes.add(labels, service.held_bytes);
        oldest.add(labels, service.oldest_held_seconds);
        const std::pair<const char*, std::uint64_t> ends[] = {{"released", service.hold_released},
                                                              {"timed_out", service.hold_timed_out},
                                                              {"left", service.hold_left},
                                                              {"cut", service.hold_cut},
                                                              {"full", service.hold_full}};
        for (const auto& [end, count] : ends)
            ended.add({{"service", service.service}, {"end", end}}, count);
        wait.add(labels, service.hold_wait_seconds);
        maintenance.add(labels, service.in_maintenance);
        answers.add(labels, service.maintenance_answers);
    }
    for (Family* family :
         {&active, &held, &bytes, &oldest, &ended, &wait, &maintenance, &answers}) {
        family->move_to(page);
    }
}

void expose_reserved_ip(const ReservedIpGauge& ip, std::vector<MetricFamily>& page) {
    const Labels labels = {{"service", ip.service}, {"address", ip.address}};
    const auto single = [&](Family family, auto value) {
        family.add(labels, value);
        family.move_to(page);
    };
    single(gauge("switchyard_reserved_ip_desired_droplet",
                 "Id of the droplet that shall hold the reserved IP."),
           ip.desired_droplet);
    single(gauge("switchyard_reserved_ip_observed_droplet",
                 "Id of the droplet that held the reserved IP at the last look; 0: none."),
           ip.observed_droplet);
    single(gauge("switchyard_reserved_ip_following",
                 "1 if the reserved IP was where it should be at the last look."),
           ip.following);
    single(gauge("switchyard_reserved_ip_drift_seconds",
                 "For how long the reserved IP has not been where it should be; 0: it is."),
           ip.drift_seconds);
    single(counter("switchyard_reserved_ip_attempts_total",
                   "Moves of the reserved IP that were asked for."),
           ip.attempts);
    single(counter("switchyard_reserved_ip_failures_total",
                   "Requests for the reserved IP that failed."),
           ip.failures);
    single(counter("switchyard_reserved_ip_foreign_changes_total",
                   "Times that somebody else was seen to have moved the reserved IP."),
           ip.drifts);
    single(
        gauge("switchyard_reserved_ip_failing", "1 while what is asked for the reserved IP fails."),
        ip.failing);
    if (ip.last_error.empty()) return;
    Family error = gauge("switchyard_reserved_ip_last_error_timestamp_seconds",
                         "When the last request for the reserved IP failed, Unix time; the kind of "
                         "failure is the label.");
    error.add({{"service", ip.service}, {"address", ip.address}, {"kind", ip.last_error}},
              ip.last_error_at);
    error.move_to(page);
}

void expose_process(const Scrape& scrape, std::vector<MetricFamily>& page) {
    const auto sum = [&scrape](Counter WorkerCell::*member) {
        std::uint64_t total = 0;
        for (const WorkerCell& cell : scrape.workers)
            total += (cell.*member).get();
        return total;
    };
    const auto single = [&page](Family family, auto value) {
        family.add({}, value);
        family.move_to(page);
    };
    single(gauge("switchyard_connections", "Client connections open now."),
           sum(&WorkerCell::connections));
    single(counter("switchyard_connections_accepted_total", "Client connections accepted."),
           sum(&WorkerCell::connections_accepted));
    single(counter("switchyard_connections_refused_total",
                   "Client connections closed at once because of a limit."),
           sum(&WorkerCell::connections_refused));
    single(counter("switchyard_tls_handshakes_total", "TLS handshakes completed."),
           sum(&WorkerCell::tls_handshakes));
    single(counter("switchyard_tls_handshake_failures_total", "TLS handshakes that failed."),
           sum(&WorkerCell::tls_handshake_failures));
    single(counter("switchyard_tls_resumed_total", "TLS handshakes that resumed a session."),
           sum(&WorkerCell::tls_resumed));

    expose_proxy_protocol(scrape, page);

    single(counter("switchyard_http2_connections_total", "Client connections that spoke HTTP/2."),
           sum(&WorkerCell::http2_connections));
    single(counter("switchyard_http2_malformed_requests_total",
                   "Requests over HTTP/2 that were malformed: their streams were reset."),
           sum(&WorkerCell::http2_malformed));
    single(counter("switchyard_http2_refused_streams_total",
                   "Streams of HTTP/2 over the limit of concurrent ones: refused unprocessed."),
           sum(&WorkerCell::http2_refused));
    Family limits = counter("switchyard_http2_limits_total",
                            "Connections ended because a limit of HTTP/2 was passed, by limit.");
    for (std::size_t i = 0; i < kHttp2Limits; ++i) {
        std::uint64_t total = 0;
        for (const WorkerCell& cell : scrape.workers)
            total += cell.http2_limits[i].get();
        limits.add({{"limit", to_string(static_cast<Http2Limit>(i))}}, total);
    }
    limits.move_to(page);

    Family unrouted = counter("switchyard_unrouted_requests_total",
                              "Requests that reached no slot, by class of the status sent.");
    Family unrouted_outcomes = counter("switchyard_unrouted_request_outcomes_total",
                                       "Requests that reached no slot, by how they ended.");
    for (std::size_t i = 0; i < std::size(kStatusClasses); ++i) {
        std::uint64_t total = 0;
        for (const WorkerCell& cell : scrape.workers) {
            total += cell.unrouted_by_status_class[i].get();
        }
        unrouted.add({{"code", kStatusClasses[i]}}, total);
    }
    for (std::size_t i = 0; i < kOutcomes; ++i) {
        std::uint64_t total = 0;
        for (const WorkerCell& cell : scrape.workers)
            total += cell.unrouted_by_outcome[i].get();
        unrouted_outcomes.add({{"outcome", to_string(static_cast<Outcome>(i))}}, total);
    }
    unrouted.move_to(page);
    unrouted_outcomes.move_to(page);

    single(counter("switchyard_access_log_dropped_lines_total",
                   "Access log lines lost because the buffer was full."),
           scrape.access_log_dropped);
    single(gauge("switchyard_history_unwritten",
                 "Ends of changes that the state file has not taken yet."),
           scrape.history_unwritten);
    single(gauge("switchyard_workers", "Worker threads."),
           static_cast<std::uint64_t>(scrape.workers.size()));
    single(gauge("switchyard_uptime_seconds", "Time since the start."), scrape.uptime_seconds);
    single(gauge("switchyard_config_loaded_timestamp_seconds",
                 "When the configuration in force was loaded, Unix time."),
           scrape.config_loaded_at);
    single(gauge("switchyard_config_last_reload_successful",
                 "0 if the last reload was refused; 1 also before the first one."),
           scrape.last_reload_ok);
    Family build = gauge("switchyard_build_info", "Always 1; the version is the label.");
    build.add({{"version", scrape.version}}, true);
    build.move_to(page);
}

}  // namespace

std::string expose(const Scrape& scrape) {
    std::vector<MetricFamily> page;
    expose_slots(scrape, page);
    expose_upstream_http2(scrape, page);
    expose_previews(scrape, page);
    expose_compression(scrape, page);
    expose_services(scrape, page);
    expose_deploys(scrape, page);
    expose_holds(scrape, page);
    expose_canaries(scrape, page);
    expose_failures(scrape, page);
    if (scrape.reserved_ip) expose_reserved_ip(*scrape.reserved_ip, page);
    expose_process(scrape, page);
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, page);
    return std::move(out).str();
}

}  // namespace switchyard::observe
