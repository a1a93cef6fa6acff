#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>

/// What the parts of the metrics page are written with. Of this folder's own.
namespace switchyard::observe {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::initializer_list<std::pair<const char*, std::string_view>>;

inline ClientMetric labelled(Labels labels) {
    ClientMetric metric;
    metric.label.reserve(labels.size());
    for (const auto& [name, value] : labels)
        metric.label.push_back({name, std::string(value)});
    return metric;
}

/// One metric name with its samples. A family without samples is left out of the page.
class Family {
  public:
    Family(std::string name, std::string help, MetricType type) {
        family_.name = std::move(name);
        family_.help = std::move(help);
        family_.type = type;
    }

    void add(Labels labels, double value) {
        ClientMetric metric = labelled(labels);
        if (family_.type == MetricType::Counter) {
            metric.counter.value = value;
        } else {
            metric.gauge.value = value;
        }
        family_.metric.push_back(std::move(metric));
    }
    void add(Labels labels, std::uint64_t value) { add(labels, static_cast<double>(value)); }
    void add(Labels labels, bool value) { add(labels, value ? 1.0 : 0.0); }
    void add(ClientMetric metric) { family_.metric.push_back(std::move(metric)); }

    void move_to(std::vector<MetricFamily>& page) {
        if (!family_.metric.empty()) page.push_back(std::move(family_));
    }

  private:
    MetricFamily family_;
};

inline Family counter(const char* name, const char* help) {
    return {name, help, MetricType::Counter};
}
inline Family gauge(const char* name, const char* help) {
    return {name, help, MetricType::Gauge};
}

}  // namespace switchyard::observe
