#include "config/names.hpp"

#include "config/address.hpp"
#include "config/characters.hpp"
#include "config/report.hpp"
#include "config/values.hpp"

#include <algorithm>
#include <cstring>

namespace switchyard::config {
namespace {

/// tchar of RFC 9110 §5.6.2.
bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return is_alphanumeric(c) || (c != '\0' && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr);
    });
}

bool is_printable_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

bool is_hex_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// Only the characters of RFC 3986's pchar, '/' and those of `more`; complete percent-encodings.
bool has_legal_path_characters(std::string_view text, const char* more) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '%') {
            if (i + 2 >= text.size() || !is_hex_digit(text[i + 1]) || !is_hex_digit(text[i + 2])) {
                return false;
            }
            i += 2;
        } else if (!is_alphanumeric(c) && (c == '\0' || (!std::strchr("-._~!$&'()*+,;=:@/", c) &&
                                                         !std::strchr(more, c)))) {
            return false;
        }
    }
    return true;
}

/// Field names that the proxy sets or that frame a message; adding one by configuration would
/// break responses.
constexpr std::string_view kReservedFields[] = {"connection",
                                                "content-encoding",
                                                "content-length",
                                                "content-type",
                                                "date",
                                                "host",
                                                "keep-alive",
                                                "location",
                                                "set-cookie",
                                                "te",
                                                "proxy-authenticate",
                                                "proxy-connection",
                                                "trailer",
                                                "upgrade",
                                                "proxy-authorization",
                                                "transfer-encoding",
                                                "via"};

/// Further request fields with a meaning of their own: a pass in them would not be one alone.
constexpr std::string_view kReadFields[] = {
    "authorization", "cache-control", "cookie",    "expect",       "forwarded",
    "from",          "origin",        "pragma",    "proxy",        "range",
    "referer",       "user-agent",    "x-real-ip", "x-request-id", "x-switchyard-error"};

}  // namespace

Parsed<std::string> parse_host_name(std::string_view text) {
    const std::string_view whole = text;
    const auto bad = [&](const std::string& why) {
        return refusal(in_quotes(whole) + " is not a host name: " + why);
    };
    if (text.empty()) return refusal("expected a host name, not an empty text");
    if (text.size() > 253) return bad("it has more than 253 characters");
    if (text.find("://") != std::string_view::npos) return bad("leave out the scheme");
    if (text.find('/') != std::string_view::npos) return bad("leave out the path");
    if (text.find(':') != std::string_view::npos) return bad("leave out the port");
    if (text.back() == '.') return bad("leave out the dot at the end");
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find('.', begin), text.size());
        const std::string_view label = text.substr(begin, end - begin);
        if (label.empty()) return bad("it has an empty part between dots");
        if (label.size() > 63) return bad("a part has more than 63 characters");
        if (label.front() == '-' || label.back() == '-') {
            return bad("a part begins or ends with '-'");
        }
        for (const char c : label) {
            if (static_cast<unsigned char>(c) >= 0x80) {
                return bad("write it in its ASCII form (xn--...)");
            }
            if (!is_alphanumeric(c) && c != '-' && c != '_') {
                return bad(in_quotes({&c, 1}) + " is not allowed in it");
            }
        }
        begin = end + 1;
    }
    if (text.find_first_not_of("0123456789.") == std::string_view::npos && !canonical_ip(text)) {
        return bad("it looks like an IP address, but is none");
    }
    return lower(text);
}

