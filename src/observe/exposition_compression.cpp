#include "observe/exposition_parts.hpp"
#include "observe/metric_family.hpp"

#include <array>
#include <map>

namespace switchyard::observe {

/// Live traffic and previews together.
void expose_compression(const Scrape& scrape, std::vector<MetricFamily>& page) {
    std::map<std::pair<std::string, Colour>, std::array<std::uint64_t, 3>> slots;
    for (const auto* list : {&scrape.slots, &scrape.previews}) {
        for (const auto& metrics : *list) {
            auto& totals = slots[{metrics->service(), metrics->colour()}];
            totals[0] += metrics->sum(&SlotCell::compressed);
            totals[1] += metrics->sum(&SlotCell::compression_bytes_in);
            totals[2] += metrics->sum(&SlotCell::compression_bytes_out);
        }
    }
    Family responses =
        counter("switchyard_compressed_responses_total", "Responses that were compressed.");
    Family in = counter("switchyard_compression_bytes_in_total",
                        "Body bytes of compressed responses, as the targets sent them.");
    Family out = counter("switchyard_compression_bytes_out_total",
                         "Body bytes of compressed responses, as they were sent on.");
    for (const auto& [key, totals] : slots) {
        const Labels labels = {{"service", key.first}, {"slot", to_string(key.second)}};
        responses.add(labels, totals[0]);
        in.add(labels, totals[1]);
        out.add(labels, totals[2]);
    }
    for (Family* family : {&responses, &in, &out})
        family->move_to(page);
}

}  // namespace switchyard::observe
