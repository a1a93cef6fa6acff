#include "control/reload_plan.hpp"

#include <algorithm>

#include <spdlog/fmt/fmt.h>

namespace switchyard::control {

namespace {

template <class Items, class Text>
bool contains(const Items& items, const Text& wanted, std::string Items::value_type::*member) {
    return std::any_of(items.begin(), items.end(),
                       [&](const auto& item) { return item.*member == wanted; });
}

void describe_slot(std::vector<std::string>& changes, const std::string& service, Colour colour,
                   const std::optional<config::Slot>& before,
                   const std::optional<config::Slot>& after) {
    const std::string_view name = to_string(colour);
    if (before == after) return;
    if (!before || !after) {
        changes.push_back(
            fmt::format("service {}: slot {} {}", service, name, after ? "added" : "removed"));
        return;
    }
    for (const config::Target& target : after->targets) {
        if (!contains(before->targets, target.address, &config::Target::address)) {
            changes.push_back(
                fmt::format("service {}: target {} added to {}", service, target.address, name));
        }
    }
    for (const config::Target& target : before->targets) {
        if (!contains(after->targets, target.address, &config::Target::address)) {
            changes.push_back(fmt::format("service {}: target {} removed from {}", service,
                                          target.address, name));
        }
    }
    if (!(before->tls == after->tls)) {
        const char* how = "changed";
        if (!before->tls) how = "turned on";
        if (!after->tls) how = "turned off";
        changes.push_back(
            fmt::format("service {}: TLS to the targets of {} {}", service, name, how));
    }
    if (before->droplet_id != after->droplet_id) {
        changes.push_back(
            fmt::format("service {}: droplet of {} is {} now", service, name,
                        after->droplet_id ? std::to_string(*after->droplet_id) : "none"));
    }
    if (before->name != after->name) {
        changes.push_back(
            fmt::format("service {}: slot {} is called {} now", service, name, after->name));
    }
}

void describe_service(std::vector<std::string>& changes, const config::Service& before,
                      const config::Service& after) {
    if (before == after) return;
    for (const Colour colour : kColours) {
        describe_slot(changes, after.name, colour, before.slots[index_of(colour)],
                      after.slots[index_of(colour)]);
    }
    if (before.hosts != after.hosts || before.path != after.path) {
        changes.push_back(fmt::format("service {}: hosts or path changed", after.name));
    }
    if (!(before.health_check == after.health_check)) {
        changes.push_back(fmt::format("service {}: health check changed", after.name));
    }
    config::Service rest = before;
    rest.hosts = after.hosts;
    rest.path = after.path;
    rest.health_check = after.health_check;
    for (const Colour colour : kColours) {
        rest.slots[index_of(colour)] = after.slots[index_of(colour)];
    }
    if (!(rest == after)) {
        changes.push_back(fmt::format("service {}: settings changed", after.name));
    }
}

}  // namespace

std::vector<std::string> restart_needed(const config::Config& old_config,
                                        const config::Config& new_config) {
    std::vector<std::string> problems;
    const auto compare = [&](std::string_view key, const auto& before, const auto& after) {
        if (before == after) return;
        problems.push_back(
            fmt::format("{} can't change without a restart (it is {} and would become {})", key,
                        before, after));
    };
    const auto workers = [](std::uint32_t count) {
        return count == 0 ? std::string("auto") : std::to_string(count);
    };
    const auto metrics = [](const std::string& address) {
        return address.empty() ? std::string("off") : address;
    };
    compare("workers", workers(old_config.workers), workers(new_config.workers));
    compare("state", old_config.state, new_config.state);
    compare("admin.socket", old_config.admin.socket, new_config.admin.socket);
    compare("admin.socket_mode", fmt::format("{:04o}", old_config.admin.socket_mode),
            fmt::format("{:04o}", new_config.admin.socket_mode));
    compare("admin.metrics", metrics(old_config.admin.metrics), metrics(new_config.admin.metrics));
    return problems;
}

std::vector<std::string> describe_changes(const config::Config& old_config,
                                          const config::Config& new_config) {
    std::vector<std::string> changes;
    for (const config::Service& after : new_config.services) {
        const auto before =
            std::find_if(old_config.services.begin(), old_config.services.end(),
                         [&](const config::Service& entry) { return entry.name == after.name; });
        if (before == old_config.services.end()) {
            changes.push_back(fmt::format("service {} added", after.name));
        } else {
            describe_service(changes, *before, after);
        }
    }
    for (const config::Service& before : old_config.services) {
        if (!contains(new_config.services, before.name, &config::Service::name)) {
            changes.push_back(fmt::format("service {} removed", before.name));
        }
    }
    for (const config::Listener& after : new_config.listeners) {
        if (!contains(old_config.listeners, after.address, &config::Listener::address)) {
            changes.push_back(fmt::format("listener {} added", after.address));
        } else if (std::find(old_config.listeners.begin(), old_config.listeners.end(), after) ==
                   old_config.listeners.end()) {
            changes.push_back(fmt::format("listener {} changed", after.address));
        }
    }
    for (const config::Listener& before : old_config.listeners) {
        if (!contains(new_config.listeners, before.address, &config::Listener::address)) {
            changes.push_back(fmt::format("listener {} removed", before.address));
        }
    }
    const auto note = [&](bool same, std::string_view what) {
        if (!same) changes.push_back(fmt::format("{} changed", what));
    };
    note(old_config.limits == new_config.limits, "limits");
    note(old_config.timeouts == new_config.timeouts, "timeouts");
    note(old_config.access_log == new_config.access_log, "access log");
    note(old_config.log == new_config.log, "log");
    note(old_config.trusted_proxies == new_config.trusted_proxies, "trusted proxies");
    note(old_config.via == new_config.via, "via");
    note(old_config.error_pages == new_config.error_pages, "error pages");
    note(old_config.ssh == new_config.ssh, "ssh");
    note(old_config.reserved_ip == new_config.reserved_ip, "reserved IP");
    const bool tls =
        std::any_of(new_config.listeners.begin(), new_config.listeners.end(),
                    [](const config::Listener& entry) { return entry.tls.has_value(); });
    if (tls) changes.emplace_back("certificates read again");
    return changes;
}

std::vector<std::string> reload_warnings(const config::Config& config) {
    std::vector<std::string> warnings;
    for (const config::Service& service : config.services) {
        if (service.slots[0] && service.slots[1]) continue;
        warnings.push_back(fmt::format("service {} has only slot {}: it can't be switched",
                                       service.name, service.slots[0] ? "blue" : "green"));
    }
    return warnings;
}

}  // namespace switchyard::control
