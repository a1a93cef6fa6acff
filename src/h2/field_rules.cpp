#include "h2/field_rules.hpp"

#include "http/validate.hpp"

#include <array>

#include <boost/beast/http/field.hpp>

namespace switchyard::h2 {

namespace {

using http::FieldId;

/// RFC 9110 §5.6.2, without capital letters where names of fields may not have them.
constexpr std::array<bool, 256> kTokenChars = [] {
    std::array<bool, 256> table{};
    for (const char c :
         {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'})
        table[static_cast<unsigned char>(c)] = true;
    for (int c = '0'; c <= '9'; ++c)
        table[static_cast<std::size_t>(c)] = true;
    for (int c = 'a'; c <= 'z'; ++c)
        table[static_cast<std::size_t>(c)] = table[static_cast<std::size_t>(c - 32)] = true;
    return table;
}();

}  // namespace

bool is_token(std::string_view text, bool capitals) noexcept {
    if (text.empty()) return false;
    for (const char c : text) {
        if (!kTokenChars[static_cast<unsigned char>(c)]) return false;
        if (!capitals && c >= 'A' && c <= 'Z') return false;
    }
    return true;
}

bool clean_value(std::string_view value) noexcept {
    if (value.empty()) return true;
    const auto blank = [](char c) { return c == ' ' || c == '\t'; };
    if (blank(value.front()) || blank(value.back())) return false;
    return value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

bool connection_specific(FieldId id, std::string_view value) noexcept {
    switch (id) {
        case FieldId::connection:
        case FieldId::keep_alive:
        case FieldId::proxy_connection:
        case FieldId::transfer_encoding:
        case FieldId::upgrade:
            return true;
        case FieldId::te:
            return !http::iequals(value, "trailers");
        default:
            return false;
    }
}

FieldId id_of(std::string_view name) {
    return boost::beast::http::string_to_field({name.data(), name.size()});
}

}  // namespace switchyard::h2
