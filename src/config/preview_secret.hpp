#pragma once

#include "config/parsed.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace switchyard::config {

/// As long as the digest that is made with it (RFC 2104 §3 advises no less).
inline constexpr std::size_t kMinSecretBytes = 32;
inline constexpr std::size_t kMaxSecretBytes = 1024;
inline constexpr std::size_t kMaxSecrets = 4;

/// The secrets of a preview, one a line, the one that signs first; empty lines and those that begin
/// with '#' don't count. A regular file that others than its owner and group may not read. Errors
/// name the file and the line, never what is in it. Reads one small file.
[[nodiscard]] Parsed<std::vector<std::string>> read_preview_secrets(const std::string& path);

/// The file of a systemd credential ($CREDENTIALS_DIRECTORY/NAME).
[[nodiscard]] Parsed<std::string> credential_path(const std::string& name);

}  // namespace switchyard::config
