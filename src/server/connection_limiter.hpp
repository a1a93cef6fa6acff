#pragma once

#include "net/address.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

namespace switchyard::server {

/// Counts client connections of all workers, in total and (while a limit asks for it) by client
/// address. Any thread. IPv6 clients are counted by their /64, which is what one of them owns.
class ConnectionLimiter {
  public:
    struct Ticket {
        bool counted_by_address = false;
        bool within_limits = true;
        bool hopeless = false;  ///< So far over the limit that not even a refusal is affordable.
        std::array<std::uint8_t, 16> key{};
    };

    /// Counts a connection; zero limits: none. It counts also when it is over a limit, until
    /// leave().
    [[nodiscard]] Ticket enter(const net::Address& peer, std::uint32_t limit,
                               std::uint32_t limit_per_address);
    /// The same by address alone, for a connection that entered without it (limit_per_address 0)
    /// since its client was not known yet.
    void enter_address(Ticket& ticket, const net::Address& client, std::uint32_t limit_per_address);
    void leave(const Ticket& ticket);

  private:
    struct Hash {
        std::size_t operator()(const std::array<std::uint8_t, 16>& key) const noexcept;
    };
    static constexpr std::size_t kShards = 16;
    struct Shard {
        std::mutex mutex;
        std::unordered_map<std::array<std::uint8_t, 16>, std::uint32_t, Hash> counts;
    };

    std::atomic<std::uint32_t> total_{0};
    std::array<Shard, kShards> shards_;
};

}  // namespace switchyard::server
