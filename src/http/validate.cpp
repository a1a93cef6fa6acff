#include "http/validate.hpp"

#include "http/forward.hpp"

#include <array>
#include <limits>

namespace switchyard::http {

namespace {

constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
constexpr bool is_alpha(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_hex(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

/// Graphic ASCII but '#': a fragment never belongs into a request (RFC 9112 §3.2).
constexpr std::array<bool, 256> kTargetChars = [] {
    std::array<bool, 256> table{};
    for (int c = 0x21; c <= 0x7e; ++c)
        table[static_cast<std::size_t>(c)] = c != '#';
    return table;
}();

bool legal_target(std::string_view target) noexcept {
    for (const char c : target) {
        if (!kTargetChars[static_cast<unsigned char>(c)]) return false;
    }
    return true;
}

/// RFC 9110 §5.5: no CR, LF, NUL; other control characters but HTAB have no business either.
bool legal_value(std::string_view value) noexcept {
    for (const char c : value) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f) return false;
    }
    return true;
}

/// What the fields say about framing, requests and responses alike.
struct FramingFields {
    bool has_length = false;
    std::uint64_t length = 0;
    bool has_coding = false;
    bool chunked = false;  ///< Exactly "chunked", once.
    bool connection_close = false;
    bool connection_keep_alive = false;
    bool connection_upgrade = false;
    unsigned upgrades = 0;  ///< Upgrade fields.
    std::string_view upgrade;
    bool bad = false;  ///< Illegal length or value, or a repeated length.
};

/// All Connection fields of a message together; nobody sends more than some names.
constexpr std::size_t kMaxConnectionBytes = 1024;

FramingFields read_framing(const Fields& fields) {
    FramingFields out;
    std::size_t connection_bytes = 0;
    for (const Field& field : fields) {
        if (!legal_value(field.value)) out.bad = true;
        switch (field.id) {
            case FieldId::content_length:
                if (out.has_length || !parse_content_length(field.value, out.length)) {
                    out.bad = true;
                }
                out.has_length = true;
                break;
            case FieldId::transfer_encoding:
                out.chunked = !out.has_coding && iequals(field.value, "chunked");
                out.has_coding = true;
                break;
            case FieldId::connection:
                // Every other field is compared with these names.
                connection_bytes += field.value.size();
                if (connection_bytes > kMaxConnectionBytes) out.bad = true;
                for_each_token(field.value, [&](std::string_view token) {
                    if (iequals(token, "close")) out.connection_close = true;
                    if (iequals(token, "keep-alive")) out.connection_keep_alive = true;
                    if (iequals(token, "upgrade")) out.connection_upgrade = true;
                });
                break;
            case FieldId::upgrade:
                ++out.upgrades;
                out.upgrade = field.value;
                break;
            default:
                break;
        }
    }
    return out;
}

bool is_idempotent(Verb verb) noexcept {
    switch (verb) {
        case Verb::get:
        case Verb::head:
        case Verb::options:
        case Verb::put:
        case Verb::delete_:
        case Verb::trace:
        case Verb::propfind:
            return true;
        default:
            return false;
    }
}

/// Splits the target into what goes upstream and the host (RFC 9112 §3.2).
Verdict read_target(RequestHead& head, std::string_view host_field) {
    head.host = host_field;
    const std::string_view target = head.target;
    if (target.empty() || !legal_target(target)) return {400, "bad_target"};
    if (head.verb == Verb::connect) return {501, "connect_not_supported"};
    if (target.front() == '/') {
        head.origin_target = target;
    } else if (target == "*") {
        if (head.verb != Verb::options) return {400, "bad_target"};
        head.origin_target = target;
    } else {
        const auto scheme_end = target.find("://");
        if (scheme_end == std::string_view::npos) return {400, "bad_target"};
        const std::string_view scheme = target.substr(0, scheme_end);
        if (!iequals(scheme, "http") && !iequals(scheme, "https")) return {400, "bad_target"};
        const std::string_view rest = target.substr(scheme_end + 3);
        const auto authority_end = rest.find_first_of("/?");
        head.host = rest.substr(0, authority_end);
        if (authority_end == std::string_view::npos) {
            head.origin_target = head.verb == Verb::options ? "*" : "/";
        } else if (rest[authority_end] == '/') {
            head.origin_target = rest.substr(authority_end);
        } else {
            // "http://host?query" has an empty path, which origin-form can't say without copying.
            return {400, "bad_target"};
        }
        if (!valid_host(head.host)) return {400, "bad_host"};
    }
    head.path = head.origin_target.substr(0, head.origin_target.find('?'));
    return {};
}

}  // namespace

bool iequals(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (lower(a[i]) != lower(b[i])) return false;
    }
    return true;
}

