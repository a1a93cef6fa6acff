#pragma once

#include "deploy/cancellation.hpp"
#include "deploy/outcome.hpp"

#include <cstdint>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace switchyard::deploy {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

/// The addresses of a host, an IP address or a name, in the order in which they should be tried.
/// The system's resolver may wait without limit and can't be stopped, so it is asked on a thread of
/// its own, which is left to itself at the deadline or a cancellation.
[[nodiscard]] Step<std::vector<SocketAddress>> look_up(const std::string& host, std::uint16_t port,
                                                       TimePoint deadline,
                                                       const Cancellation& cancellation);

/// What is left, rounded up, for poll(2); 0 when it has passed.
[[nodiscard]] int poll_ms(TimePoint deadline);

}  // namespace switchyard::deploy
