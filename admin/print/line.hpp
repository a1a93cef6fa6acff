#pragma once

#include "admin/fields.hpp"
#include "admin/print/text.hpp"
#include "admin/print/time.hpp"

#include <chrono>
#include <string>
#include <string_view>

/// What the lines of most screens are made of.
namespace switchyard::admin {

/// A field of the daemon's answer, safe to print.
inline std::string shown(const json::value& from, std::string_view key) {
    return printable(text(from, key));
}

inline std::string count(const json::value& from, std::string_view key) {
    return std::to_string(integer(from, key));
}

/// A number of milliseconds, as a person reads a span of time.
inline std::string millis(const json::value& from, std::string_view key) {
    return format_span(std::chrono::milliseconds(integer(from, key)));
}

/// Who did it.
inline std::string by(const json::value& from) {
    const std::string user = shown(from, "user");
    return user.empty() ? "uid " + std::to_string(integer(from, "uid")) : user;
}

/// "  label         value", the values of a screen below each other.
inline std::string row(std::string_view label, std::string_view value, std::size_t width = 14) {
    std::string out = "  " + std::string(label);
    out.append(label.size() < width ? width - label.size() : 1, ' ');
    return out.append(value).append("\n");
}

}  // namespace switchyard::admin
