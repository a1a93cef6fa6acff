#include "observe/exposition_parts.hpp"
#include "observe/metric_family.hpp"

namespace switchyard::observe {

void expose_canaries(const Scrape& scrape, std::vector<MetricFamily>& page) {
    Family share = gauge("switchyard_canary_share_ratio",
                         "Share of the clients that the canary has, 0 to 1; 0: none runs.");
    Family healthy =
        gauge("switchyard_canary_healthy", "0 while the canary's clients are sent to live.");
    Family differs = gauge("switchyard_canary_differs",
                           "1: more than live, beyond chance; -1: less; 0: not known to differ.");
    Family requests =
        counter("switchyard_canary_requests_total",
                "Requests that ended while a canary ran, by the slot that they went to and why.");
    for (const ServiceGauge& service : scrape.services) {
        if (!service.canary) continue;
        const CanaryGauge& canary = *service.canary;
        share.add({{"service", service.service}}, canary.share);
        for (const Colour colour : kColours) {
            for (std::size_t i = 0; i < kCanaryReasons; ++i) {
                requests.add({{"service", service.service},
                              {"slot", to_string(colour)},
                              {"reason", to_string(static_cast<CanaryReason>(i))}},
                             canary.requests[index_of(colour)][i]);
            }
        }
        if (!canary.slot) continue;
        const std::string_view slot = to_string(*canary.slot);
        healthy.add({{"service", service.service}, {"slot", slot}}, canary.healthy);
        differs.add({{"service", service.service}, {"slot", slot}, {"what", "errors"}},
                    static_cast<double>(canary.errors_differ));
        differs.add({{"service", service.service}, {"slot", slot}, {"what", "latency"}},
                    static_cast<double>(canary.latency_differs));
    }
    for (Family* family : {&share, &healthy, &differs, &requests})
        family->move_to(page);
}

}  // namespace switchyard::observe
