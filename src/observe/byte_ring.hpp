#pragma once

#include "base/error.hpp"
#include "observe/counter.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace switchyard::observe {

/// Bytes from one writing thread to one reading thread, without locks. The memory is mapped twice
/// in a row, so that both the free and the filled part are always one piece, wherever they begin.
class ByteRing {
  public:
    /// Capacity is rounded up to a power of two and to whole pages. Fails when the system gives no
    /// memory for it.
    static Result<std::unique_ptr<ByteRing>> create(std::size_t capacity);

    ~ByteRing();
    ByteRing(const ByteRing&) = delete;
    ByteRing& operator=(const ByteRing&) = delete;

    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

    // The writing thread.

    /// The free part. Looks at the reader's position only when the last known one leaves less than
    /// `wanted` bytes.
    [[nodiscard]] std::span<char> free_space(std::size_t wanted) noexcept {
        if (capacity_ - (tail_ - known_head_) < wanted) {
            known_head_ = head_.load(std::memory_order_acquire);
        }
        return {memory_ + (tail_ & (capacity_ - 1)), capacity_ - (tail_ - known_head_)};
    }
    /// Hands the first `size` bytes of the free part to the reader.
    void publish(std::size_t size) noexcept {
        tail_ += size;
        published_.store(tail_, std::memory_order_release);
    }
    /// Whether more than half is filled; exact at the moment of the call.
    [[nodiscard]] bool past_half() noexcept {
        if (tail_ - known_head_ <= capacity_ / 2) return false;
        known_head_ = head_.load(std::memory_order_acquire);
        return tail_ - known_head_ > capacity_ / 2;
    }

    // The reading thread.

    [[nodiscard]] std::span<const char> filled() const noexcept {
        const std::uint64_t head = head_.load(std::memory_order_relaxed);
        const std::uint64_t tail = published_.load(std::memory_order_acquire);
        return {memory_ + (head & (capacity_ - 1)), static_cast<std::size_t>(tail - head)};
    }
    void consume(std::size_t size) noexcept {
        head_.store(head_.load(std::memory_order_relaxed) + size, std::memory_order_release);
    }

  private:
    ByteRing(char* memory, std::size_t capacity) noexcept : memory_(memory), capacity_(capacity) {}

    char* const memory_;  ///< Two views of the same `capacity_` bytes, one after the other.
    const std::size_t capacity_;
    // Positions only grow; their place is the position modulo the capacity.
    alignas(kCacheLine) std::uint64_t tail_ = 0;
    std::uint64_t known_head_ = 0;
    std::atomic<std::uint64_t> published_{0};
    alignas(kCacheLine) std::atomic<std::uint64_t> head_{0};
};

}  // namespace switchyard::observe
