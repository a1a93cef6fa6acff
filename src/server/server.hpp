#pragma once

#include "config/config.hpp"

namespace switchyard::server {

/// Tells OpenSSL where to get its memory (net/tls_memory.hpp). Before anything else: libssh uses
/// OpenSSL in a constructor of its own, ahead of main. False: too late.
bool prepare_tls_memory() noexcept;

/// Runs the daemon with this configuration until a signal ends it: SIGTERM or SIGINT stop (a second
/// one at once), SIGHUP reloads, SIGUSR1 reopens the access log. Returns the exit code; says on
/// standard error what went wrong. Nothing is left half-started: everything that can fail at the
/// start is done before the first connection is accepted.
[[nodiscard]] int run(config::Config config);

/// Checks what loading the configuration can't know: that certificates, keys and the API's token
/// can be used. Unless `offline`, asks DigitalOcean's API what the token may; an API that can't be
/// reached makes nothing invalid. Binds and writes nothing. Returns the exit code, 0 for valid;
/// says what is wrong or that all is well.
[[nodiscard]] int check(const config::Config& config, bool offline);

}  // namespace switchyard::server
