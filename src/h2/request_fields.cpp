#include "h2/request_fields.hpp"

#include "h2/field_rules.hpp"
#include "h2/outgoing_field.hpp"

#include <charconv>

namespace switchyard::h2 {

void RequestFields::add(std::string_view name, std::string_view value) {
    pairs_.push_back(outgoing_field(name, value));
}

std::span<const nghttp2_nv> RequestFields::head(const http::OutgoingRequest& head,
                                                std::string_view scheme) {
    pairs_.clear();
    add(":method", head.method);
    add(":scheme", scheme);
    for (const http::Field& field : head.fields) {
        if (field.id != http::FieldId::host) continue;
        add(":authority", field.value);
        break;
    }
    add(":path", head.target);
    for (const http::Field& field : head.fields) {
        if (field.id == http::FieldId::host || connection_specific(field.id, field.value)) continue;
        add(field.name, field.value);
    }
    if (head.framing == http::Framing::length || head.send_content_length) {
        const auto end =
            std::to_chars(length_.data(), length_.data() + length_.size(), head.content_length).ptr;
        add("content-length", {length_.data(), static_cast<std::size_t>(end - length_.data())});
    }
    return pairs_;
}

std::span<const nghttp2_nv> RequestFields::trailers(const http::Fields& fields) {
    pairs_.clear();
    for (const http::Field& field : fields) {
        if (!connection_specific(field.id, field.value)) add(field.name, field.value);
    }
    return pairs_;
}

}  // namespace switchyard::h2