bool parse_content_length(std::string_view text, std::uint64_t& length) {
    // 19 digits always fit; nobody sends more than 9 EB.
    if (text.empty() || text.size() > 19) return false;
    std::uint64_t value = 0;
    for (const char c : text) {
        if (!is_digit(c)) return false;
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return false;
    length = value;
    return true;
}

bool valid_host(std::string_view text) {
    if (text.empty() || text.size() > 262) return false;
    std::string_view port;
    if (text.front() == '[') {
        const auto end = text.find(']');
        if (end == std::string_view::npos || end == 1) return false;
        for (const char c : text.substr(1, end - 1)) {
            if (!is_hex(c) && c != ':' && c != '.') return false;
        }
        port = text.substr(end + 1);
        if (port.empty()) return true;
        if (port.front() != ':') return false;
        port.remove_prefix(1);
    } else {
        const auto colon = text.find(':');
        const std::string_view name = text.substr(0, colon);
        if (name.empty()) return false;
        for (const char c : name) {
            // RFC 3986 reg-name, without percent-encoding and sub-delims, which no host needs.
            if (!is_alpha(c) && !is_digit(c) && c != '.' && c != '-' && c != '_') return false;
        }
        if (colon == std::string_view::npos) return true;
        port = text.substr(colon + 1);
    }
    if (port.size() > 5) return false;
    unsigned value = 0;
    for (const char c : port) {
        if (!is_digit(c)) return false;
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value <= 65535;
}

Verdict validate_request(RequestHead& head) {
    if (head.version != 11 && head.version != 10 && head.version != 20) {
        return {505, "version_not_supported"};
    }

    std::string_view host;
    unsigned hosts = 0;
    bool expects = false;
    for (const Field& field : head.fields) {
        if (field.id == FieldId::host) {
            host = field.value;
            ++hosts;
        } else if (field.id == FieldId::expect) {
            if (!iequals(field.value, "100-continue")) return {417, "expectation_failed"};
            expects = true;
        }
    }
    // RFC 9112 §3.2: exactly one in HTTP/1.1, and valid.
    if (hosts > 1 || (hosts == 0 && head.version != 10)) return {400, "bad_host"};
    if (hosts == 1 && !valid_host(host)) return {400, "bad_host"};

    const FramingFields framing = read_framing(head.fields);
    if (framing.bad) return {400, "bad_header"};
    if (framing.has_coding) {
        // RFC 9112 §6.1: with both the message is suspicious; in HTTP/1.0 the coding is unknown.
        if (framing.has_length || head.version != 11) return {400, "bad_framing"};
        if (!framing.chunked) return {501, "transfer_coding_not_supported"};
        head.framing = Framing::chunked;
    } else if (framing.has_length) {
        head.framing = framing.length > 0 ? Framing::length : Framing::none;
        head.content_length = framing.length;
        head.has_content_length = true;
    } else if (head.version != 20) {
        head.framing = Framing::none;
    }
    if (const Verdict verdict = read_target(head, host); !verdict.accepted()) return verdict;
    if (head.verb == Verb::trace) return {405, "method_not_allowed"};

    head.expect_continue = expects && head.version != 10 && head.framing != Framing::none;
    head.idempotent = is_idempotent(head.verb);
    // RFC 9110 §7.8: never in HTTP/1.0, and only what Connection names was meant for us. The field
    // may be ignored, and is where it is doubtful: in pieces, or with a body, behind whose end
    // client and origin could disagree on where the other protocol begins. In HTTP/2 there is no
    // such field (RFC 9113 §8.2.2).
    if (head.version == 11 && framing.connection_upgrade && framing.upgrades == 1 &&
        head.framing == Framing::none) {
        head.upgrade = framing.upgrade;
    }
    head.keep_alive = head.version != 10
                          ? !framing.connection_close
                          : framing.connection_keep_alive && !framing.connection_close;
    return {};
}

Verdict validate_response(ResponseHead& head, Verb request, std::string_view upgrade) {
    constexpr Verdict refused{502, "bad_response"};
    if (head.version != 11 && head.version != 10 && head.version != 20) return refused;
    if (head.status < 100 || head.status > 599) return refused;
    if (!legal_value(head.reason)) return refused;
    const FramingFields framing = read_framing(head.fields);
    if (framing.bad) return refused;
    if (framing.has_coding && (framing.has_length || head.version != 11 || !framing.chunked)) {
        return refused;
    }
    if (head.status == 101) {
        // Only to what was asked for (RFC 9110 §15.2.2), and without a body of HTTP's (§8.6).
        const bool switches = !upgrade.empty() && head.version == 11 &&
                              framing.connection_upgrade && framing.upgrades == 1 &&
                              iequals(framing.upgrade, upgrade) && !framing.has_coding &&
                              !framing.has_length;
        if (!switches) return refused;
        head.has_content_length = head.keep_alive = false;
        head.content_length = 0;
        head.framing = Framing::tunnel;
        return {};
    }

    head.has_content_length = framing.has_length;
    head.content_length = framing.length;
    head.keep_alive = head.version != 10
                          ? !framing.connection_close
                          : framing.connection_keep_alive && !framing.connection_close;
    const bool ends_with_head = head.version == 20 && head.framing == Framing::none;
    // RFC 9112 §6.3: these never have a body, whatever the fields say.
    if (request == Verb::head || head.status < 200 || head.status == 204 || head.status == 304) {
        if (head.status < 200 || head.status == 204) head.has_content_length = false;
        head.framing = Framing::none;
    } else if (framing.has_coding) {
        head.framing = Framing::chunked;
    } else if (ends_with_head) {
        // RFC 9113 §8.1.1
        if (framing.length > 0) return refused;
    } else if (framing.has_length && head.version == 20 && framing.length == 0) {
        // Trailers may follow, for which HTTP/1.1 needs a body without a length.
        head.has_content_length = false;
        head.framing = Framing::chunked;
    } else if (framing.has_length) {
        head.framing = framing.length > 0 ? Framing::length : Framing::none;
    } else if (head.version == 20) {
        head.framing = Framing::chunked;
    } else {
        head.framing = Framing::close;
        head.keep_alive = false;
    }
    return {};
}

bool trailer_allowed(const Field& field) {
    switch (field.id) {
        case FieldId::content_length:
        case FieldId::transfer_encoding:
        case FieldId::host:
        case FieldId::connection:
        case FieldId::keep_alive:
        case FieldId::proxy_connection:
        case FieldId::te:
        case FieldId::trailer:
        case FieldId::upgrade:
        case FieldId::authorization:
        case FieldId::proxy_authorization:
        case FieldId::proxy_authenticate:
        case FieldId::www_authenticate:
        case FieldId::cookie:
        case FieldId::set_cookie:
        case FieldId::content_encoding:
        case FieldId::content_type:
        case FieldId::content_range:
        case FieldId::cache_control:
        case FieldId::expect:
        case FieldId::range:
        case FieldId::max_forwards:
        case FieldId::forwarded:
        case FieldId::location:
        case FieldId::vary:
        case FieldId::via:
            return false;
        default:
            break;
    }
    return legal_value(field.value) && !is_own_field(field.name);
}

}  // namespace switchyard::http
