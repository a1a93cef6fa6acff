#pragma once

#include "config/load.hpp"

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::config::test {

/// The smallest valid file, two lines; a top-level fragment that follows begins in line 3.
inline const std::string kBase =
    "listeners: [{address: \"0.0.0.0:80\"}]\n"
    "services: {app: {slots: {blue: {targets: [\"10.0.0.2:80\"]}}}}\n";

/// A file that ends within a service; a fragment of the service, indented by four, that follows
/// begins in line 5.
inline const std::string kService =
    "listeners: [{address: \"0.0.0.0:80\"}]\n"
    "services:\n"
    "  app:\n"
    "    slots: {blue: {targets: [\"10.0.0.2:80\"]}}\n";

/// A file that ends within a list of listeners; a fragment, indented by two, begins in line 3.
inline const std::string kListeners =
    "services: {app: {slots: {blue: {targets: [\"10.0.0.2:80\"]}}}}\n"
    "listeners:\n";

inline std::vector<std::string> problems_of(std::string_view text,
                                            const std::string& folder = "/etc/switchyard") {
    std::vector<std::string> lines;
    for (const Problem& problem : load_text(text, "f", folder).problems) {
        lines.push_back(problem.text());
    }
    return lines;
}

/// The configuration of a text that must be valid; throws with the problems if it is not.
inline Config config_of(std::string_view text, const std::string& folder = "/etc/switchyard") {
    LoadResult result = load_text(text, "f", folder);
    std::string all;
    for (const Problem& problem : result.problems)
        all += problem.text() + "\n";
    if (!result.ok()) throw std::runtime_error(all);
    return std::move(result.config);
}

}  // namespace switchyard::config::test
