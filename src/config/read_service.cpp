#include "config/address.hpp"
#include "config/names.hpp"
#include "config/read.hpp"

#include <algorithm>
#include <cctype>
#include <limits>

namespace switchyard::config {
namespace {

void read_upstream_timeouts(Section& section, UpstreamTimeouts& timeouts) {
    section.duration("connect", timeouts.connect, 1ms, kLongestDuration);
    section.duration("response_head", timeouts.response_head, 1ms, kLongestDuration);
    section.duration("response_body", timeouts.response_body, 1ms, kLongestDuration);
    section.duration("request_write", timeouts.request_write, 1ms, kLongestDuration);
    section.duration("idle", timeouts.idle, 1ms, kLongestDuration);
    section.duration("tunnel_idle", timeouts.tunnel_idle, 1ms, kLongestDuration);
}

void read_upstream_http2(Section& section, UpstreamHttp2& http2) {
    section.number("max_concurrent_streams", http2.max_concurrent_streams, 1, 100'000);
    section.number("max_connections", http2.max_connections, 1, 10'000);
    section.size("stream_window", http2.stream_window, 64 * 1024 - 1, 16 * 1024 * 1024);
    section.duration("ping_interval", http2.ping_interval, 0ms, 1h);
    section.duration("ping_timeout", http2.ping_timeout, 100ms, 1h);
}

Parsed<Protocol> parse_slot_protocol(std::string_view text) {
    const auto index = parse_choice(text, {"http1", "h2c", "h2"});
    if (!index) return index.error();
    return static_cast<Protocol>(*index);
}

/// After `targets` and `tls`, which it has to agree with.
void read_slot_protocol(Section& section, Slot& slot) {
    section.read("protocol", slot.protocol, parse_slot_protocol);
    if (slot.protocol == Protocol::h2c && slot.tls) {
        section.problem(section.mark("protocol"), "protocol",
                        "h2c is HTTP/2 without TLS, and the targets of this slot speak TLS; "
                        "expected h2");
    } else if (slot.protocol == Protocol::h2 && !slot.tls) {
        section.problem(section.mark("protocol"), "protocol",
                        "h2 is HTTP/2 over TLS, which the targets of this slot do not speak; "
                        "expected h2c, or targets that begin with https://");
    }
    const bool http2 = slot.protocol != Protocol::http1;
    if (slot.tls) slot.tls->http2 = http2;
    for (Target& target : slot.targets)
        target.http2 = http2;
}

/// "package.Service"; "*": the server as a whole; empty: no such check.
Parsed<std::string> parse_grpc_service(std::string_view text) {
    if (text == "*") return std::string(text);
    const bool legal = std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-' || c == '/';
    });
    if (!legal || text.size() > 200) {
        return refusal(in_quotes(text) +
                       " is not the name of a gRPC service, like shop.Orders, and not \"*\"");
    }
    return std::string(text);
}

/// What only targets with HTTP/2 can be asked.
void check_grpc(Section& section, const Service& service) {
    if (service.health_check.kind != HealthCheck::Kind::grpc) return;
    for (const auto& slot : service.slots) {
        if (!slot || slot->protocol != Protocol::http1) continue;
        section.problem(section.mark("health_check"), "health_check",
                        "'grpc' needs HTTP/2, which the targets do not speak; expected 'protocol: "
                        "h2c' or 'protocol: h2' in each slot");
        return;
    }
}

void read_health_check(Section& section, HealthCheck& check) {
    section.read("path", check.path, parse_request_target);
    if (!check.path.empty()) check.kind = HealthCheck::Kind::http;
    std::string grpc;
    section.read("grpc", grpc, parse_grpc_service);
    if (!grpc.empty()) {
        check.kind = HealthCheck::Kind::grpc;
        if (grpc != "*") check.grpc = grpc;
        if (section.has("path")) {
            section.problem(section.mark("grpc"), "grpc",
                            "impossible together with 'path': a check asks for one of them");
        }
    }
    section.read("host", check.host, parse_host_field);
    section.duration("interval", check.interval, 10ms, 1h);
    section.duration("timeout", check.timeout, 10ms, 1h);
    section.number("healthy_after", check.healthy_after, 1, 1'000);
    section.number("unhealthy_after", check.unhealthy_after, 1, 1'000);
    StatusRange range{check.expect_min, check.expect_max};
    section.read("expect", range, parse_status_range);
    check.expect_min = range.first;
    check.expect_max = range.last;
    for (const std::string_view key : {"host", "expect"}) {
        if (section.has("path") || !section.has(key)) continue;
        if (key == "host" && !grpc.empty()) continue;
        section.problem(section.mark(key), key,
                        "has a meaning only together with 'path': without one the check only "
                        "connects");
    }
}

/// Whether the target is one of our own listeners: requests would go around in a circle.
const Claims::Claim* own_listener(const Target& target, const Claims& listeners) {
    if (const auto* claim = listeners.find(target.address)) return claim;
    if (target.host.starts_with("127.")) {
        return listeners.find(Endpoint{"0.0.0.0", target.port}.text());
    }
    return target.host == "::1" ? listeners.find(Endpoint{"::", target.port}.text()) : nullptr;
}

/// After the targets: they all are told what it says.
void read_slot_proxy_protocol(Section& section, Slot& slot) {
    section.read("proxy_protocol", slot.proxy_protocol,
                 [](std::string_view text) -> Parsed<ProxyProtocol> {
                     const auto index = parse_choice(text, {"off", "v1", "v2"});
                     if (!index) return index.error();
                     return static_cast<ProxyProtocol>(*index);
                 });
    if (slot.proxy_protocol != ProxyProtocol::off && slot.protocol != Protocol::http1) {
        section.problem(
            section.mark("proxy_protocol"), "proxy_protocol",
            "a connection of HTTP/2 is shared by clients, so it can't begin with who one "
            "of them is; expected off, or protocol http1");
    }
    for (Target& target : slot.targets)
        target.proxy_protocol = slot.proxy_protocol;
}

void read_slot(Section& section, Colour colour, Slot& slot, Claims& targets,
               const FileClaims& file) {
    slot.name = std::string(to_string(colour));
    section.read("name", slot.name, parse_slot_name);
    Claims own;
    const bool any = section.texts("targets", parse_target, [&](Target target, Mark mark) {
        const std::string& address = target.address;
        if (const auto* earlier = own.claim(address, "", mark)) {
            section.problem(
                mark, "targets",
                in_quotes(address) + " twice in one slot, " + first_given(earlier->mark));
        } else if (const auto* elsewhere =
                       targets.claim(address, std::string(to_string(colour)), mark)) {
            section.problem(mark, "targets",
                            in_quotes(address) + " is a target of the slot " +
                                in_quotes(elsewhere->owner) +
                                " too; a switch would change nothing for it");
        }
        if (const auto* listener = own_listener(target, file.listeners)) {
            section.problem(mark, "targets",
                            in_quotes(address) + " is a listener of this file (line " +
                                std::to_string(listener->mark.line) +
                                "): requests would go around in a circle");
        }
        slot.targets.push_back(std::move(target));
    });
    if (!any) section.missing("targets", "a slot needs at least one, like [\"10.0.0.2:8000\"]");
    read_slot_tls(section, slot);
    read_slot_protocol(section, slot);
    read_slot_proxy_protocol(section, slot);
    section.number("droplet_id", slot.droplet_id, 1, std::numeric_limits<std::int64_t>::max());
    read_deploy_to(section, file.ssh, slot);
}

void read_slots(Section& section, Service& service, const FileClaims& file) {
    const bool deploys = service.deploy.has_value();
    Claims targets;
    for (const Colour colour : kColours) {
        section.section(to_string(colour), [&](Section& inner) {
            Slot& slot = service.slots[index_of(colour)].emplace();
            read_slot(inner, colour, slot, targets, file);
            if (deploys && !inner.has("deploy_to")) {
                inner.missing("deploy_to",
                              "the service has 'deploy', which needs the hosts of both slots, "
                              "like [\"deploy@10.0.0.2\"]");
            } else if (!deploys && inner.has("deploy_to")) {
                inner.problem(inner.mark("deploy_to"), "deploy_to",
                              "has a meaning only together with 'deploy' of the service");
            }
        });
    }
    const auto& blue = service.slots[0];
    const auto& green = service.slots[1];
    if (!blue && !green) {
        section.missing("blue", "a service needs the slot 'blue' or 'green', or better both");
    }
    if (blue && green && blue->name == green->name) {
        section.problem(section.mark("green"), "green",
                        "both slots have the name " + in_quotes(green->name) +
                            "; nobody could tell them apart");
    }
}

/// The slot that is live before the state knows the service.
void read_initial_live(Section& section, Service& service) {
    if (!service.slots[index_of(service.initial_live)]) {
        service.initial_live = other(service.initial_live);
    }
    section.read("initial_live", service.initial_live, [](std::string_view text) -> Parsed<Colour> {
        const auto index = parse_choice(text, {"blue", "green"});
        if (!index) return index.error();
        return kColours[*index];
    });
    const bool any = service.slots[0] || service.slots[1];
    if (any && !service.slots[index_of(service.initial_live)]) {
        section.problem(section.mark("initial_live"), "initial_live",
                        "the service has no slot " + in_quotes(to_string(service.initial_live)));
    }
}

void read_tunnel_drain(Section& section, Service& service) {
    section.read("tunnels", service.drain_tunnels,
                 [](std::string_view text) -> Parsed<TunnelDrain> {
                     const auto index = parse_choice(text, {"keep", "close", "cut"});
                     if (!index) return index.error();
                     return static_cast<TunnelDrain>(*index);
                 });
    section.duration("keep_tunnels", service.keep_tunnels, 1ms, kLongestDuration);
}

/// "off", "any", the name of a protocol, or a list of names.
void read_upgrade(Section& section, Upgrade& upgrade) {
    const Value* value = section.value("upgrade");
    if (value == nullptr) return;
    if (value->kind == Value::Kind::list) {
        upgrade.protocols.clear();
        section.texts("upgrade", parse_protocol, [&](std::string name, Mark) {
            upgrade.protocols.push_back(std::move(name));
        });
        return;
    }
    std::string word;
    section.read("upgrade", word, [](std::string_view text) -> Parsed<std::string> {
        if (text == "off" || text == "any") return std::string(text);
        return parse_protocol(text);
    });
    if (word.empty()) return;
    upgrade.any = word == "any";
    upgrade.protocols.clear();
    if (word != "any" && word != "off") upgrade.protocols.push_back(std::move(word));
}

void claim_routes(Section& section, const Service& service, const std::vector<Mark>& marks,
                  FileClaims& claims) {
    Claims own;
    for (std::size_t i = 0; i < service.hosts.size(); ++i) {
        const std::string& host = service.hosts[i];
        if (const auto* earlier = own.claim(host, "", marks[i])) {
            section.problem(marks[i], "hosts",
                            in_quotes(host) + " twice, " + first_given(earlier->mark));
            continue;
        }
        claims.hosts.claim(host, service.name, marks[i]);
        const auto* earlier =
            claims.routes.claim(host + " " + service.path, service.name, marks[i]);
        if (earlier == nullptr) continue;
        section.problem(marks[i], "hosts",
                        "the host " + in_quotes(host) + " with the path " +
                            in_quotes(service.path) + " belongs to the service " +
                            in_quotes(earlier->owner) + " already (line " +
                            std::to_string(earlier->mark.line) + ")");
    }
}

}  // namespace

Service read_service(Section& section, const std::string& name, FileClaims& claims) {
    Service service;
    service.name = name;

    std::vector<Mark> marks;
    const bool any = section.texts("hosts", parse_service_host, [&](std::string host, Mark mark) {
        service.hosts.push_back(std::move(host));
        marks.push_back(mark);
    });
    section.read("path", service.path, parse_path_prefix);
    section.flag("strip_path", service.strip_path);
    if (!section.has("hosts")) {
        service.hosts.emplace_back("*");
        marks.push_back(section.mark());
    } else if (!any) {
        section.problem(section.mark("hosts"), "hosts",
                        "an empty list; leave the key out for any host");
    }
    claim_routes(section, service, marks, claims);

    section.section("deploy",
                    [&](Section& inner) { read_deploy(inner, service.deploy.emplace()); });
    if (service.deploy) claims.deploys.push_back(section.mark("deploy"));
    section.section("slots", [&](Section& inner) { read_slots(inner, service, claims); });
    if (!section.has("slots")) {
        section.missing("slots", "expected 'blue' and 'green', each with 'targets'");
    }
    read_initial_live(section, service);
    section.section("preview", [&](Section& inner) { read_preview(inner, service, claims); });
    section.section("canary", [&](Section& inner) { read_canary(inner, service); });
    if (service.deploy && service.slots[0].has_value() != service.slots[1].has_value()) {
        section.problem(section.mark("deploy"), "deploy",
                        "goes to the idle slot, and a service with one slot has none; expected "
                        "'blue' and 'green' in 'slots'");
    }

    section.section("health_check",
                    [&](Section& inner) { read_health_check(inner, service.health_check); });
    const milliseconds least = service.health_check.interval * service.health_check.healthy_after;
    if (service.deploy && service.deploy->healthy_within < least) {
        section.problem(
            section.mark("deploy"), "deploy",
            "'healthy_within' of " + format_duration(service.deploy->healthy_within) +
                " is too short for " + std::to_string(service.health_check.healthy_after) +
                " checks in a row with an interval of " +
                format_duration(service.health_check.interval) +
                ": no deploy could succeed; expected at least " + format_duration(least));
    }
    section.section("ejection", [&](Section& inner) { read_ejection(inner, service.ejection); });
    section.section("timeouts",
                    [&](Section& inner) { read_upstream_timeouts(inner, service.timeouts); });
    section.section("http2", [&](Section& inner) { read_upstream_http2(inner, service.http2); });
    section.section("drain", [&](Section& inner) {
        inner.duration("timeout", service.drain_timeout, 0ms, kLongestDuration);
        read_tunnel_drain(inner, service);
    });
    read_upgrade(section, service.upgrade);
    section.section("hold", [&](Section& inner) { read_hold(inner, service.hold); });
    section.section("compression", [&](Section& inner) {
        read_compression(inner, service.compression.emplace());
    });
    section.section("maintenance",
                    [&](Section& inner) { read_maintenance(inner, service.maintenance); });
    check_grpc(section, service);
    read_retries(section, service.retries);
    read_failover(section, service);
    section.number("max_idle_connections", service.max_idle_connections, 0, 65'535);
    section.section("limits", [&](Section& inner) {
        inner.size("body_bytes", service.body_bytes, 0, std::numeric_limits<std::int64_t>::max());
    });
    const auto empty_or = [](auto parse) {
        return [parse](std::string_view text) -> Parsed<std::string> {
            return text.empty() ? Parsed<std::string>(std::string()) : parse(text);
        };
    };
    section.read("served_by_header", service.served_by_header, empty_or(parse_header_name));
    section.read("server_info_path", service.server_info_path, empty_or(parse_path));
    section.flag("forward_host", service.forward_host);
    return service;
}

}  // namespace switchyard::config
