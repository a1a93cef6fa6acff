#pragma once

#include "config/config.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <boost/system/result.hpp>

namespace switchyard::config {

/// One thing wrong with a configuration file.
struct Problem {
    std::string file;
    int line = 0;    ///< 1-based; 0: the file as a whole.
    int column = 0;  ///< 1-based.
    std::string
        message;  ///< What is wrong, what was expected, the nearest key if one was mistyped.

    /// "FILE:LINE:COLUMN: message".
    [[nodiscard]] std::string text() const;
};

/// Either a valid configuration or every problem found (never both, never an empty list).
struct LoadResult {
    Config config;
    std::vector<Problem> problems;
    [[nodiscard]] bool ok() const noexcept { return problems.empty(); }
};

/// Reads and validates FILE. Relative paths inside are taken from the file's folder. Does not
/// throw. Reads the error pages, but no certificate (net/ does that).
[[nodiscard]] LoadResult load_file(const std::string& path);

/// The same for a text; `name` stands for the file in messages, `folder` is what relative paths
/// are taken from.
[[nodiscard]] LoadResult load_text(std::string_view text, const std::string& name,
                                   const std::string& folder);

}  // namespace switchyard::config
