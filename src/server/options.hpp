#pragma once

#include "config/config.hpp"
#include "relay/worker_context.hpp"
#include "session/server_options.hpp"

#include <memory>
#include <vector>

namespace switchyard::server {

/// Pipes for long bodies (base/pipe.hpp) that so many workers may have together: an eighth of the
/// descriptors that the process may open, at most.
[[nodiscard]] std::size_t pipes_by_descriptors(std::size_t workers) noexcept;
/// Of a configuration, or as many as there are cores.
[[nodiscard]] std::size_t worker_count(const config::Config& config) noexcept;

/// What workers need of a configuration besides routing, made once per load and shared.
struct WorkerOptions {
    explicit WorkerOptions(const config::Config& config);

    std::shared_ptr<const session::ServerOptions> session;
    std::shared_ptr<const relay::RelayOptions> relay;
    std::uint32_t connections = 0;  ///< The configured limit, or what the descriptors allow.
    std::uint32_t connections_per_address = 0;
};

}  // namespace switchyard::server
