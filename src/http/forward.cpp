#include "http/forward.hpp"

#include "http/validate.hpp"

#include <cstring>

namespace switchyard::http {

namespace {

/// As an application behind CGI-like interfaces sees it: there "X_Forwarded_For" is
/// "X-Forwarded-For", so neither may pass from a client.
bool same_name(std::string_view name, std::string_view wanted) noexcept {
    if (name.size() != wanted.size()) return false;
    for (std::size_t i = 0; i < name.size(); ++i) {
        char c = name[i];
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
        if (c == '_') c = '-';
        if (c != wanted[i]) return false;
    }
    return true;
}

enum class Own : unsigned char {
    no,
    forwarded_for,
    forwarded_proto,
    forwarded_host,
    request_id,
    dropped,
    never_from_clients,
    peers_word,  ///< Says something of the client or the connection: from a trusted peer only.
};

/// Fields that the proxy sets itself and that Beast has no id for.
Own own_field(std::string_view name) noexcept {
    // What CGI-like interfaces turn into HTTP_PROXY, which libraries take for their own proxy.
    if (name.size() == 5 && same_name(name, "proxy")) return Own::never_from_clients;
    if (name.size() < 9 || (name[0] != 'X' && name[0] != 'x')) return Own::no;
    const Own rest = same_name(name.substr(0, 12), "x-forwarded-") ? Own::peers_word : Own::no;
    switch (name.size()) {
        case 9:
            return same_name(name, "x-real-ip") ? Own::peers_word : rest;
        case 12:
            return same_name(name, "x-request-id") ? Own::request_id : rest;
        case 15:
            return same_name(name, "x-forwarded-for") ? Own::forwarded_for : rest;
        case 16:
            return same_name(name, "x-forwarded-host") ? Own::forwarded_host : rest;
        case 17:
            return same_name(name, "x-forwarded-proto") ? Own::forwarded_proto : rest;
        case 18:
            return same_name(name, "x-switchyard-error") ? Own::dropped : rest;
        default:
            return rest;
    }
}

bool hop_by_hop(FieldId id) noexcept {
    switch (id) {
        case FieldId::connection:
        case FieldId::keep_alive:
        case FieldId::proxy_connection:
        case FieldId::te:
        case FieldId::transfer_encoding:
        case FieldId::content_length:  // The codec states the framing anew.
        case FieldId::upgrade:
        case FieldId::http2_settings:
        case FieldId::proxy_authorization:
        case FieldId::proxy_authenticate:
            return true;
        default:
            return false;
    }
}

/// Whether a Connection field names this one (rarely anything but close and keep-alive).
bool named_by_connection(const Fields& fields, const Field& field) {
    bool named = false;
    for (const Field& connection : fields) {
        if (connection.id != FieldId::connection) continue;
        for_each_token(connection.value, [&](std::string_view token) {
            if (iequals(token, field.name)) named = true;
        });
    }
    return named;
}

bool connection_names_fields(const Fields& fields) {
    bool names = false;
    for (const Field& field : fields) {
        if (field.id != FieldId::connection) continue;
        for_each_token(field.value, [&](std::string_view token) {
            if (!iequals(token, "close") && !iequals(token, "keep-alive")) names = true;
        });
    }
    return names;
}

/// RFC 7239 §6: an IPv6 address in brackets and quotes.
void append_node(std::string& out, std::string_view address) {
    if (address.find(':') == std::string_view::npos) {
        out += address;
    } else {
        out += "\"[";
        out += address;
        out += "]\"";
    }
}

void append_host(std::string& out, std::string_view host) {
    const bool quote = host.find_first_of(":[") != std::string_view::npos;
    if (quote) out += '"';
    out += host;
    if (quote) out += '"';
}

/// RFC 9110 §7.8: a token, and perhaps '/' and another.
bool is_protocol(std::string_view text) noexcept {
    bool version = false;
    std::size_t part = 0;
    for (const char c : text) {
        if (c == '/' && !version && part != 0) {
            version = true;
            part = 0;
            continue;
        }
        const bool letter = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                            (c >= 'A' && c <= 'Z') ||
                            (c != 0 && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr);
        if (!letter) return false;
        ++part;
    }
    return part != 0;
}

}  // namespace

void normalize_host(std::string_view host, std::string& out) {
    if (!host.empty() && host.front() == '[') {
        host = host.substr(0, host.find(']') + 1);
    } else {
        host = host.substr(0, host.find(':'));
    }
    if (host.size() > 1 && host.back() == '.') host.remove_suffix(1);
    out.assign(host);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    }
}

