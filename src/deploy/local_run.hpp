#pragma once

#include "deploy/cancellation.hpp"
#include "deploy/outcome.hpp"

#include <string>
#include <vector>

namespace switchyard::deploy {

/// Runs a command with /bin/sh beside the daemon, as its user, in a session of its own: it gets no
/// descriptor but its output and an empty input, no blocked signal, and of the daemon's environment
/// only what has to do with user, language, time zone and PATH, never tokens or credentials. Blocks
/// until it has ended; at the time-out or a cancellation the whole process group is ended.
[[nodiscard]] Outcome run_locally(const Command& command, const OnLine& on_line,
                                  const Cancellation& cancellation, const Patience& patience = {});

/// "NAME=VALUE" of what such a command gets, besides its own variables.
[[nodiscard]] std::vector<std::string> harmless_environment(const char* const* environment);

}  // namespace switchyard::deploy
