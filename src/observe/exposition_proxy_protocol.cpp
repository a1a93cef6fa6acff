#include "observe/exposition_parts.hpp"
#include "observe/metric_family.hpp"

namespace switchyard::observe {

void expose_proxy_protocol(const Scrape& scrape, std::vector<MetricFamily>& page) {
    std::uint64_t taken = 0;
    for (const WorkerCell& cell : scrape.workers)
        taken += cell.proxy_headers.get();
    Family headers = counter("switchyard_proxy_protocol_headers_total",
                             "Client connections that began with a header of the PROXY protocol.");
    headers.add({}, taken);
    headers.move_to(page);

    Family faults = counter("switchyard_proxy_protocol_failures_total",
                            "Connections closed because their header of the PROXY protocol did not "
                            "come or was none, by reason.");
    for (std::size_t i = 0; i < kProxyFaults; ++i) {
        std::uint64_t total = 0;
        for (const WorkerCell& cell : scrape.workers)
            total += cell.proxy_faults[i].get();
        faults.add({{"reason", to_string(static_cast<ProxyFault>(i))}}, total);
    }
    faults.move_to(page);
}

}  // namespace switchyard::observe
