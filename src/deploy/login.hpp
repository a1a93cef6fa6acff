#pragma once

#include "deploy/link.hpp"

namespace switchyard::deploy {

/// Logs in with the key file or the agent of the settings; after the host key was verified.
[[nodiscard]] std::optional<Fault> log_in(Link& link, TimePoint deadline);

}  // namespace switchyard::deploy
