#include "config/names.hpp"
#include "config/read.hpp"
#include "config/url.hpp"

namespace switchyard::config {
namespace {

/// Scheme and authority alone: the path is the service's.
Parsed<HttpUrl> parse_origin(std::string_view text) {
    auto url = parse_http_url(text);
    if (url && !url->path.empty()) {
        return refusal(in_quotes(text) + " has a path; expected scheme and host alone");
    }
    return url;
}

}  // namespace

void read_preview(Section& section, Service& service, FileClaims& claims) {
    Preview& preview = service.preview.emplace();
    const auto empty_or = [](auto parse) {
        return [parse](std::string_view text) -> Parsed<std::string> {
            return text.empty() ? Parsed<std::string>(std::string()) : parse(text);
        };
    };
    section.read("header", preview.header, empty_or(parse_request_field_name));
    section.read("cookie", preview.cookie, empty_or(parse_cookie_name));
    section.read("host", preview.host, empty_or(parse_host_name));
    section.read("url", preview.url, parse_origin);
    read_secrets(section, preview.secret_file, preview.secret_credential, preview.secrets,
                 preview.secret_problem);
    section.duration("max_for", preview.max_for, 1s, kLongestDuration);
    section.flag("forward", preview.forward);

    if (!service.slots[0] || !service.slots[1]) {
        section.problem(section.mark(), "preview",
                        "shows the idle slot, and a service with one slot has none; expected "
                        "'blue' and 'green' in 'slots'");
    }
    if (preview.header.empty() && preview.cookie.empty() &&
        (preview.host.empty() || preview.is_signed())) {
        section.problem(section.mark(), "preview",
                        "no way is left to it; expected 'header' or 'cookie'");
    }
    if (preview.host.empty()) return;
    const Mark mark = section.mark("host");
    claims.preview_hosts.push_back({preview.host, mark});
    // (No path begins like a host, so this can't be taken for the claim of a route.)
    const auto* earlier =
        claims.routes.claim("preview " + preview.host + " " + service.path, service.name, mark);
    if (earlier != nullptr) {
        section.problem(mark, "host",
                        "the host " + in_quotes(preview.host) + " with the path " +
                            in_quotes(service.path) + " shows the preview of the service " +
                            in_quotes(earlier->owner) + " already (line " +
                            std::to_string(earlier->mark.line) + ")");
    }
}

void check_preview_hosts(const FileClaims& claims, Report& report) {
    for (const FileClaims::PreviewHost& preview : claims.preview_hosts) {
        const auto* taken = claims.hosts.find(preview.host);
        if (taken == nullptr) continue;
        report.add(preview.mark, "'host': " + in_quotes(preview.host) +
                                     " is a host of the service " + in_quotes(taken->owner) +
                                     " (line " + std::to_string(taken->mark.line) +
                                     "); expected one that nothing else is served under");
    }
}

}  // namespace switchyard::config
