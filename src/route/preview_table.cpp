#include "route/preview_table.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace switchyard::route {

namespace {

void add_once(std::vector<std::string>& list, std::string name) {
    if (name.empty() || std::find(list.begin(), list.end(), name) != list.end()) return;
    list.push_back(std::move(name));
}

}  // namespace

PreviewGate::PreviewGate(const config::Preview& preview)
    : header(folded_field_name(preview.header)),
      cookie(preview.cookie),
      is_signed(preview.is_signed()),
      forward(preview.forward),
      longest(std::chrono::floor<std::chrono::seconds>(preview.max_for).count()) {
    for (const std::string& secret : preview.secrets)
        keys.push_back(make_pass_key(secret));
}

PreviewTable::PreviewTable(const std::vector<config::Service>& services, HostTable hosts)
    : hosts_(std::move(hosts)) {
    for (const config::Service& service : services) {
        if (!service.preview) continue;
        add_once(headers_, folded_field_name(service.preview->header));
        add_once(cookies_, service.preview->cookie);
    }
}

std::shared_ptr<const PreviewTable> PreviewTable::make(
    const std::vector<config::Service>& services) {
    bool any = false;
    std::vector<config::Service> shown;
    for (const config::Service& service : services) {
        config::Service& entry = shown.emplace_back();
        entry.path = service.path;
        if (!service.preview) continue;
        any = true;
        if (!service.preview->host.empty()) entry.hosts.push_back(service.preview->host);
    }
    if (!any) return nullptr;
    // (The constructor is private, so not make_shared.)
    return std::shared_ptr<const PreviewTable>(new PreviewTable(services, HostTable(shown)));
}

}  // namespace switchyard::route
