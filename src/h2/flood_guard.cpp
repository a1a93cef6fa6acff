#include "h2/flood_guard.hpp"

#include <algorithm>

namespace switchyard::h2 {

namespace {

constexpr std::uint64_t kFrame = 10;    ///< Tenths.
constexpr std::uint64_t kSeconds = 10;  ///< That a full bucket holds.
constexpr std::size_t kReward = 1024;

constexpr std::size_t index_of(observe::Http2Limit kind) noexcept {
    return static_cast<std::size_t>(kind);
}
static_assert(index_of(observe::Http2Limit::window_updates) == 5);

}  // namespace

void FloodGuard::start(const session::Http2Options& options, std::uint64_t tick) noexcept {
    const std::array<std::uint32_t, kKinds> rates = {options.resets,       options.settings,
                                                     options.pings,        options.ignored_frames,
                                                     options.empty_frames, options.window_updates};
    for (std::size_t i = 0; i < kKinds; ++i)
        buckets_[i] = {rates[i] * kSeconds * kFrame, rates[i], tick};
    unrewarded_ = 0;
}

bool FloodGuard::take(observe::Http2Limit kind, std::uint64_t tick) noexcept {
    Bucket& bucket = buckets_[index_of(kind)];
    const std::uint64_t full = bucket.rate * kSeconds * kFrame;
    if (bucket.level < full) {
        bucket.level = std::min(full, bucket.level + (tick - bucket.filled) * bucket.rate);
    }
    bucket.filled = tick;
    if (bucket.level < kFrame) return false;
    bucket.level -= kFrame;
    return true;
}

void FloodGuard::sent(std::size_t bytes) noexcept {
    unrewarded_ += bytes;
    buckets_[index_of(observe::Http2Limit::window_updates)].level += unrewarded_ / kReward * kFrame;
    unrewarded_ %= kReward;
}

void FloodGuard::answered() noexcept {
    buckets_[index_of(observe::Http2Limit::window_updates)].level += 2 * kFrame;
}

}  // namespace switchyard::h2
