#include "route/host_table.hpp"

#include <algorithm>

namespace switchyard::route {

HostTable::HostTable(const std::vector<config::Service>& services) {
    for (std::size_t i = 0; i < services.size(); ++i) {
        std::string prefix = services[i].path;
        while (!prefix.empty() && prefix.back() == '/')
            prefix.pop_back();
        const Entry entry{prefix, static_cast<int>(i)};
        for (const std::string& host : services[i].hosts) {
            if (host == "*") {
                any_.push_back(entry);
            } else if (host.starts_with("*.")) {
                wildcard_[host.substr(2)].push_back(entry);
            } else {
                exact_[host].push_back(entry);
            }
        }
    }
    const auto sort = [](Entries& entries) {
        std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
            return a.prefix.size() > b.prefix.size();
        });
    };
    for (auto& [host, entries] : exact_)
        sort(entries);
    for (auto& [host, entries] : wildcard_)
        sort(entries);
    sort(any_);
}

int HostTable::find_path(const Entries& entries, std::string_view path) noexcept {
    for (const Entry& entry : entries) {
        if (entry.prefix.empty()) return entry.service;
        if (path.starts_with(entry.prefix) &&
            (path.size() == entry.prefix.size() || path[entry.prefix.size()] == '/')) {
            return entry.service;
        }
    }
    return -1;
}

int HostTable::find(std::string_view host, std::string_view path) const noexcept {
    if (!exact_.empty()) {
        if (const auto it = exact_.find(host); it != exact_.end()) {
            if (const int found = find_path(it->second, path); found >= 0) return found;
        }
    }
    if (!wildcard_.empty()) {
        for (std::size_t dot = host.find('.'); dot != std::string_view::npos && dot > 0;
             dot = host.find('.', dot + 1)) {
            if (const auto it = wildcard_.find(host.substr(dot + 1)); it != wildcard_.end()) {
                if (const int found = find_path(it->second, path); found >= 0) return found;
            }
        }
    }
    return find_path(any_, path);
}

}  // namespace switchyard::route
