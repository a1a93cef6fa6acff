#pragma once

#include "config/parsed.hpp"

#include <string>

namespace switchyard::config {

inline constexpr std::size_t kMaxErrorPageBytes = 256 * 1024;

/// The contents of a page of the operator's own. Only regular files are opened.
[[nodiscard]] Parsed<std::string> read_error_page(const std::string& path);

}  // namespace switchyard::config
