#pragma once

#include "route/snapshot.hpp"

#include <cstdint>
#include <memory>
#include <span>

namespace switchyard::upstream {

/// A small fast generator for choices that need no secrecy (xorshift64*). One a worker.
class Random {
  public:
    explicit Random(std::uint64_t seed) noexcept : state_(seed | 1) {}
    std::uint64_t next() noexcept {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return state_ * 0x2545F4914F6CDD1DULL;
    }

  private:
    std::uint64_t state_;
};

/// Picks a target of the slot: of two drawn at random among those that are healthy, not ejected and
/// not tried yet, the one with fewer requests in flight on this worker. When none is left, health
/// and ejection are set aside (a wrong health check must not take the site down), then also
/// `tried`. Never null: a slot has a target.
[[nodiscard]] const std::shared_ptr<route::Target>& pick_target(
    const route::SlotState& slot, std::size_t worker, std::uint64_t now_ns,
    std::span<const std::uint32_t> tried, Random& random) noexcept;

/// Whether pick_target() would find a target that is healthy, not ejected and not tried yet.
[[nodiscard]] bool has_usable_target(const route::SlotState& slot, std::uint64_t now_ns,
                                     std::span<const std::uint32_t> tried) noexcept;

}  // namespace switchyard::upstream
