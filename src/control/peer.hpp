#pragma once

#include "control/refusal.hpp"

#include <cstdint>
#include <string>

namespace switchyard::control {

/// The name of a uid, or "" if it has none. May ask the system's name service.
[[nodiscard]] std::string user_name(std::uint32_t uid);

/// The daemon itself, under its own name or `user`.
[[nodiscard]] Caller daemon_caller(std::string user = {});

}  // namespace switchyard::control
