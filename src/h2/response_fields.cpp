#include "h2/response_fields.hpp"

#include "h2/outgoing_field.hpp"

#include <charconv>

namespace switchyard::h2 {

namespace {

bool about_the_connection(http::FieldId id) noexcept {
    switch (id) {
        case http::FieldId::connection:
        case http::FieldId::keep_alive:
        case http::FieldId::proxy_connection:
        case http::FieldId::te:
        case http::FieldId::transfer_encoding:
        case http::FieldId::upgrade:
            return true;
        default:
            return false;
    }
}

}  // namespace

void ResponseFields::add(std::string_view name, std::string_view value) {
    pairs_.push_back(outgoing_field(name, value));
}

void ResponseFields::add(const http::Fields& fields) {
    for (const http::Field& field : fields) {
        if (!about_the_connection(field.id)) add(field.name, field.value);
    }
}

void ResponseFields::start(unsigned status, const http::OutgoingResponse& head) {
    pairs_.clear();
    status_ = {static_cast<char>('0' + status / 100 % 10),
               static_cast<char>('0' + status / 10 % 10), static_cast<char>('0' + status % 10)};
    add(":status", {status_.data(), status_.size()});
    add(head.fields);
    std::string_view lines = head.raw_lines;
    while (!lines.empty()) {
        const auto end = lines.find("\r\n");
        const auto colon = lines.find(": ");
        if (end == std::string_view::npos || colon == std::string_view::npos || colon > end) break;
        add(lines.substr(0, colon), lines.substr(colon + 2, end - colon - 2));
        lines.remove_prefix(end + 2);
    }
}

std::span<const nghttp2_nv> ResponseFields::head(const http::OutgoingResponse& head) {
    start(head.status, head);
    if (head.framing == http::Framing::length || head.send_content_length) {
        const auto end =
            std::to_chars(length_.data(), length_.data() + length_.size(), head.content_length).ptr;
        add("content-length", {length_.data(), static_cast<std::size_t>(end - length_.data())});
    }
    return pairs_;
}

std::span<const nghttp2_nv> ResponseFields::tunnel_head(const http::OutgoingResponse& head) {
    start(200, head);
    return pairs_;
}

std::span<const nghttp2_nv> ResponseFields::trailers(const http::Fields& fields) {
    pairs_.clear();
    add(fields);
    return pairs_;
}

}  // namespace switchyard::h2
