#pragma once

#include <cstddef>
#include <cstdint>

/// What the limit of open files (RLIMIT_NOFILE) is enough for. Any thread.
namespace switchyard::server {

/// Descriptors that the process may have open; 0: no limit.
[[nodiscard]] std::size_t descriptors() noexcept;

/// What so many client connections need at most: a connection to a target for each, two for each
/// pipe, and a reserve for listeners, the admin socket, health checks, the state and logs.
[[nodiscard]] std::size_t descriptors_needed(std::size_t connections, std::size_t pipes) noexcept;

/// Client connections that the limit is enough for, 1 at least; 0: no limit.
[[nodiscard]] std::uint32_t connections_by_descriptors(std::size_t pipes) noexcept;

}  // namespace switchyard::server
