#include "config/address.hpp"

#include "config/names.hpp"
#include "config/report.hpp"
#include "config/values.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

namespace switchyard::config {
namespace {

struct HostAndPort {
    std::string_view host;  ///< Without brackets.
    bool bracketed = false;
    std::uint16_t port = 0;
};

Parsed<HostAndPort> split(std::string_view text, std::uint16_t least_port) {
    HostAndPort parts;
    std::size_t colon = text.rfind(':');
    if (text.starts_with('[')) {
        const std::size_t close = text.find(']');
        if (close == std::string_view::npos)
            return refusal(in_quotes(text) + " lacks the closing ]");
        parts.host = text.substr(1, close - 1);
        parts.bracketed = true;
        if (close + 1 == text.size()) colon = std::string_view::npos;
        if (colon != std::string_view::npos && colon != close + 1) {
            return refusal(in_quotes(text) + " is not an address; expected '[address]:port'");
        }
    } else {
        parts.host = text.substr(0, colon);
        if (parts.host.find(':') != std::string_view::npos) {
            return refusal(in_quotes(text) +
                           " needs brackets around an IPv6 address: '[::1]:8000'");
        }
    }
    if (colon == std::string_view::npos || colon + 1 == text.size()) {
        return refusal(in_quotes(text) + " has no port; expected 'address:port'");
    }
    const auto port = parse_number(text.substr(colon + 1), least_port, 65535);
    if (!port) return refusal(in_quotes(text) + " has a bad port: " + port.error().message);
    parts.port = static_cast<std::uint16_t>(*port);
    if (parts.host.empty()) {
        return refusal(in_quotes(text) + " has no address; expected 'address:port'");
    }
    return parts;
}

}  // namespace

std::string Endpoint::text() const {
    return (is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<std::string> canonical_ip(std::string_view text) {
    const std::string copy(text);
    if (copy.find('\0') != std::string::npos) return std::nullopt;
    char out[INET6_ADDRSTRLEN];
    in_addr v4{};
    if (inet_pton(AF_INET, copy.c_str(), &v4) == 1) {
        return std::string(inet_ntop(AF_INET, &v4, out, sizeof out));
    }
    in6_addr v6{};
    if (inet_pton(AF_INET6, copy.c_str(), &v6) == 1) {
        return std::string(inet_ntop(AF_INET6, &v6, out, sizeof out));
    }
    return std::nullopt;
}

Parsed<Endpoint> parse_endpoint(std::string_view text) {
    auto parts = split(text, 0);
    if (!parts) return parts.error();
    auto host = canonical_ip(parts->host);
    if (!host) {
        return refusal(in_quotes(text) + " does not begin with an IP address; expected one like " +
                       "'0.0.0.0:80' or '[::]:80'");
    }
    if (parts->bracketed != (host->find(':') != std::string::npos)) {
        return refusal(in_quotes(text) + " has brackets around an address that is not IPv6");
    }
    return Endpoint{*std::move(host), parts->port};
}

Parsed<Target> parse_target(std::string_view text) {
    Target target;
    std::string_view rest = text;
    if (rest.starts_with("http://") || rest.starts_with("https://")) {
        target.scheme = rest[4] == 's' ? Target::Scheme::https : Target::Scheme::http;
        rest.remove_prefix(rest.find('/') + 2);
        if (rest.ends_with('/')) rest.remove_suffix(1);
    } else if (const auto scheme = rest.find("://"); scheme != std::string_view::npos) {
        return refusal(in_quotes(text) + ": unknown scheme " + in_quotes(rest.substr(0, scheme)) +
                       "; expected 'address:port' or 'unix:/path'");
    }
    if (rest.starts_with("unix:")) {
        rest.remove_prefix(5);
        const std::string path(rest);
        if (!path.starts_with('/')) {
            return refusal(in_quotes(text) + " is not absolute; expected 'unix:/path'");
        }
        if (auto why = socket_path_problem(path)) return refusal(*std::move(why));
        target.kind = Target::Kind::unix_socket;
        target.address = "unix:" + path;
        target.host = path;
        return target;
    }
    if (rest.find('/') != std::string_view::npos) {
        return refusal(in_quotes(text) + " has a path; expected 'address:port'");
    }
    auto parts = split(rest, 1);
    if (!parts) return parts.error();
    target.port = parts->port;
    if (auto ip = canonical_ip(parts->host)) {
        target.kind = Target::Kind::ip;
        target.host = *ip;
        if (parts->bracketed != (ip->find(':') != std::string::npos)) {
            return refusal(in_quotes(text) + " has brackets around an address that is not IPv6");
        }
    } else if (parts->bracketed) {
        return refusal(in_quotes(text) + " has brackets around an address that is not IPv6");
    } else {
        auto name = parse_host_name(parts->host);
        if (!name) return name.error();
        target.kind = Target::Kind::name;
        target.host = *std::move(name);
    }
    target.address = Endpoint{target.host, target.port}.text();
    return target;
}

std::optional<std::string> socket_path_problem(const std::string& path) {
    if (path.size() > kMaxSocketPath) {
        return in_quotes(path) + " has " + std::to_string(path.size()) +
               " bytes; the path of a unix socket can have " + std::to_string(kMaxSocketPath);
    }
    if (path.find_first_of(std::string_view("\0\n\r", 3)) != std::string::npos) {
        return in_quotes(path) + " has control characters";
    }
    return std::nullopt;
}

}  // namespace switchyard::config
