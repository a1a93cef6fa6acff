#include "config/read.hpp"

#include "config/address.hpp"
#include "config/cidr.hpp"
#include "config/error_page.hpp"
#include "config/names.hpp"

#include <limits>
#include <optional>

namespace switchyard::config {
namespace {

void read_workers(Section& top, std::uint32_t& workers) {
    top.read("workers", workers, [](std::string_view text) -> Parsed<std::uint64_t> {
        if (text == "auto") return std::uint64_t{0};
        auto number = parse_number(text, 1, 1'024);
        if (!number) return refusal(number.error().message + ", or auto");
        return number;
    });
}

/// Whether both can't be bound on one machine.
bool overlap(const Endpoint& one, const Endpoint& two) {
    if (one.port == 0 || one.port != two.port) return false;
    if (one.host == two.host) return true;
    return one.is_v6() == two.is_v6() && (one.is_any() || two.is_any());
}

void read_admin(Section& section, Admin& admin, const std::vector<Listener>& listeners) {
    section.file("socket", admin.socket);
    if (const auto why = socket_path_problem(admin.socket)) {
        section.problem(section.mark("socket"), "socket", *why);
    }
    section.read("socket_mode", admin.socket_mode, parse_mode);
    Endpoint metrics;
    section.read("metrics", metrics, [](std::string_view text) -> Parsed<Endpoint> {
        return text.empty() ? Parsed<Endpoint>(Endpoint()) : parse_endpoint(text);
    });
    if (metrics.host.empty()) return;
    admin.metrics = metrics.text();
    for (const Listener& listener : listeners) {
        if (!overlap(metrics, {listener.host, listener.port})) continue;
        section.problem(
            section.mark("metrics"), "metrics",
            "the listener " + in_quotes(listener.address) + " has this address already");
    }
}

void read_limits(Section& section, Limits& limits) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
    constexpr std::uint64_t kMostConnections = 10'000'000;
    section.size("head_bytes", limits.head_bytes, kKiB, kMiB);
    section.number("header_count", limits.header_count, 1, 10'000);
    section.size("target_bytes", limits.target_bytes, 16, kMiB);
    section.size("body_bytes", limits.body_bytes, 0, kMost);
    section.number("connections", limits.connections, 0, kMostConnections);
    section.number("connections_per_address", limits.connections_per_address, 0, kMostConnections);
    if (section.has("target_bytes") && limits.target_bytes > limits.head_bytes) {
        section.problem(section.mark("target_bytes"), "target_bytes",
                        format_size(limits.target_bytes) + " is more than head_bytes, " +
                            format_size(limits.head_bytes) + ", which holds the target too");
    }
    if (limits.connections > 0 && limits.connections_per_address > limits.connections) {
        section.problem(section.mark("connections_per_address"), "connections_per_address",
                        "more than 'connections', so that it could never be reached");
    }
}

void read_timeouts(Section& section, Timeouts& timeouts) {
    section.duration("tls_handshake", timeouts.tls_handshake, 1ms, kLongestDuration);
    section.duration("request_head", timeouts.request_head, 1ms, kLongestDuration);
    section.duration("request_body", timeouts.request_body, 1ms, kLongestDuration);
    section.duration("response_write", timeouts.response_write, 1ms, kLongestDuration);
    section.duration("keep_alive", timeouts.keep_alive, 1ms, kLongestDuration);
    section.duration("shutdown", timeouts.shutdown, 0ms, kLongestDuration);
}

void read_http2(Section& section, Http2& http2) {
    constexpr std::uint32_t kMost = 1'000'000;
    section.flag("enabled", http2.enabled);
    section.number("max_concurrent_streams", http2.max_concurrent_streams, 1, 10'000);
    section.size("stream_window", http2.stream_window, 64 * kKiB - 1, 16 * kMiB);
    section.size("header_table", http2.header_table, 0, kMiB);
    section.number("continuations", http2.continuations, 0, 1'000);
    section.number("resets_per_second", http2.resets_per_second, 1, kMost);
    section.number("settings_per_second", http2.settings_per_second, 1, kMost);
    section.number("pings_per_second", http2.pings_per_second, 1, kMost);
    section.number("ignored_frames_per_second", http2.ignored_frames_per_second, 1, kMost);
    section.number("empty_frames_per_second", http2.empty_frames_per_second, 1, kMost);
    section.number("window_updates_per_second", http2.window_updates_per_second, 1, kMost);
    section.duration("settings_timeout", http2.settings_timeout, 1ms, kLongestDuration);
}

void read_access_log(Section& section, AccessLog& log) {
    section.read("path", log.path, [&](std::string_view text) -> Parsed<std::string> {
        if (text.empty() || text == "-") return std::string(text);
        return section.reader().resolve(std::string(text));
    });
    section.read("format", log.format, [](std::string_view text) -> Parsed<AccessLog::Format> {
        const auto index = parse_choice(text, {"json", "combined"});
        if (!index) return index.error();
        return *index == 0 ? AccessLog::Format::json : AccessLog::Format::combined;
    });
    section.size("buffer", log.buffer_bytes, 4 * kKiB, 1024 * kMiB);
}

void read_log(Section& section, Log& log) {
    const std::vector<std::string_view> levels = {"trace", "debug", "info", "warn", "error"};
    section.read("level", log.level, [&](std::string_view text) -> Parsed<std::string> {
        const auto index = parse_choice(text, levels);
        if (!index) return index.error();
        return std::string(levels[*index]);
    });
}

void read_error_pages(Section& top, std::map<unsigned, ErrorPage>& pages) {
    top.entries("error_pages", [&](const std::string& key, Mark mark, const Value& value) {
        unsigned status = 0;
        if (key != "default") {
            const auto number = parse_number(key, 400, 599);
            if (!number) {
                top.problem(mark, "error_pages",
                            number.error().message + " (a status code), or 'default'");
                return;
            }
            status = static_cast<unsigned>(*number);
        }
        if (!top.is_scalar(value, key)) return;
        if (value.text.empty()) {
            top.problem(value.mark, key, "expected the path of a file, not an empty text");
            return;
        }
        auto text = read_error_page(top.reader().resolve(value.text));
        if (!text) {
            top.problem(value.mark, key, text.error().message);
            return;
        }
        pages[status].html = *std::move(text);
    });
}

void read_listeners(Section& top, Config& config, FileClaims& claims) {
    const bool any = top.sections("listeners", [&](Section& section) {
        Listener listener = read_listener(section, claims);
        for (const Listener& earlier : config.listeners) {
            if (earlier.address == listener.address) continue;  // Told already.
            if (!overlap({earlier.host, earlier.port}, {listener.host, listener.port})) continue;
            section.problem(section.mark("address"), "address",
                            in_quotes(listener.address) + " and " + in_quotes(earlier.address) +
                                " overlap: \"0.0.0.0\" and \"[::]\" take every address of the "
                                "machine already");
        }
        config.listeners.push_back(std::move(listener));
    });
    if (!any) {
        top.missing("listeners", "expected at least one, like [{address: \"0.0.0.0:80\"}]");
    }
}

void read_services(Section& top, Config& config, FileClaims& claims) {
    const bool any = top.entries("services", [&](const std::string& key, Mark mark,
                                                 const Value& value) {
        auto name = parse_service_name(key);
        if (!name) top.problem(mark, "services", name.error().message);
        top.section_of(value, "services." + printable(key), "services.*", [&](Section& section) {
            config.services.push_back(read_service(section, key, claims));
        });
    });
    if (!any) {
        top.missing("services", "expected at least one service, a name with 'hosts' and 'slots'");
    }
    check_preview_hosts(claims, top.reader().report);
}

/// Who deploys has to log in.
void need_login(const Ssh& ssh, const FileClaims& claims, Report& report) {
    if (!ssh.key_file.empty() || !ssh.agent.empty()) return;
    for (const Mark mark : claims.deploys) {
        report.add(mark,
                   "'deploy': nothing to log in with on the hosts; expected 'key_file' or 'agent' "
                   "in 'ssh' at the top level");
    }
}

}  // namespace

Config read_config(const Document& document, const std::string& file, const std::string& folder,
                   Report& report, KeyLog* log) {
    Config config;
    config.file = file;
    const Value* root = document.root();
    if (root == nullptr) return config;
    Reader reader{folder, report, log};
    if (root->kind != Value::Kind::map) {
        report.add(root->mark, "expected a map of keys and values, like 'listeners: [...]'");
        return config;
    }
    Section top(reader, *root, "", "");
    FileClaims claims;
    read_workers(top, config.workers);
    read_listeners(top, config, claims);
    top.section("admin",
                [&](Section& section) { read_admin(section, config.admin, config.listeners); });
    top.file("state", config.state);
    top.section("limits", [&](Section& section) { read_limits(section, config.limits); });
    top.section("timeouts", [&](Section& section) { read_timeouts(section, config.timeouts); });
    top.section("http2", [&](Section& section) { read_http2(section, config.http2); });
    top.section("access_log",
                [&](Section& section) { read_access_log(section, config.access_log); });
    top.section("log", [&](Section& section) { read_log(section, config.log); });
    top.texts("trusted_proxies", parse_ranges, [&](std::vector<Cidr> ranges, Mark) {
        config.trusted_proxies.insert(config.trusted_proxies.end(), ranges.begin(), ranges.end());
    });
    top.read("via", config.via, [](std::string_view text) -> Parsed<std::string> {
        return text.empty() ? Parsed<std::string>(std::string()) : parse_pseudonym(text);
    });
    read_error_pages(top, config.error_pages);
    top.section("ssh", [&](Section& section) { read_ssh(section, config.ssh); });
    claims.ssh = config.ssh;
    read_services(top, config, claims);
    top.section("reserved_ip", [&](Section& section) {
        config.reserved_ip = read_reserved_ip(section, config.services);
    });
    need_login(config.ssh, claims, report);
    top.finish();
    return config;
}

}  // namespace switchyard::config
