// What is done about targets and slots that fail, on the metrics page.
#include "observe/exposition_parts.hpp"
#include "observe/metric_family.hpp"

#include <map>
#include <utility>

namespace switchyard::observe {

void expose_failures(const Scrape& scrape, std::vector<MetricFamily>& page) {
    Family denied = counter("switchyard_request_retries_denied_total",
                            "Further tries that the budget did not allow.");
    // Keyed, so that a series can never come twice.
    std::map<std::pair<std::string, Colour>, std::uint64_t> slots;
    for (const auto& metrics : scrape.slots) {
        slots[{metrics->service(), metrics->colour()}] += metrics->sum(&SlotCell::retries_denied);
    }
    for (const auto& [key, count] : slots)
        denied.add({{"service", key.first}, {"slot", to_string(key.second)}}, count);

    Family ejections = counter("switchyard_target_ejections_total",
                               "How often the target was passed over for a while.");
    for (const TargetGauge& target : scrape.targets) {
        ejections.add({{"service", target.service},
                       {"slot", to_string(target.colour)},
                       {"target", target.address}},
                      target.ejections);
    }

    Family replay = gauge("switchyard_retry_body_bytes",
                          "Memory that copies of uploads take, for another try.");
    Family active = gauge("switchyard_failover_active",
                          "1 while the idle slot serves because the live one is down.");
    Family barred = gauge("switchyard_failover_barred",
                          "1 while the live slot is down and the idle one cannot serve instead.");
    Family failovers = counter("switchyard_failovers_total", "Failovers that began.");
    Family requests = counter("switchyard_failover_requests_total",
                              "Requests that the idle slot got in failovers.");
    Family seconds =
        counter("switchyard_failover_seconds_total", "How long failovers took, all together.");
    for (const ServiceGauge& service : scrape.services) {
        const Labels labels = {{"service", service.service}};
        replay.add(labels, service.replay_bytes);
        active.add(labels, service.failing_over);
        barred.add(labels, service.failover_barred);
        failovers.add(labels, service.failovers);
        requests.add(labels, service.failover_requests);
        seconds.add(labels, service.failover_seconds);
    }
    for (Family* family :
         {&denied, &ejections, &replay, &active, &barred, &failovers, &requests, &seconds}) {
        family->move_to(page);
    }
}

}  // namespace switchyard::observe
