#include "config/address.hpp"
#include "config/read.hpp"
#include "config/url.hpp"

#include <algorithm>

namespace switchyard::config {
namespace {

void read_provider(Section& section) {
    std::size_t provider = 0;
    section.read("provider", provider,
                 [](std::string_view text) { return parse_choice(text, {"digitalocean"}); });
    if (!section.has("provider")) section.missing("provider", "expected digitalocean");
}

void read_address(Section& section, std::string& address) {
    section.read("address", address, [](std::string_view text) -> Parsed<std::string> {
        auto ip = canonical_ip(text);
        if (!ip) return refusal(in_quotes(text) + " is not an IP address");
        return *std::move(ip);
    });
    if (!section.has("address")) section.missing("address", "expected the reserved IP");
}

/// The service that is followed has to say on which droplet each of its slots is.
void read_follows(Section& section, ReservedIp& ip, const std::vector<Service>& services) {
    section.read("follows", ip.follows,
                 [](std::string_view text) -> Parsed<std::string> { return std::string(text); });
    if (!section.has("follows")) {
        section.missing("follows", "expected the name of a service");
        return;
    }
    const Mark mark = section.mark("follows");
    const auto service = std::find_if(services.begin(), services.end(),
                                      [&](const Service& each) { return each.name == ip.follows; });
    if (service == services.end()) {
        std::string known;
        for (const Service& each : services)
            known += (known.empty() ? "" : ", ") + printable(each.name);
        section.problem(mark, "follows",
                        "there is no service " + in_quotes(ip.follows) +
                            (known.empty() ? "" : "; expected one of " + known));
        return;
    }
    for (const Colour colour : kColours) {
        const auto& slot = service->slots[index_of(colour)];
        if (!slot || slot->droplet_id) continue;
        section.problem(mark, "follows",
                        "the slot " + in_quotes(to_string(colour)) + " of " +
                            in_quotes(ip.follows) +
                            " has no 'droplet_id', so that nobody knows where the IP should go");
    }
    const auto& blue = service->slots[0];
    const auto& green = service->slots[1];
    if (blue && green && blue->droplet_id && blue->droplet_id == green->droplet_id) {
        section.problem(mark, "follows",
                        "both slots of " + in_quotes(ip.follows) + " have the droplet_id " +
                            std::to_string(*blue->droplet_id) + "; a switch would not move the IP");
    }
}

void read_times(Section& section, ReservedIp& ip) {
    section.duration("drift_interval", ip.drift_interval, 10ms, 24h);
    section.duration("poll_interval", ip.poll_interval, 10ms, 1h);
    section.duration("request_timeout", ip.request_timeout, 10ms, 10min);
    section.duration("slow_after", ip.slow_after, 10ms, 24h);
    section.section("retry", [&](Section& inner) {
        inner.duration("first", ip.retry.first, 1ms, 1h);
        inner.duration("longest", ip.retry.longest, 1ms, 24h);
        inner.duration("refused", ip.retry.refused, 1ms, 24h);
        if (ip.retry.first > ip.retry.longest) {
            inner.problem(inner.has("first") ? inner.mark("first") : inner.mark("longest"),
                          inner.has("first") ? "first" : "longest",
                          "the first delay, " + format_duration(ip.retry.first) +
                              ", is longer than the longest, " + format_duration(ip.retry.longest));
        }
    });
}

}  // namespace

ReservedIp read_reserved_ip(Section& section, const std::vector<Service>& services) {
    ReservedIp ip;
    read_provider(section);
    read_address(section, ip.address);
    read_follows(section, ip, services);
    section.file("token_file", ip.token_file);
    section.read("api", ip.api, parse_secret_url);
    section.file("ca_file", ip.ca_file);
    section.read("drift", ip.drift, [](std::string_view text) -> Parsed<ReservedIp::Drift> {
        const auto index = parse_choice(text, {"enforce", "alert"});
        if (!index) return index.error();
        return *index == 0 ? ReservedIp::Drift::enforce : ReservedIp::Drift::alert;
    });
    read_times(section, ip);
    section.section("metadata", [&](Section& inner) {
        inner.flag("confirm", ip.metadata_confirm);
        inner.read("url", ip.metadata_url, parse_http_url);
    });
    return ip;
}

}  // namespace switchyard::config
