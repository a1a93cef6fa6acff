#include "server/connection_limiter.hpp"

#include <algorithm>
#include <cstring>
#include <sys/socket.h>

namespace switchyard::server {

std::size_t ConnectionLimiter::Hash::operator()(
    const std::array<std::uint8_t, 16>& key) const noexcept {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    std::memcpy(&high, key.data(), 8);
    std::memcpy(&low, key.data() + 8, 8);
    std::uint64_t mixed = (high ^ (low * 0x9E3779B97F4A7C15ULL)) * 0xBF58476D1CE4E5B9ULL;
    return mixed ^ (mixed >> 31);
}

ConnectionLimiter::Ticket ConnectionLimiter::enter(const net::Address& peer, std::uint32_t limit,
                                                   std::uint32_t limit_per_address) {
    Ticket ticket;
    const std::uint32_t total = total_.fetch_add(1, std::memory_order_relaxed) + 1;
    if (limit != 0 && total > limit) {
        ticket.within_limits = false;
        ticket.hopeless = total - limit > std::max(64U, limit / 8);
    }
    if (limit_per_address != 0) enter_address(ticket, peer, limit_per_address);
    return ticket;
}

void ConnectionLimiter::enter_address(Ticket& ticket, const net::Address& client,
                                      std::uint32_t limit_per_address) {
    std::uint8_t bytes[16];
    client.bytes16(bytes);
    const bool mapped = bytes[10] == 0xff && bytes[11] == 0xff;
    if (!mapped) std::fill(bytes + 8, bytes + 16, std::uint8_t{0});
    std::copy(bytes, bytes + 16, ticket.key.begin());
    ticket.counted_by_address = true;
    Shard& shard = shards_[Hash{}(ticket.key) % kShards];
    const std::lock_guard lock(shard.mutex);
    const std::uint32_t count = ++shard.counts[ticket.key];
    if (count > limit_per_address) {
        ticket.within_limits = false;
        if (count - limit_per_address > std::max(16U, limit_per_address)) ticket.hopeless = true;
    }
}

void ConnectionLimiter::leave(const Ticket& ticket) {
    total_.fetch_sub(1, std::memory_order_relaxed);
    if (!ticket.counted_by_address) return;
    Shard& shard = shards_[Hash{}(ticket.key) % kShards];
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.counts.find(ticket.key);
    if (found != shard.counts.end() && --found->second == 0) shard.counts.erase(found);
}

}  // namespace switchyard::server
