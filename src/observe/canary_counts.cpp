#include "observe/canary_counts.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>

namespace switchyard::observe {

namespace {

constexpr std::uint64_t kExact = 16;    // 2^4
constexpr std::size_t kFirstPower = 4;  // of that
constexpr std::size_t kSteps = 8;

/// A value that `part` of the timed answers do not exceed by more than a bin's width.
std::optional<std::uint64_t> quantile(std::span<const std::uint64_t> bins, double part) {
    std::uint64_t all = 0;
    for (const std::uint64_t count : bins)
        all += count;
    if (all == 0) return std::nullopt;
    const auto rank = static_cast<std::uint64_t>(std::ceil(part * static_cast<double>(all)));
    std::uint64_t below = 0;
    for (std::size_t bin = 0; bin < bins.size(); ++bin) {
        below += bins[bin];
        if (below < std::max<std::uint64_t>(rank, 1)) continue;
        // The middle of the bin.
        const std::uint64_t begin = bin == 0 ? 0 : canary_bin_end(bin - 1);
        return (begin + canary_bin_end(bin) - 1) / 2;
    }
    return std::nullopt;
}

}  // namespace

std::size_t canary_bin(std::uint64_t us) noexcept {
    if (us < kExact) return us;
    const auto power = static_cast<std::size_t>(std::bit_width(us)) - 1;
    const std::size_t step = us >> (power - 3) & (kSteps - 1);
    return std::min(kExact + (power - kFirstPower) * kSteps + step, kCanaryBins - 1);
}

std::uint64_t canary_bin_end(std::size_t bin) noexcept {
    if (bin < kExact) return bin + 1;
    const std::size_t power = kFirstPower + (bin - kExact) / kSteps;
    const std::size_t step = (bin - kExact) % kSteps;
    return static_cast<std::uint64_t>(kSteps + step + 1) << (power - 3);
}

CanaryCounts::CanaryCounts(std::size_t workers) : cells_(workers) {}

void CanaryCounts::record(std::size_t worker, std::uint32_t point, bool canary, bool error,
                          std::optional<std::uint64_t> us) noexcept {
    Cell& cell = cells_[worker];
    Point& at = cell.points[point % kCanaryPoints];
    at.answers.add();
    if (error) at.errors.add();
    if (!us) return;
    at.timed.add();
    at.log_us.add(
        static_cast<std::uint64_t>(std::lround(256 * std::log2(static_cast<double>(*us) + 1))));
    cell.latency[canary ? 1 : 0][canary_bin(*us)].add();
}

CanaryTally CanaryCounts::tally() const {
    CanaryTally sum;
    for (const Cell& cell : cells_) {
        for (std::size_t i = 0; i < sum.points.size(); ++i) {
            // Errors first: never more of them than answers.
            sum.points[i].errors += cell.points[i].errors.get();
            sum.points[i].timed += cell.points[i].timed.get();
            sum.points[i].log_us += cell.points[i].log_us.get();
            sum.points[i].answers += cell.points[i].answers.get();
        }
        for (std::size_t side = 0; side < sum.latency.size(); ++side) {
            for (std::size_t bin = 0; bin < kCanaryBins; ++bin)
                sum.latency[side][bin] += cell.latency[side][bin].get();
        }
    }
    return sum;
}

CanarySide canary_side(const CanaryTally& tally, std::uint32_t share, bool canary) {
    CanarySide side;
    const std::size_t begin = canary ? 0 : share;
    const std::size_t end = canary ? share : tally.points.size();
    for (std::size_t i = begin; i < end; ++i) {
        side.answers += tally.points[i].answers;
        side.errors += tally.points[i].errors;
    }
    const auto& bins = tally.latency[canary ? 1 : 0];
    side.median_us = quantile(bins, 0.5);
    side.p95_us = quantile(bins, 0.95);
    return side;
}

}  // namespace switchyard::observe
