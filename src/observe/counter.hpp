#pragma once

#include <atomic>
#include <cstdint>

namespace switchyard::observe {

/// A number that one thread writes and any thread may read: no locked instruction, no data race.
/// Readers see a value that was true a moment ago.
class Counter {
  public:
    void add(std::uint64_t amount = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
    }
    /// The same, and what this thread did before is seen by whoever reads the result with
    /// get_acquire().
    void add_release(std::uint64_t amount = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_release);
    }
    [[nodiscard]] std::uint64_t get_acquire() const noexcept {
        return value_.load(std::memory_order_acquire);
    }
    void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
    /// For gauges.
    void subtract(std::uint64_t amount = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) - amount, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t get() const noexcept {
        return value_.load(std::memory_order_relaxed);
    }

  private:
    std::atomic<std::uint64_t> value_{0};
};

inline constexpr std::size_t kCacheLine = 64;

}  // namespace switchyard::observe
