#pragma once

#include "observe/http2_limit.hpp"
#include "session/http2_options.hpp"

#include <array>
#include <cstdint>

namespace switchyard::h2 {

/// Counts frames that cost more than they bring: for each kind a bucket of tokens that refills with
/// time and holds ten seconds' worth. Pure: the time is the caller's.
class FloodGuard {
  public:
    /// Everything is full. `tick`: of the timer wheel, 100 ms each.
    void start(const session::Http2Options& options, std::uint64_t tick) noexcept;

    /// One more of them. False: too many.
    [[nodiscard]] bool take(observe::Http2Limit kind, std::uint64_t tick) noexcept;

    /// Window updates are answers to what we send: one is granted for each KiB ...
    void sent(std::size_t bytes) noexcept;
    /// ... and two for a body that ends, however short. (Not for each frame: who opens a window by
    /// an octet makes us send one.)
    void answered() noexcept;

  private:
    /// In tenths of a frame, so that a tick brings whole numbers.
    struct Bucket {
        std::uint64_t level = 0;
        std::uint64_t rate = 0;  ///< Tenths a tick; frames a second.
        std::uint64_t filled = 0;
    };
    static constexpr std::size_t kKinds = 6;  ///< The first ones of Http2Limit.

    std::array<Bucket, kKinds> buckets_;
    std::size_t unrewarded_ = 0;  ///< Bytes sent that are no whole KiB yet.
};

}  // namespace switchyard::h2
