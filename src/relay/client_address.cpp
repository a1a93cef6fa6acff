#include "relay/client_address.hpp"

#include "config/cidr.hpp"
#include "http/validate.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>
#include <optional>

namespace switchyard::relay {

namespace {

/// "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80" without the
/// decoration.
std::string_view bare_address(std::string_view text) {
    if (text.starts_with('[')) return text.substr(1, text.find(']') - 1);
    const auto colon = text.find(':');
    if (colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos) {
        return text.substr(0, colon);
    }
    return text;
}

/// The 128-bit form of config::Cidr; false: no address.
bool to_bytes(std::string_view text, std::uint8_t (&bytes)[16]) {
    char copy[INET6_ADDRSTRLEN] = {};
    if (text.empty() || text.size() >= sizeof copy) return false;
    std::memcpy(copy, text.data(), text.size());
    if (::inet_pton(AF_INET6, copy, bytes) == 1) return true;
    std::uint8_t v4[4];
    if (::inet_pton(AF_INET, copy, v4) != 1) return false;
    std::fill(bytes, bytes + 10, std::uint8_t{0});
    bytes[10] = bytes[11] = 0xff;
    std::memcpy(bytes + 12, v4, sizeof v4);
    return true;
}

}  // namespace

std::string_view client_address(const http::RequestHead& request, const http::Peer& peer,
                                const std::vector<config::Cidr>& trusted_proxies) {
    if (!peer.trusted) return peer.address;
    std::string_view client = peer.address;
    // From right to left: the field that came last was added last.
    for (auto field = request.fields.rbegin(); field != request.fields.rend(); ++field) {
        if (!http::iequals(field->name, "X-Forwarded-For")) continue;
        std::string_view list = field->value;
        while (!list.empty()) {
            const auto comma = list.rfind(',');
            std::string_view token =
                comma == std::string_view::npos ? list : list.substr(comma + 1);
            list = comma == std::string_view::npos ? std::string_view() : list.substr(0, comma);
            while (!token.empty() && (token.front() == ' ' || token.front() == '\t'))
                token.remove_prefix(1);
            while (!token.empty() && (token.back() == ' ' || token.back() == '\t'))
                token.remove_suffix(1);
            if (token.empty()) continue;
            token = bare_address(token);
            std::uint8_t bytes[16];
            if (!to_bytes(token, bytes)) return client;
            client = token;
            if (!config::contains_any(trusted_proxies, bytes)) return client;
        }
    }
    return client;
}

bool came_encrypted(const http::RequestHead& request, const http::Peer& peer) noexcept {
    if (peer.tls() || !peer.trusted) return peer.tls();
    for (const http::Field& field : request.fields) {
        if (http::iequals(field.name, "X-Forwarded-Proto")) {
            return http::iequals(field.value, "https");
        }
    }
    return false;
}

}  // namespace switchyard::relay
