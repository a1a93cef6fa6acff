#include "h2/response_reader.hpp"

#include "h2/field_rules.hpp"
#include "http/validate.hpp"

namespace switchyard::h2 {

namespace {

constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

/// Three digits (RFC 9110 §15); 0: something else.
unsigned parse_status(std::string_view text) noexcept {
    if (text.size() != 3 || !is_digit(text[0]) || !is_digit(text[1]) || !is_digit(text[2])) {
        return 0;
    }
    return static_cast<unsigned>((text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0'));
}

}  // namespace

bool ResponseReader::add(std::string_view name, std::string_view value) {
    fields_.weigh(name, value);
    if (fields_.weight() > kResponseLimits.head_bytes ||
        fields_.size() > kResponseLimits.header_count) {
        return false;
    }
    fields_.add(name, value);
    return true;
}

void ResponseReader::complete(bool end_stream) noexcept {
    ends_stream_ = end_stream;
    bool regular = false;
    bool has_status = false;
    for (std::size_t i = 0; i < fields_.size(); ++i) {
        const FieldStore::Entry field = fields_[i];
        if (!field.name.starts_with(':')) {
            regular = true;
            continue;
        }
        // RFC 9113 §8.3.2: one, before all others, and no other that begins with a colon.
        if (field.name != ":status" || has_status || regular) bad_ = true;
        has_status = true;
        status_ = parse_status(field.value);
    }
    // RFC 9113 §8.6: there is no switching of protocols. §8.1: what is interim ends nothing.
    if (status_ == 101 || (is_interim() && end_stream)) bad_ = true;
    if (bad_ || status_ < 100 || status_ > 599) status_ = 0;
}

bool ResponseReader::finish(http::ResponseHead& head, http::Verb request) const {
    head.clear();
    head.version = 20;
    head.status = status_;
    if (status_ == 0) return false;
    for (std::size_t i = 0; i < fields_.size(); ++i) {
        const FieldStore::Entry field = fields_[i];
        if (field.name.starts_with(':')) continue;
        const http::FieldId id = id_of(field.name);
        if (!is_token(field.name, false) || !clean_value(field.value) ||
            connection_specific(id, field.value) || id == http::FieldId::te) {
            return false;
        }
        head.fields.push_back({id, field.name, field.value});
    }
    // What has no length is chunked in HTTP/1.1; validate_response knows the length.
    head.framing = ends_stream_ ? http::Framing::none : http::Framing::chunked;
    return http::validate_response(head, request).accepted();
}

}  // namespace switchyard::h2
