#include "deploy/command_line.hpp"

#include "config/deploy_values.hpp"
#include "config/report.hpp"

#include <algorithm>

namespace switchyard::deploy {
namespace {

/// $1: command, $2: marker. OpenSSH's sshd starts every command as the leader of a group already;
/// where something stands between (a forced command), setsid makes it one. As the caller leads no
/// group then, setsid does not fork, and the PID stays. Nobody types: what asks for input gets its
/// end.
constexpr std::string_view kStart =
    "printf '%s:%s\\n' \"$2\" \"$$\"; "
    "if kill -0 \"-$$\" 2>/dev/null || ! command -v setsid >/dev/null 2>&1; "
    "then exec sh -c \"$1\" </dev/null; else exec setsid sh -c \"$1\" </dev/null; fi";

/// $1: PID, $2 and $3: how many tenths of a second to wait. Where there is a /proc, dead processes
/// that nobody has asked for yet (state Z) are not counted.
constexpr std::string_view kEnd = R"sh(p=$1; t=$p; u=0
kill -0 "-$p" 2>/dev/null && t=-$p
now() {
  if [ -r /proc/uptime ]; then read -r u l </proc/uptime; u=${u%.*}${u#*.}; else u=$((u+10)); fi
}
alive() {
  kill -0 "$t" 2>/dev/null || return 1
  if [ "$t" = "-$p" ] && [ -r /proc/self/stat ]; then
    for f in /proc/[0-9]*/stat; do
      { read -r l <"$f"; } 2>/dev/null || continue
      set -- ${l##*) }
      if [ "$3" = "$p" ] && [ "$1" != Z ] && [ "$1" != X ]; then return 0; fi
    done
    return 1
  fi
  kill -0 "$t" 2>/dev/null
}
wait_for() {
  now; b=$u
  while alive; do
    now; [ $(((u-b)/10)) -lt "$1" ] || return 1
    sleep 0.1 2>/dev/null || sleep 1
  done
}
kill -TERM "$t" 2>/dev/null
wait_for "$2" && exit 0
kill -KILL "$t" 2>/dev/null
wait_for "$3" && exit 0
exit 1)sh";

std::string tenths(milliseconds duration) {
    return std::to_string(std::max<milliseconds::rep>(1, duration.count() / 100));
}

}  // namespace

std::string describe_exit_status(int status) {
    std::string text = "the command ended with exit status " + std::to_string(status);
    if (status == 126) text += " (it is there, but can't be run)";
    if (status == 127) text += " (command not found)";
    if (status > 128 && status <= 128 + 64) {
        text +=
            " (as a shell says when signal " + std::to_string(status - 128) + " ended something)";
    }
    return text;
}

std::string shell_quote(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'') {
            out += "'\\''";
        } else {
            out += c;
        }
    }
    return out + "'";
}

std::string variable_problem(std::string_view name, std::string_view value) {
    // Those of the deploy itself are reserved in a configuration; here they come from the deploy.
    constexpr std::string_view kOwn = "SWITCHYARD_";
    const std::string checked =
        name.starts_with(kOwn) ? "_" + std::string(name.substr(kOwn.size())) : std::string(name);
    if (!config::parse_variable_name(checked)) {
        return config::in_quotes(name) +
               " is not a variable's name; expected letters, digits and '_', the first one no "
               "digit";
    }
    if (auto parsed = config::parse_variable_value(value); !parsed) {
        return "the variable " + config::in_quotes(name) + ": " + parsed.error().message;
    }
    return {};
}

Step<std::string> remote_command_line(const Command& command, std::string_view marker) {
    if (command.command.find('\0') != std::string::npos) {
        return Fault{Outcome::Kind::exit_status, "the command has a zero byte; it was not started"};
    }
    std::string line = "exec env";
    for (const auto& [name, value] : command.environment) {
        if (auto problem = variable_problem(name, value); !problem.empty()) {
            return Fault{Outcome::Kind::exit_status, problem + "; the command was not started"};
        }
        line += " " + name + "=" + shell_quote(value);
    }
    line += " sh -c " + shell_quote(kStart) + " switchyard " + shell_quote(command.command) + " " +
            shell_quote(marker);
    if (line.size() > kMaxCommandLine) {
        return Fault{Outcome::Kind::exit_status,
                     "the command and its variables have " + std::to_string(line.size()) +
                         " bytes, " + std::to_string(kMaxCommandLine) +
                         " at most can be passed on; it was not started"};
    }
    return line;
}

std::string ending_command_line(long pid, const Patience& patience) {
    return "exec sh -c " + shell_quote(kEnd) + " switchyard " + std::to_string(pid) + " " +
           tenths(patience.after_term) + " " + tenths(patience.after_kill);
}

}  // namespace switchyard::deploy
