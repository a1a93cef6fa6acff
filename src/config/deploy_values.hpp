#pragma once

#include "config/config.hpp"
#include "config/parsed.hpp"

#include <string>
#include <string_view>

/// Values of the sections on deploys. Refusals complete a sentence that starts with the key, as in
/// values.hpp.
namespace switchyard::config {

/// More than any script that stands in a configuration; sshd takes 128 KiB with the environment.
inline constexpr std::size_t kMaxCommandBytes = 32 * 1024;

/// "user@host:port"; user and port may be left out, IPv6 needs brackets: "user@[fd00::2]:22".
[[nodiscard]] Parsed<DeployHost> parse_deploy_host(std::string_view text);

/// The name of a user on a host.
[[nodiscard]] Parsed<std::string> parse_user_name(std::string_view text);

/// A host key's fingerprint as ssh-keygen prints it, "SHA256:" and 43 characters.
[[nodiscard]] Parsed<std::string> parse_fingerprint(std::string_view text);

/// The name of a variable that a command may get: an identifier, not SWITCHYARD_*.
[[nodiscard]] Parsed<std::string> parse_variable_name(std::string_view text);

/// A variable's value: anything without zero bytes.
[[nodiscard]] Parsed<std::string> parse_variable_value(std::string_view text);

/// A command for a shell, which may have several lines.
[[nodiscard]] Parsed<std::string> parse_command(std::string_view text);

}  // namespace switchyard::config
