#include "support/expression.hpp"

#include <optional>
#include <regex>

namespace switchyard::test {

bool matches(const std::string& text, const std::string& pattern) {
    // Often one pattern for many lines.
    static thread_local std::optional<std::string> last;
    static thread_local std::regex expression;
    if (pattern != last) {
        expression.assign(pattern);
        last = pattern;
    }
    return std::regex_match(text, expression);
}

std::vector<std::vector<std::string>> find_all(const std::string& text,
                                               const std::string& pattern) {
    std::vector<std::vector<std::string>> found;
    const std::regex expression(pattern);
    for (std::sregex_iterator at(text.begin(), text.end(), expression), end; at != end; ++at) {
        found.emplace_back(at->begin(), at->end());
    }
    return found;
}

std::string replace_all(const std::string& text, const std::string& pattern,
                        const std::string& with) {
    return std::regex_replace(text, std::regex(pattern), with);
}

}  // namespace switchyard::test
