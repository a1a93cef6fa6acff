#pragma once

#include "config/config.hpp"

namespace switchyard::server {

/// How the process deals with memory. First of all that the program does: OpenSSL is told where to
/// get its own, which it has to know before it is used, as by a configuration's secrets.
void prepare_memory();

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
