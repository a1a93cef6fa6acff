#pragma once

#include "deploy/lookup.hpp"

namespace switchyard::deploy {

/// A connected, non-blocking TCP socket. Each address gets its share of the time that is left.
[[nodiscard]] Step<Descriptor> connect_tcp(const std::vector<SocketAddress>& addresses,
                                           TimePoint deadline, const Cancellation& cancellation);

/// A connected, non-blocking unix socket.
[[nodiscard]] Step<Descriptor> connect_unix(const std::string& path, TimePoint deadline,
                                            const Cancellation& cancellation);

}  // namespace switchyard::deploy
