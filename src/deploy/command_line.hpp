#pragma once

#include "deploy/outcome.hpp"

#include <string>
#include <string_view>

namespace switchyard::deploy {

/// More than this would not get through sshd and exec(2).
inline constexpr std::size_t kMaxCommandLine = 120 * 1024;

/// The text as one word of a POSIX shell, whatever it holds (zero bytes excepted).
[[nodiscard]] std::string shell_quote(std::string_view text);

/// Why a variable can't be passed on, or an empty text.
[[nodiscard]] std::string variable_problem(std::string_view name, std::string_view value);

/// What the remote user's shell gets: it sets the variables (sshd denies most that come the
/// protocol's own way), prints "MARKER:PID" and becomes `sh -c COMMAND` under that PID, which leads
/// a process group of its own. The fault says which part can't be passed on.
[[nodiscard]] Step<std::string> remote_command_line(const Command& command,
                                                    std::string_view marker);

/// What ends that process group from a second channel: SIGTERM, then SIGKILL. Its exit status is 0
/// when nothing of the group runs any more, 1 when something could not be ended.
[[nodiscard]] std::string ending_command_line(long pid, const Patience& patience);

}  // namespace switchyard::deploy
