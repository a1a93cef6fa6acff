#pragma once

#include "config/config.hpp"

#include <string>
#include <vector>

/// What separates two configurations, in sentences for a person. Pure functions.
namespace switchyard::control {

/// Settings that differ although they can't change without a restart, as problems.
[[nodiscard]] std::vector<std::string> restart_needed(const config::Config& old_config,
                                                      const config::Config& new_config);

/// "service scoreboard: target 10.10.0.4:8000 added to blue", ...
[[nodiscard]] std::vector<std::string> describe_changes(const config::Config& old_config,
                                                        const config::Config& new_config);

/// What is valid but probably not meant.
[[nodiscard]] std::vector<std::string> reload_warnings(const config::Config& config);

}  // namespace switchyard::control
