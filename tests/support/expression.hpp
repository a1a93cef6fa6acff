#pragma once

#include <string>
#include <vector>

/// Regular expressions (ECMAScript's) for tests. In one place, as to compile std::regex takes
/// longer than most tests do.
namespace switchyard::test {

/// Whether the whole text is what the pattern says.
[[nodiscard]] bool matches(const std::string& text, const std::string& pattern);

/// All that fits, one after the other: the whole match, then its groups.
[[nodiscard]] std::vector<std::vector<std::string>> find_all(const std::string& text,
                                                             const std::string& pattern);

/// The text with all that fits replaced.
[[nodiscard]] std::string replace_all(const std::string& text, const std::string& pattern,
                                      const std::string& with);

}  // namespace switchyard::test