Parsed<std::string> parse_service_host(std::string_view text) {
    if (text == "*") return std::string(text);
    if (text.find('*') != std::string_view::npos) {
        const std::string_view domain = text.substr(std::min<std::size_t>(2, text.size()));
        if (!text.starts_with("*.") || domain.find('*') != std::string_view::npos) {
            return refusal(in_quotes(text) +
                           " is not a wildcard; expected '*.domain', or '*' for any");
        }
        auto name = parse_host_name(domain);
        if (!name) return name.error();
        return "*." + *name;
    }
    if (text.starts_with('[')) {
        const bool closed = text.ends_with(']');
        const auto address = closed ? canonical_ip(text.substr(1, text.size() - 2)) : std::nullopt;
        if (!address || address->find(':') == std::string::npos) {
            return refusal(in_quotes(text) + " is not an IPv6 address in brackets");
        }
        return "[" + *address + "]";
    }
    if (canonical_ip(text) && text.find(':') != std::string_view::npos) {
        return refusal(in_quotes(text) + " needs brackets: '[" + std::string(text) + "]'");
    }
    return parse_host_name(text);
}

Parsed<std::string> parse_host_field(std::string_view text) {
    std::string_view host = text;
    const std::size_t colon = text.rfind(':');
    const bool has_port = colon != std::string_view::npos && !text.ends_with(']');
    if (has_port) {
        host = text.substr(0, colon);
        const std::string_view port = text.substr(colon + 1);
        if (auto number = parse_number(port, 1, 65535); !number) {
            return refusal("port " + number.error().message);
        }
    }
    if (host == "*" || host.starts_with("*.")) {
        return refusal(in_quotes(text) + " is a wildcard; expected a host name");
    }
    auto name = parse_service_host(host);
    if (!name) return name.error();
    return *name + (has_port ? std::string(text.substr(colon)) : "");
}

Parsed<std::string> parse_path(std::string_view text) {
    if (!text.starts_with('/')) {
        return refusal(in_quotes(text) + " is not a path; expected it to begin with '/'");
    }
    if (text.find('?') != std::string_view::npos) {
        return refusal(in_quotes(text) + " has a query; expected a path alone");
    }
    if (text.find('#') != std::string_view::npos) {
        return refusal(in_quotes(text) + " has a fragment ('#'); expected a path alone");
    }
    if (!has_legal_path_characters(text, "")) {
        return refusal(in_quotes(text) +
                       " has characters that a path can't have; expected them percent-encoded");
    }
    return std::string(text);
}

Parsed<std::string> parse_path_prefix(std::string_view text) {
    auto path = parse_path(text);
    if (!path) return path;
    if (path->size() > 1 && path->back() == '/') path->pop_back();
    const std::string closed = *path + "/";
    if (text != "/" &&
        (text.find("//") != std::string_view::npos || closed.find("//") != std::string::npos ||
         closed.find("/./") != std::string::npos || closed.find("/../") != std::string::npos)) {
        return refusal(in_quotes(text) + " has an empty or dot segment; no request could match it");
    }
    return path;
}

Parsed<std::string> parse_request_target(std::string_view text) {
    const std::size_t query = text.find('?');
    auto path = parse_path(text.substr(0, query));
    if (!path || query == std::string_view::npos) return path;
    if (!has_legal_path_characters(text.substr(query + 1), "?")) {
        return refusal(in_quotes(text) +
                       " has characters that a query can't have; expected them percent-encoded");
    }
    return std::string(text);
}

Parsed<std::string> parse_header_name(std::string_view text) {
    if (!is_token(text)) {
        return refusal(in_quotes(text) +
                       " is not a field name; expected letters, digits and '-', or \"\" for none");
    }
    const std::string folded = lower(text);
    if (std::find(std::begin(kReservedFields), std::end(kReservedFields), folded) !=
        std::end(kReservedFields)) {
        return refusal(in_quotes(text) +
                       " has a meaning of its own in HTTP; expected another name");
    }
    return std::string(text);
}

Parsed<std::string> parse_request_field_name(std::string_view text) {
    auto name = parse_header_name(text);
    if (!name) return name;
    const std::string folded = lower(*name);
    const bool taken =
        std::find(std::begin(kReadFields), std::end(kReadFields), folded) != std::end(kReadFields);
    if (taken || folded.starts_with("x-forwarded-") || folded.starts_with("accept") ||
        folded.starts_with("if-")) {
        return refusal(in_quotes(text) + " is read by others; expected a name of its own");
    }
    return name;
}

