#include "config/url.hpp"

#include "config/address.hpp"
#include "config/names.hpp"
#include "config/report.hpp"
#include "config/values.hpp"

namespace switchyard::config {
namespace {

constexpr std::uint16_t default_port(bool tls) {
    return tls ? 443 : 80;
}

bool is_loopback(const std::string& host) {
    return host == "localhost" || host == "::1" ||
           (host.starts_with("127.") && canonical_ip(host).has_value());
}

}  // namespace

std::string HttpUrl::text() const {
    std::string out = tls ? "https://" : "http://";
    out += host.find(':') == std::string::npos ? host : "[" + host + "]";
    if (port != default_port(tls)) out += ":" + std::to_string(port);
    return out + path;
}

Parsed<HttpUrl> parse_http_url(std::string_view text) {
    HttpUrl url;
    std::string_view rest = text;
    if (rest.starts_with("https://")) {
        rest.remove_prefix(8);
    } else if (rest.starts_with("http://")) {
        url.tls = false;
        rest.remove_prefix(7);
    } else {
        return refusal(in_quotes(text) + " is not a URL; expected it to begin with 'https://'");
    }
    url.port = default_port(url.tls);
    const std::size_t slash = rest.find_first_of("/?#");
    std::string_view authority = rest.substr(0, slash);
    if (slash != std::string_view::npos && rest.substr(slash) != "/") {
        auto path = parse_path_prefix(rest.substr(slash));
        if (!path) return refusal("the path " + path.error().message);
        url.path = *std::move(path);
    }
    if (authority.find('@') != std::string_view::npos) {
        return refusal("a URL with a user or password; expected a host alone");
    }
    const std::size_t colon = authority.rfind(':');
    if (colon != std::string_view::npos && !authority.ends_with(']')) {
        const auto port = parse_number(authority.substr(colon + 1), 1, 65535);
        if (!port) return refusal("port " + port.error().message);
        url.port = static_cast<std::uint16_t>(*port);
        authority = authority.substr(0, colon);
    }
    if (authority.starts_with('[') && authority.ends_with(']')) {
        const auto ip = canonical_ip(authority.substr(1, authority.size() - 2));
        if (!ip || ip->find(':') == std::string::npos) {
            return refusal(in_quotes(authority) + " is not an IPv6 address in brackets");
        }
        url.host = *ip;
        return url;
    }
    if (const auto ip = canonical_ip(authority)) {
        url.host = *ip;
        return url;
    }
    auto host = parse_host_name(authority);
    if (!host) return host.error();
    url.host = *std::move(host);
    return url;
}

Parsed<HttpUrl> parse_secret_url(std::string_view text) {
    auto url = parse_http_url(text);
    if (url && !url->tls && !is_loopback(url->host)) {
        return refusal(in_quotes(text) +
                       " would send the token without encryption; expected 'https://'");
    }
    return url;
}

}  // namespace switchyard::config
