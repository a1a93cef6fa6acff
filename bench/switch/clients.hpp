#pragma once

#include "bench/switch/client.hpp"

#include <memory>
#include <span>

namespace switchyard::bench {

/// A sort of clients, and how many of them there are.
struct ClientSort {
    const char* option;  ///< Of the command line; takes the number.
    const char* help;
    unsigned usual;
    unsigned quick;   ///< With --quick.
    bool over_http2;  ///< On a plain listener: only if that speaks h2c.
    /// Null: the proxy has no service for them.
    std::unique_ptr<Client> (*make)(World& world, bool tls, unsigned number);
};

/// All sorts, in the order of Options::clients.
std::span<const ClientSort> client_sorts() noexcept;

}  // namespace switchyard::bench
