#include "control/preview_view.hpp"

#include "control/body.hpp"
#include "route/preview_pass.hpp"
#include "route/preview_signs.hpp"

#include <algorithm>
#include <cstdint>

#include <spdlog/fmt/fmt.h>

namespace switchyard::control {

namespace json = boost::json;

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::uint64_t kLongestMs = 604'800'000;  // As long as any duration of the configuration.

/// The first host that is a name or an address; empty: there are patterns only.
std::string exact_host(const std::vector<std::string>& hosts) {
    const auto found = std::find_if(hosts.begin(), hosts.end(), [](const std::string& host) {
        return host.find('*') == std::string::npos;
    });
    return found == hosts.end() ? std::string() : *found;
}

bool takes_any_host(const std::vector<std::string>& hosts) {
    return std::find(hosts.begin(), hosts.end(), "*") != hosts.end();
}

std::string_view port_of(std::string_view address) {
    return address.substr(address.rfind(':') + 1);
}

/// A listener's address as a client of this machine writes it, without port.
std::string reachable(std::string_view address) {
    const std::string_view host = address.substr(0, address.rfind(':'));
    return host == "0.0.0.0" || host == "[::]" ? "localhost" : std::string(host);
}

/// In single quotes for a shell. (Nothing that is put in has one itself, but hosts and paths are
/// the operator's.)
std::string quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'') {
            out += "'\\''";
        } else {
            out += c;
        }
    }
    return out + "'";
}

}  // namespace

std::variant<PreviewRequest, Refusal> parse_preview(std::string_view body) {
    auto parsed = parse_object(body);
    if (auto* refusal = std::get_if<Refusal>(&parsed)) return std::move(*refusal);
    PreviewRequest request;
    for (const auto& field : std::get<json::object>(parsed)) {
        const std::string_view key = field.key();
        if (key != "for_ms") return unknown_key(key);
        const auto number = whole_number(field.value());
        if (!number || *number < 1'000 || *number > kLongestMs) {
            return wrong_value(key, fmt::format("a whole number from 1000 to {}", kLongestMs));
        }
        request.valid_for = milliseconds(static_cast<std::int64_t>(*number));
    }
    return request;
}

std::variant<PreviewPass, Refusal> issue_pass(const route::ServiceState& state,
                                              const PreviewRequest& request, Wall::time_point now) {
    if (!state.preview) return no_preview(state.name());
    const route::PreviewGate& gate = *state.preview;
    if (!gate.is_signed) {
        if (request.valid_for.count() != 0) {
            return bad_request(
                fmt::format("The preview of {} has no secret, so nothing of it expires.",
                            state.name()),
                "for_ms");
        }
        return PreviewPass{std::string(route::kOpenPass), "open", 0};
    }
    const milliseconds longest = seconds(gate.longest);
    milliseconds valid_for = std::min<milliseconds>(kPreviewFor, longest);
    if (request.valid_for.count() != 0) valid_for = request.valid_for;
    if (valid_for > longest) {
        return bad_request(fmt::format("A preview of {} may be valid for {} seconds at most "
                                       "(preview.max_for).",
                                       state.name(), gate.longest),
                           "for_ms");
    }
    PreviewPass pass;
    const auto since = std::chrono::floor<seconds>(now.time_since_epoch());
    pass.expires = (since + std::chrono::floor<seconds>(valid_for)).count();
    pass.id = route::new_pass_id();
    pass.text = route::make_pass(gate.keys.at(0), state.name(), pass.expires, pass.id);
    return pass;
}

std::string preview_base(const route::ServiceState& state,
                         const std::vector<ProcessFacts::ListenerFact>& listeners) {
    const config::Service& service = *state.config;
    if (service.preview->url) return service.preview->url->text();
    const ProcessFacts::ListenerFact* door = nullptr;
    for (const ProcessFacts::ListenerFact& listener : listeners) {
        if (listener.redirect) continue;
        if (door == nullptr || (listener.tls && !door->tls)) door = &listener;
    }
    if (door == nullptr) return {};
    std::string host = service.preview->host;
    if (host.empty()) host = exact_host(service.hosts);
    if (host.empty() && takes_any_host(service.hosts)) host = reachable(door->address);
    if (host.empty()) return {};
    const std::string_view port = port_of(door->address);
    const std::string_view usual = door->tls ? "443" : "80";
    std::string base = door->tls ? "https://" : "http://";
    base += host;
    if (port != usual) base.append(":").append(port);
    return base;
}

json::object preview_ways_json(const config::Service& service, const PreviewPass& pass,
                               const std::string& base) {
    const config::Preview& preview = *service.preview;
    std::string page = base + service.path;
    if (!page.ends_with('/')) page += '/';
    json::object ways;
    for (const char* key : {"link", "header", "cookie", "host", "curl"})
        ways[key] = nullptr;
    if (!preview.host.empty()) ways["host"] = preview.host;
    if (!base.empty() && !preview.cookie.empty()) {
        ways["link"] = fmt::format("{}?{}={}", page, route::kPreviewParameter, pass.text);
    }
    const auto pair = [&](const std::string& name) {
        json::object object;
        object["name"] = name;
        object["value"] = pass.text;
        return object;
    };
    const std::string to = base.empty() ? "URL" : quoted(page);
    if (!preview.cookie.empty()) {
        ways["cookie"] = pair(preview.cookie);
        ways["curl"] = fmt::format("curl -b {} {}", quoted(preview.cookie + "=" + pass.text), to);
    }
    if (!preview.header.empty()) {
        ways["header"] = pair(preview.header);
        ways["curl"] = fmt::format("curl -H {} {}", quoted(preview.header + ": " + pass.text), to);
    }
    if (!preview.host.empty() && !preview.is_signed() && !base.empty()) {
        ways["curl"] = fmt::format("curl {}", to);
    }
    return ways;
}

}  // namespace switchyard::control
