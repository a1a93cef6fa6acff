#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

/// Reading the daemon's JSON: a field that is missing, null or of another type is simply empty, so
/// that a daemon of another version never breaks the command line.
namespace switchyard::admin {

namespace json = boost::json;

inline const json::value* find(const json::value& from, std::string_view key) {
    return from.is_object() ? from.get_object().if_contains(key) : nullptr;
}

inline const json::value& field(const json::value& from, std::string_view key) {
    static const json::value none;
    const json::value* found = find(from, key);
    return found != nullptr ? *found : none;
}

inline std::string text(const json::value& from, std::string_view key) {
    const json::value& found = field(from, key);
    return found.is_string() ? std::string(found.get_string()) : std::string();
}

inline double real(const json::value& from, std::string_view key) {
    const json::value& found = field(from, key);
    if (found.is_double()) return found.get_double();
    if (found.is_int64()) return static_cast<double>(found.get_int64());
    if (found.is_uint64()) return static_cast<double>(found.get_uint64());
    return 0;
}

inline std::int64_t integer(const json::value& from, std::string_view key) {
    const json::value& found = field(from, key);
    if (found.is_int64()) return found.get_int64();
    if (found.is_uint64()) return static_cast<std::int64_t>(found.get_uint64());
    return 0;
}

inline bool flag(const json::value& from, std::string_view key) {
    const json::value& found = field(from, key);
    return found.is_bool() && found.get_bool();
}

inline const json::array& list(const json::value& from, std::string_view key) {
    static const json::array none;
    const json::value& found = field(from, key);
    return found.is_array() ? found.get_array() : none;
}

}  // namespace switchyard::admin
