#include "server/descriptors.hpp"

#include <algorithm>
#include <limits>
#include <sys/resource.h>

namespace switchyard::server {

namespace {

/// What the process needs besides connections of clients and to targets: listeners, the admin
/// socket, health checks, the state, logs.
constexpr std::size_t kOtherDescriptors = 256;

}  // namespace

std::size_t descriptors() noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 0;
    return limit.rlim_cur;
}

std::size_t descriptors_needed(std::size_t connections, std::size_t pipes) noexcept {
    return std::min(kOtherDescriptors, descriptors() / 4) + 2 * pipes + 2 * connections;
}

std::uint32_t connections_by_descriptors(std::size_t pipes) noexcept {
    const std::size_t all = descriptors();
    if (all == 0) return 0;
    const std::size_t clients = (all - descriptors_needed(0, pipes)) / 2;
    return static_cast<std::uint32_t>(
        std::clamp<std::size_t>(clients, 1, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace switchyard::server
