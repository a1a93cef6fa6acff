#pragma once

#include "observe/counter.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

/// What is counted while a canary runs, so that its two sides can be compared (docs/canary.md).
namespace switchyard::observe {

/// Every client stands at one of these points; a canary's share is a number of them.
inline constexpr std::uint32_t kCanaryPoints = 10'000;

/// Why a request of a service with a canary went to the slot that it went to.
enum class CanaryReason : std::uint8_t {
    sticky,     ///< The client has its side, by cookie, header or address.
    first,      ///< A client without a cookie was given its side.
    unknown,    ///< Nothing tells which client this is: live.
    unhealthy,  ///< It belongs to the canary, which is not healthy: live.
    failed,     ///< The same, after a try on the canary failed.
};
inline constexpr std::size_t kCanaryReasons = 5;

[[nodiscard]] constexpr std::string_view to_string(CanaryReason reason) noexcept {
    constexpr std::array<std::string_view, kCanaryReasons> kNames = {"sticky", "new", "unknown",
                                                                     "unhealthy", "failed"};
    return kNames[static_cast<std::size_t>(reason)];
}

/// Requests by slot (index_of(Colour)) and reason, over all canaries of a service. A cell a worker.
class CanaryTraffic {
  public:
    struct alignas(kCacheLine) Cell {
        std::array<std::array<Counter, kCanaryReasons>, 2> requests;
    };
    explicit CanaryTraffic(std::size_t workers) : cells_(workers) {}
    [[nodiscard]] Cell& cell(std::size_t worker) noexcept { return cells_[worker]; }
    [[nodiscard]] std::uint64_t sum(std::size_t slot, CanaryReason reason) const noexcept {
        std::uint64_t total = 0;
        for (const Cell& cell : cells_)
            total += cell.requests[slot][static_cast<std::size_t>(reason)].get();
        return total;
    }

  private:
    std::vector<Cell> cells_;
};

/// The bins of a latency: exact below 16 us, then eight to each doubling (at most 12.5 % wide), up
/// to about two minutes.
inline constexpr std::size_t kCanaryBins = 200;
[[nodiscard]] std::size_t canary_bin(std::uint64_t us) noexcept;
/// The first value above the bin, in microseconds.
[[nodiscard]] std::uint64_t canary_bin_end(std::size_t bin) noexcept;

/// What the clients of one point saw.
struct PointTally {
    std::uint64_t answers = 0;  ///< Requests that the slot answered or failed to.
    std::uint64_t errors = 0;   ///< Of these: 5xx, or no whole answer.
    std::uint64_t timed = 0;    ///< Answers without an error whose latency is in `log_us`.
    std::uint64_t log_us = 0;   ///< Sum of 256 times the binary logarithm of microseconds.
};

/// All of one comparison at one moment.
struct CanaryTally {
    std::vector<PointTally> points{kCanaryPoints};
    /// [0] live, [1] canary.
    std::array<std::array<std::uint64_t, kCanaryBins>, 2> latency{};
};

/// The counters of one comparison: from a change of the share to the next. A cell a worker.
class CanaryCounts {
  public:
    explicit CanaryCounts(std::size_t workers);

    /// One request of a client at `point` ended. `us`: its latency, if it counts.
    void record(std::size_t worker, std::uint32_t point, bool canary, bool error,
                std::optional<std::uint64_t> us) noexcept;

    [[nodiscard]] CanaryTally tally() const;

  private:
    struct Point {
        Counter answers;
        Counter errors;
        Counter timed;
        Counter log_us;
    };
    struct alignas(kCacheLine) Cell {
        std::vector<Point> points{kCanaryPoints};
        std::array<std::array<Counter, kCanaryBins>, 2> latency;
    };
    std::vector<Cell> cells_;
};

/// One side of a comparison.
struct CanarySide {
    std::uint64_t answers = 0;
    std::uint64_t errors = 0;
    std::optional<std::uint64_t> median_us;  ///< None: nothing was timed.
    std::optional<std::uint64_t> p95_us;
};

/// `share` of kCanaryPoints is the canary's.
[[nodiscard]] CanarySide canary_side(const CanaryTally& tally, std::uint32_t share, bool canary);

}  // namespace switchyard::observe