Parsed<std::string> parse_cookie_name(std::string_view text) {
    if (!is_token(text)) {
        return refusal(in_quotes(text) +
                       " is not a cookie's name; expected letters, digits, '-' and '_', or \"\" "
                       "for none");
    }
    const std::string folded = lower(text);
    if (folded.starts_with("__host-") || folded.starts_with("__secure-")) {
        return refusal(in_quotes(text) +
                       " has a prefix that browsers take under conditions only; expected another "
                       "name");
    }
    return std::string(text);
}

Parsed<std::string> parse_credential_name(std::string_view text) {
    const bool legal = std::all_of(text.begin(), text.end(), [](char c) {
        return is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
    });
    if (!legal || text.empty() || text.size() > 255 || text.front() == '.') {
        return refusal(in_quotes(text) +
                       " is not a credential's name; expected letters, digits, '-', '_' and '.'");
    }
    return std::string(text);
}

Parsed<std::string> parse_pseudonym(std::string_view text) {
    if (!is_token(text)) {
        return refusal(in_quotes(text) +
                       " is not a name for Via; expected letters, digits, '-', '.' and '_'");
    }
    return std::string(text);
}

Parsed<std::string> parse_protocol(std::string_view text) {
    std::string name = lower(text);
    const std::string_view whole = name;
    const auto slash = whole.find('/');
    const bool versioned = slash != std::string_view::npos;
    if (!is_token(whole.substr(0, slash)) || (versioned && !is_token(whole.substr(slash + 1)))) {
        return refusal(in_quotes(text) +
                       " is not the name of a protocol; expected one like \"websocket\", a list "
                       "of them, \"any\" or \"off\"");
    }
    const std::string_view base = whole.substr(0, slash);
    if (base == "h2c" || base == "h2" || base == "http" || base == "tls") {
        return refusal(in_quotes(text) +
                       " would carry requests past the proxy; it is never passed on");
    }
    return name;
}

Parsed<std::string> parse_media_range(std::string_view text) {
    std::string type = lower(text);
    const std::string_view whole = type;
    const auto slash = whole.find('/');
    const std::string_view kind = whole.substr(0, slash);
    const bool all = slash != std::string_view::npos && whole.substr(slash + 1) == "*";
    if (slash == std::string_view::npos || kind == "*" || !is_token(kind) ||
        !is_token(whole.substr(slash + 1)) || (!all && whole.find('*') != std::string_view::npos)) {
        return refusal(in_quotes(text) +
                       " is not a media type; expected one like \"application/json\", or "
                       "\"text/*\" for all of a kind");
    }
    return type;
}

Parsed<std::string> parse_slot_name(std::string_view text) {
    if (text.empty()) return refusal("expected a name, not an empty text");
    if (text.size() > 100) return refusal(in_quotes(text) + " has more than 100 characters");
    if (!is_printable_ascii(text) || text.front() == ' ' || text.back() == ' ') {
        return refusal(in_quotes(text) +
                       " can't be sent in a header; expected printable ASCII without control "
                       "characters and without spaces at its ends");
    }
    return std::string(text);
}

Parsed<std::string> parse_service_name(std::string_view text) {
    const bool legal = std::all_of(text.begin(), text.end(), [](char c) {
        return is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
    });
    if (!legal || text.empty() || text.size() > 63 || !is_alphanumeric(text.front())) {
        return refusal(in_quotes(text) +
                       " is not a service's name; expected up to 63 letters, digits, '-', '_' and "
                       "'.', the first one a letter or digit");
    }
    return std::string(text);
}

Parsed<std::string> parse_cipher_list(std::string_view text) {
    if (!is_printable_ascii(text)) {
        return refusal(in_quotes(text) + " is not a list of cipher names separated by ':'");
    }
    return std::string(text);
}

}  // namespace switchyard::config