bool is_own_field(std::string_view name) noexcept {
    return own_field(name) != Own::no;
}

std::string_view trusted_request_id(const RequestHead& in, const Peer& peer) {
    if (!peer.trusted) return {};
    for (const Field& field : in.fields) {
        if (field.id != FieldId::unknown || own_field(field.name) != Own::request_id) continue;
        if (field.value.empty() || field.value.size() > 128) return {};
        for (const char c : field.value) {
            if (c <= 0x20 || c >= 0x7f || std::strchr("\"\\<>&'", c) != nullptr) return {};
        }
        return field.value;
    }
    return {};
}

std::string_view choose_upgrade(std::string_view wanted, UpgradePolicy policy,
                                std::span<const std::string> listed) noexcept {
    std::string_view chosen;
    if (policy == UpgradePolicy::off) return chosen;
    for_each_token(wanted, [&](std::string_view token) {
        if (!chosen.empty() || !is_protocol(token)) return;
        const std::string_view name = token.substr(0, token.find('/'));
        if (iequals(name, "h2c") || iequals(name, "h2") || iequals(name, "http") ||
            iequals(name, "tls")) {
            return;
        }
        if (policy == UpgradePolicy::any) {
            chosen = token;
            return;
        }
        for (const std::string& allowed : listed) {
            if (iequals(token, allowed) || iequals(name, allowed)) chosen = token;
        }
    });
    return chosen;
}

void forward_request(const RequestHead& in, const ForwardRequest& context, ForwardScratch& scratch,
                     Fields& out) {
    const Peer& peer = *context.peer;
    const bool names = connection_names_fields(in.fields);
    std::string_view proto = peer.tls() ? "https" : "http";
    std::string_view forwarded_host = in.host;
    scratch.forwarded_for.clear();
    scratch.forwarded.clear();
    out.clear();
    if (!context.host.empty()) out.push_back({FieldId::host, "Host", context.host});

    for (const Field& field : in.fields) {
        if (field.id != FieldId::unknown) {
            if (hop_by_hop(field.id) || field.id == FieldId::host) continue;
            if (field.id == FieldId::expect && !in.expect_continue) continue;
            if (field.id == FieldId::forwarded) {
                if (peer.trusted && !field.value.empty()) {
                    scratch.forwarded += field.value;
                    scratch.forwarded += ", ";
                }
                continue;
            }
        } else if (const Own own = own_field(field.name);
                   own != Own::no && !(own == Own::peers_word && peer.trusted)) {
            if (peer.trusted && !field.value.empty()) {
                if (own == Own::forwarded_for) {
                    scratch.forwarded_for += field.value;
                    scratch.forwarded_for += ", ";
                } else if (own == Own::forwarded_proto) {
                    proto = field.value;
                } else if (own == Own::forwarded_host) {
                    forwarded_host = field.value;
                }
            }
            continue;
        }
        if (names && named_by_connection(in.fields, field)) continue;
        out.push_back(field);
    }
    scratch.forwarded_for += peer.address;
    scratch.forwarded += "for=";
    append_node(scratch.forwarded, peer.address);
    if (!in.host.empty()) {
        scratch.forwarded += ";host=";
        append_host(scratch.forwarded, in.host);
    }
    scratch.forwarded += peer.tls() ? ";proto=https" : ";proto=http";

    out.push_back({FieldId::unknown, "X-Forwarded-For", scratch.forwarded_for});
    out.push_back({FieldId::unknown, "X-Forwarded-Proto", proto});
    if (!forwarded_host.empty()) {
        out.push_back({FieldId::unknown, "X-Forwarded-Host", forwarded_host});
    }
    out.push_back({FieldId::forwarded, "Forwarded", scratch.forwarded});
    out.push_back({FieldId::unknown, "X-Request-Id", context.request_id});
    if (!context.via.empty()) out.push_back({FieldId::via, "Via", context.via});
}

void forward_response(const ResponseHead& in, std::string_view served_by, Fields& out) {
    const bool names = connection_names_fields(in.fields);
    out.clear();
    for (const Field& field : in.fields) {
        if (field.id != FieldId::unknown) {
            if (hop_by_hop(field.id)) continue;
        } else {
            const Own own = own_field(field.name);
            if (own == Own::request_id || own == Own::dropped) continue;
            if (!served_by.empty() && iequals(field.name, served_by)) continue;
        }
        if (names && named_by_connection(in.fields, field)) continue;
        out.push_back(field);
    }
}

}  // namespace switchyard::http
