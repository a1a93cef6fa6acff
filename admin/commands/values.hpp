#pragma once

#include "admin/print/time.hpp"

#include <string>

/// What several commands take, as CLI11's checks: empty if it is right, otherwise what is wrong.
namespace switchyard::admin {

inline std::string check_duration(const std::string& text) {
    if (parse_duration(text)) return {};
    return "\"" + text + "\" is not a duration like 500ms, 30s or 1m30s, of at most a day";
}

}  // namespace switchyard::admin
