#pragma once

#include <chrono>
#include <cstdint>

namespace switchyard::observe {

/// What the system's clock said at a moment of the steady clock, without reading it for each: how
/// far the two are apart is looked at again every 20 ms, so that a clock that was set is followed.
/// Not thread-safe.
class WallClock {
  public:
    using time_point = std::chrono::system_clock::time_point;

    /// `moment` and `now`: nanoseconds of steady_clock; `now` is the present, and decides whether
    /// the distance is looked at again.
    [[nodiscard]] time_point at(std::uint64_t moment, std::uint64_t now) noexcept {
        if (now - read_ns_ >= kKept) {
            read_ns_ = now;
            read_ = std::chrono::system_clock::now();
        }
        const auto distance = static_cast<std::int64_t>(moment - read_ns_);
        return read_ +
               std::chrono::duration_cast<time_point::duration>(std::chrono::nanoseconds(distance));
    }

  private:
    static constexpr std::uint64_t kKept = 20'000'000;

    /// Far from every `now`: the first one looks.
    std::uint64_t read_ns_ = ~std::uint64_t{0} / 2;
    time_point read_;
};

}  // namespace switchyard::observe
