#include "h2/request_reader.hpp"

#include "h2/field_rules.hpp"

#include <boost/beast/http/verb.hpp>

namespace switchyard::h2 {

namespace {

using http::FieldId;
using http::Verdict;

/// Past this many times the limit it is an attack and gets no answer (RFC 9113 §10.5.1).
constexpr std::size_t kBomb = 4;
/// As in HTTP/1.1: no method that anybody uses is as long.
constexpr std::size_t kMethodBytes = 40;

/// What is asked for in place of HTTP: one name, perhaps with a version (RFC 9110 §7.8).
bool is_protocol(std::string_view text) noexcept {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return is_token(text, true);
    return is_token(text.substr(0, slash), true) && is_token(text.substr(slash + 1), true);
}

}  // namespace

void RequestReader::start(const http::HeadLimits& limits) noexcept {
    limits_ = limits;
    fields_.clear();
    cookies_.clear();
    protocol_ = {};
    too_large_ = too_many_ = false;
}

bool RequestReader::add(std::string_view name, std::string_view value) {
    fields_.weigh(name, value);
    if (fields_.weight() > kBomb * limits_.head_bytes) return false;
    if (fields_.weight() > limits_.head_bytes) {
        too_large_ = true;
    } else if (name == "cookie") {
        // RFC 9113 §8.2.3: crumbs are one field again where it leaves HTTP/2.
        if (!clean_value(value)) {
            fields_.add(name, value);  // To be refused.
            return true;
        }
        if (!cookies_.empty()) cookies_ += "; ";
        cookies_ += value;
    } else if (fields_.size() >= limits_.header_count + 5) {
        too_many_ = true;
    } else {
        fields_.add(name, value);
    }
    return true;
}

Verdict RequestReader::finish(http::RequestHead& head, bool end_stream) {
    head.clear();
    head.version = 20;
    // What has no length is chunked in HTTP/1.1; validate_request knows the length.
    head.framing = end_stream ? http::Framing::none : http::Framing::chunked;
    if (const Verdict verdict = read_fields(head); !verdict.accepted()) return verdict;
    if (too_large_) return {431, "head_too_large"};
    if (too_many_ || head.fields.size() > limits_.header_count) return {431, "too_many_headers"};
    if (head.target.size() > limits_.target_bytes) return {414, "target_too_long"};
    if (head.method.size() > kMethodBytes) return {501, "method_too_long"};
    if (!protocol_.empty()) {
        head.method = "GET";
        head.verb = http::Verb::get;
        head.framing = http::Framing::none;
    }
    const Verdict verdict = http::validate_request(head);
    if (!verdict.accepted()) return verdict;
    if (!protocol_.empty()) {
        // RFC 9110 §9.3.6: it has no content; what follows belongs to the tunnel.
        if (head.framing != http::Framing::none) return {400, "bad_framing"};
        head.has_content_length = false;
        head.upgrade = protocol_;
    }
    if (end_stream && head.framing != http::Framing::none) return {400, "bad_framing"};
    // Absolute form is for HTTP/1.1 (RFC 9113 §8.3.1: the path begins with '/').
    if (head.target.front() != '/' && head.target != "*") return {400, "bad_target"};
    return {};
}

Verdict RequestReader::read_fields(http::RequestHead& head) {
    std::string_view authority;
    std::string_view scheme;
    bool has_method = false;
    bool has_path = false;
    bool has_scheme = false;
    bool has_authority = false;
    bool has_protocol = false;
    bool regular = false;
    Verdict verdict;
    const auto once = [&verdict, &regular](bool& has) {
        if (has || regular) verdict = {400, "bad_header"};
        has = true;
    };
    for (std::size_t i = 0; i < fields_.size(); ++i) {
        const FieldStore::Entry field = fields_[i];
        if (!clean_value(field.value)) verdict = {400, "bad_header"};
        if (field.name == ":method") {
            once(has_method);
            head.method = field.value;
            head.verb =
                boost::beast::http::string_to_verb({field.value.data(), field.value.size()});
        } else if (field.name == ":path") {
            once(has_path);
            head.target = field.value;
        } else if (field.name == ":scheme") {
            once(has_scheme);
            scheme = field.value;
        } else if (field.name == ":authority") {
            once(has_authority);
            authority = field.value;
        } else if (field.name == ":protocol") {
            once(has_protocol);
            protocol_ = field.value;
        } else {
            regular = true;
            const FieldId id = id_of(field.name);
            if (!is_token(field.name, false) || connection_specific(id, field.value)) {
                verdict = {400, "bad_header"};
                continue;
            }
            head.fields.push_back({id, field.name, field.value});
        }
    }
    if (!cookies_.empty()) head.fields.push_back({FieldId::cookie, "cookie", cookies_});
    if (const Verdict bad = read_authority(head, authority, has_authority); !bad.accepted()) {
        if (verdict.accepted()) verdict = bad;
    }
    if (!verdict.accepted()) return verdict;
    if (too_large_) return {};  // Something may be missing only because of that.
    if (!has_method || !is_token(head.method, true)) return {400, "bad_request"};
    const bool connect = head.verb == http::Verb::connect;
    if (connect && !has_protocol) return {501, "connect_not_supported"};
    // RFC 8441 §4
    if (has_protocol && (!connect || !is_protocol(protocol_))) return {400, "bad_protocol"};
    if (!has_path) return {400, "bad_target"};
    // Others may be asked of a proxy, not of an origin, which is what we look like. Which of the
    // two it is does not matter: not all clients know what stands in front of us.
    if (!http::iequals(scheme, "https") && !http::iequals(scheme, "http")) {
        return {400, "bad_scheme"};
    }
    return {};
}

/// RFC 9113 §8.3.1: what says where the request goes is said once, or twice the same.
Verdict RequestReader::read_authority(http::RequestHead& head, std::string_view authority,
                                      bool has_authority) const {
    if (!has_authority) return {};
    for (http::Field& field : head.fields) {
        if (field.id != FieldId::host) continue;
        if (!http::iequals(field.value, authority)) return {400, "bad_host"};
        field.value = authority;
        head.host = authority;
        return {};
    }
    head.fields.insert(head.fields.begin(), http::Field{FieldId::host, "host", authority});
    head.host = authority;
    return {};
}

void read_trailers(const FieldStore& from, http::Fields& out) {
    out.clear();
    for (std::size_t i = 0; i < from.size(); ++i) {
        const FieldStore::Entry entry = from[i];
        const http::Field field{id_of(entry.name), entry.name, entry.value};
        if (!is_token(field.name, false) || !clean_value(field.value)) continue;
        if (http::trailer_allowed(field)) out.push_back(field);
    }
}

}  // namespace switchyard::h2
