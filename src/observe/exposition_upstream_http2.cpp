// Connections of HTTP/2 to targets, on the metrics page.
#include "observe/exposition_parts.hpp"
#include "observe/metric_family.hpp"

#include <array>
#include <map>
#include <utility>

namespace switchyard::observe {

namespace {

struct Totals {
    std::uint64_t connections = 0;
    std::uint64_t streams = 0;
    std::uint64_t goaways = 0;
    std::uint64_t resets = 0;
    std::array<std::uint64_t, kUpstreamHttp2Failures> failures{};

    void add(const UpstreamHttp2& cell) {
        connections += cell.connections.get();
        streams += cell.streams.get();
        goaways += cell.goaways.get();
        resets += cell.resets.get();
        for (std::size_t i = 0; i < failures.size(); ++i)
            failures[i] += cell.failures[i].get();
    }
};

}  // namespace

void expose_upstream_http2(const Scrape& scrape, std::vector<MetricFamily>& page) {
    // Keyed, so that a series can never come twice.
    std::map<std::pair<std::string, Colour>, Totals> slots;
    for (const auto& metrics : scrape.slots) {
        Totals& totals = slots[{metrics->service(), metrics->colour()}];
        for (const SlotCell& cell : metrics->cells())
            totals.add(cell.upstream_http2);
    }
    Family connections = gauge("switchyard_upstream_http2_connections",
                               "Connections of HTTP/2 to targets open now.");
    Family streams =
        gauge("switchyard_upstream_http2_streams", "Requests on connections of HTTP/2 to targets.");
    Family goaways = counter("switchyard_upstream_http2_goaways_total",
                             "Connections of HTTP/2 whose target said GOAWAY.");
    Family resets = counter("switchyard_upstream_http2_resets_total",
                            "Streams that targets have reset before the response was complete.");
    Family failures = counter("switchyard_upstream_http2_connection_failures_total",
                              "Connections of HTTP/2 to targets that failed, by reason.");
    for (const auto& [key, totals] : slots) {
        const Labels labels = {{"service", key.first}, {"slot", to_string(key.second)}};
        connections.add(labels, totals.connections);
        streams.add(labels, totals.streams);
        goaways.add(labels, totals.goaways);
        resets.add(labels, totals.resets);
        for (std::size_t i = 0; i < totals.failures.size(); ++i) {
            const auto reason = static_cast<UpstreamHttp2Failure>(i);
            failures.add({{"service", key.first},
                          {"slot", to_string(key.second)},
                          {"reason", to_string(reason)}},
                         totals.failures[i]);
        }
    }
    for (Family* family : {&connections, &streams, &goaways, &resets, &failures})
        family->move_to(page);
}

}  // namespace switchyard::observe
