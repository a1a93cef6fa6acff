#pragma once

#include "observe/exposition.hpp"

#include <vector>

#include <prometheus/metric_family.h>

/// Parts of the metrics page that have a file of their own. Of this folder's own.
namespace switchyard::observe {

void expose_canaries(const Scrape& scrape, std::vector<prometheus::MetricFamily>& page);
void expose_compression(const Scrape& scrape, std::vector<prometheus::MetricFamily>& page);
/// Retries, ejections and failovers.
void expose_failures(const Scrape& scrape, std::vector<prometheus::MetricFamily>& page);
void expose_proxy_protocol(const Scrape& scrape, std::vector<prometheus::MetricFamily>& page);
void expose_upstream_http2(const Scrape& scrape, std::vector<prometheus::MetricFamily>& page);

}  // namespace switchyard::observe
