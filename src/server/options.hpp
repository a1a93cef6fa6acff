#pragma once

#include "config/config.hpp"
#include "relay/worker_context.hpp"
#include "session/server_options.hpp"

#include <memory>
#include <vector>

namespace switchyard::server {

/// What workers need of a configuration besides routing, made once per load and shared.
struct WorkerOptions {
    explicit WorkerOptions(const config::Config& config);

    std::shared_ptr<const session::ServerOptions> session;
    std::shared_ptr<const relay::RelayOptions> relay;
    std::uint32_t connections = 0;  ///< The configured limit, or what the descriptors allow.
    std::uint32_t connections_per_address = 0;
};

}  // namespace switchyard::server
