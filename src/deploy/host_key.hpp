#pragma once

#include "deploy/link.hpp"

#include <string>

namespace switchyard::deploy {

/// "SHA256:...", as ssh-keygen prints it; empty if that fails.
[[nodiscard]] std::string fingerprint_of(ssh_key key);

/// "ssh-ed25519 AAAA...", as in authorized_keys and known_hosts; empty if that fails.
[[nodiscard]] std::string public_line_of(ssh_key key);

/// Why the key that the host has shown in the handshake must not be trusted, with the fingerprints
/// and what to do; nothing when it is the pinned one or stands in known_hosts. Writes nothing.
[[nodiscard]] std::optional<Fault> verify_host_key(const Link& link);

}  // namespace switchyard::deploy
