#include "bench/common/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace switchyard::bench {

std::size_t Histogram::bucket_of(std::uint64_t value) noexcept {
    const std::uint64_t sub_count = 1ULL << kSubBits;
    if (value < sub_count) return static_cast<std::size_t>(value);
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - kSubBits - 1;
    const std::size_t bucket =
        (static_cast<std::size_t>(shift) << kSubBits) + static_cast<std::size_t>(value >> shift);
    return std::min(bucket, kBuckets - 1);
}

std::int64_t Histogram::upper_bound_of(std::size_t bucket) noexcept {
    const std::size_t sub_count = 1U << kSubBits;
    if (bucket < 2 * sub_count) return static_cast<std::int64_t>(bucket);
    const std::size_t shift = (bucket >> kSubBits) - 1;
    const std::uint64_t mantissa = bucket - (shift << kSubBits);
    return static_cast<std::int64_t>(((mantissa + 1) << shift) - 1);
}

void Histogram::add(std::int64_t nanoseconds) noexcept {
    const std::int64_t value = std::max<std::int64_t>(nanoseconds, 0);
    ++buckets_[bucket_of(static_cast<std::uint64_t>(value))];
    ++count_;
    max_ = std::max(max_, value);
}

void Histogram::merge(const Histogram& other) noexcept {
    for (std::size_t i = 0; i < kBuckets; ++i)
        buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
}

std::int64_t Histogram::quantile(double share) const noexcept {
    if (count_ == 0) return 0;
    const auto wanted =
        static_cast<std::uint64_t>(std::max(1.0, std::ceil(share * static_cast<double>(count_))));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
        seen += buckets_[i];
        if (seen >= wanted) return std::min(upper_bound_of(i), max_);
    }
    return max_;
}

}  // namespace switchyard::bench
