#include "route/preview_signs.hpp"

#include <algorithm>

namespace switchyard::route {

namespace {

constexpr char fold(char c) noexcept {
    if (c >= 'A' && c <= 'Z') return static_cast<char>(c + 32);
    return c == '_' ? '-' : c;
}

/// Takes the piece up to the next `separator`, or all of it.
std::string_view take_piece(std::string_view& text, char separator) noexcept {
    const std::size_t end = std::min(text.find(separator), text.size());
    const std::string_view piece = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return piece;
}

std::string_view trimmed(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

struct Pair {
    std::string_view name;
    std::string_view value;
};

Pair split(std::string_view piece) noexcept {
    const std::size_t equals = piece.find('=');
    if (equals == std::string_view::npos) return {piece, {}};
    return {piece.substr(0, equals), piece.substr(equals + 1)};
}

Pair cookie_of(std::string_view piece) noexcept {
    const Pair pair = split(trimmed(piece));
    std::string_view value = trimmed(pair.value);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
        value = value.substr(1, value.size() - 2);
    }
    return {trimmed(pair.name), value};
}

bool is_one_of(std::string_view name, std::span<const std::string> names) noexcept {
    return std::any_of(names.begin(), names.end(),
                       [name](const std::string& known) { return name == known; });
}

/// The query, without '?'; empty: none.
std::string_view query_of(std::string_view target) noexcept {
    const std::size_t mark = target.find('?');
    return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

void add(PreviewSigns& signs, PreviewSign::Kind kind, const Pair& pair) noexcept {
    signs.any = true;
    if (signs.count < signs.found.size()) {
        signs.found[signs.count++] = {kind, pair.name, pair.value};
    }
}

/// A Cookie field without the cookies of previews, at the end of `out`; false: it had none.
bool append_other_cookies(std::string& out, std::string_view value,
                          std::span<const std::string> cookies) {
    bool removed = false;
    std::string_view rest = value;
    while (!rest.empty() && !removed)
        removed = is_one_of(cookie_of(take_piece(rest, ';')).name, cookies);
    if (!removed) return false;

    const std::size_t begin = out.size();
    bool first = true;
    rest = value;
    while (!rest.empty()) {
        std::string_view piece = take_piece(rest, ';');
        if (is_one_of(cookie_of(piece).name, cookies)) continue;
        if (first) {
            piece.remove_prefix(std::min(piece.find_first_not_of(" \t"), piece.size()));
        } else {
            out += ';';
        }
        first = false;
        out += piece;
    }
    if (trimmed(std::string_view(out).substr(begin)).empty()) out.resize(begin);
    return true;
}

}  // namespace

bool is_preview_header(std::string_view name, std::span<const std::string> headers) noexcept {
    return std::any_of(headers.begin(), headers.end(), [name](const std::string& known) {
        return name.size() == known.size() &&
               std::equal(name.begin(), name.end(), known.begin(),
                          [](char a, char b) { return fold(a) == b; });
    });
}

std::string folded_field_name(std::string_view name) {
    std::string out(name);
    std::transform(out.begin(), out.end(), out.begin(), fold);
    return out;
}

PreviewSigns find_signs(const http::RequestHead& request, const PreviewNames& names) noexcept {
    PreviewSigns signs;
    std::string_view query = query_of(request.origin_target);
    while (!query.empty()) {
        const Pair pair = split(take_piece(query, '&'));
        if (pair.name == kPreviewParameter) add(signs, PreviewSign::Kind::link, pair);
    }
    for (const http::Field& field : request.fields) {
        if (field.id == http::FieldId::cookie) {
            std::string_view rest = field.value;
            while (!rest.empty()) {
                const Pair pair = cookie_of(take_piece(rest, ';'));
                if (is_one_of(pair.name, names.cookies)) {
                    add(signs, PreviewSign::Kind::cookie, pair);
                }
            }
        } else if (is_preview_header(field.name, names.headers)) {
            add(signs, PreviewSign::Kind::header, {field.name, field.value});
        }
    }
    return signs;
}

bool has_preview_parameter(std::string_view target) noexcept {
    std::string_view query = query_of(target);
    while (!query.empty()) {
        if (split(take_piece(query, '&')).name == kPreviewParameter) return true;
    }
    return false;
}

std::string_view without_preview_parameter(std::string_view target, std::string& scratch) {
    if (!has_preview_parameter(target)) return target;
    std::string_view query = query_of(target);
    const std::size_t path_size = target.size() - query.size() - 1;
    scratch.assign(target.substr(0, path_size));
    char separator = '?';
    // (An '&' at the very end belongs to an empty piece, which stays.)
    for (bool more = true; more;) {
        more = query.find('&') != std::string_view::npos;
        const std::string_view piece = take_piece(query, '&');
        if (split(piece).name == kPreviewParameter) continue;
        scratch += separator;
        scratch += piece;
        separator = '&';
    }
    // A '?' that nothing follows; not one that ends the last piece.
    if (scratch.size() == path_size + 1) scratch.pop_back();
    return scratch;
}

void remove_signs(http::Fields& fields, const PreviewNames& names, std::string& scratch) {
    scratch.clear();
    std::size_t most = 0;
    for (const http::Field& field : fields) {
        if (field.id == http::FieldId::cookie) most += field.value.size();
    }
    scratch.reserve(most);  // Views into it must stay valid while it grows.
    const auto goes = [&](http::Field& field) {
        if (field.id != http::FieldId::cookie) {
            return is_preview_header(field.name, names.headers);
        }
        const std::size_t begin = scratch.size();
        if (!append_other_cookies(scratch, field.value, names.cookies)) return false;
        field.value = std::string_view(scratch).substr(begin);
        return field.value.empty();
    };
    // (Not remove_if, which promises no order of its calls and takes no changes by them.)
    std::size_t kept = 0;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        if (goes(fields[i])) continue;
        if (kept != i) fields[kept] = fields[i];
        ++kept;
    }
    fields.resize(kept);
}

void append_local_location(std::string& out, std::string_view target) {
    if (target.size() > 1 && (target[1] == '/' || target[1] == '\\')) out += "/.";
    out += target;
}

}  // namespace switchyard::route
