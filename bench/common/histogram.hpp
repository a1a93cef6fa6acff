#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace switchyard::bench {

/// Counts durations in log-linear buckets of 1.6 % width: constant memory, any range.
class Histogram {
  public:
    void add(std::int64_t nanoseconds) noexcept;
    void merge(const Histogram& other) noexcept;

    std::uint64_t count() const noexcept { return count_; }
    std::int64_t max() const noexcept { return max_; }

    /// The value, in nanoseconds, below which `share` (0..1) of all entries lie; 0 when empty.
    std::int64_t quantile(double share) const noexcept;

  private:
    static constexpr unsigned kSubBits = 6;
    static constexpr std::size_t kBuckets = (64 - kSubBits) << kSubBits;

    static std::size_t bucket_of(std::uint64_t value) noexcept;
    static std::int64_t upper_bound_of(std::size_t bucket) noexcept;

    std::vector<std::uint32_t> buckets_ = std::vector<std::uint32_t>(kBuckets);
    std::uint64_t count_ = 0;
    std::int64_t max_ = 0;
};

}  // namespace switchyard::bench
