#include "observe/canary_verdict.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

namespace switchyard::observe {

namespace {

constexpr std::uint32_t kGroups = 50;
/// The next look when there is so much more than at the last one ...
constexpr double kGrowth = 1.1;
/// ... and at least so many answers more.
constexpr double kLeastMore = 10;

/// Of n things k: the natural logarithm of the number of ways.
double log_choose(std::uint64_t n, std::uint64_t k) noexcept {
    // lgamma() writes a global; lgamma_r() does not.
    int sign = 0;
    const auto log_factorial = [&sign](std::uint64_t of) {
        return ::lgamma_r(static_cast<double>(of) + 1, &sign);
    };
    return log_factorial(n) - log_factorial(k) - log_factorial(n - k);
}

/// Values of the canary's groups, then of the others.
struct Groups {
    std::vector<double> canary;
    std::vector<double> live;
};

template <class Value>
void collect(std::span<const PointTally> points, std::uint32_t size, Value value,
             std::vector<double>& out) {
    // What is left over at the end is no whole group.
    for (std::size_t at = 0; at + size <= points.size(); at += size) {
        PointTally sum;
        for (const PointTally& point : points.subspan(at, size)) {
            sum.answers += point.answers;
            sum.errors += point.errors;
            sum.timed += point.timed;
            sum.log_us += point.log_us;
        }
        if (const std::optional<double> number = value(sum)) out.push_back(*number);
    }
}

template <class Value>
GroupTest compare(std::span<const PointTally> points, std::uint32_t share, Value value) {
    GroupTest test;
    if (share == 0 || share >= points.size()) return test;
    const std::uint32_t size = group_points(share);
    Groups groups;
    collect(points.first(share), size, value, groups.canary);
    collect(points.subspan(share), size, value, groups.live);
    test.canary_groups = groups.canary.size();
    test.live_groups = groups.live.size();
    if (groups.canary.empty() || groups.live.empty()) return test;

    std::vector<double> all = groups.canary;
    all.insert(all.end(), groups.live.begin(), groups.live.end());
    const auto middle = all.begin() + static_cast<std::ptrdiff_t>((all.size() - 1) / 2);
    std::nth_element(all.begin(), middle, all.end());
    const double median = *middle;
    const auto above = [median](const std::vector<double>& values) {
        return static_cast<std::uint64_t>(std::count_if(
            values.begin(), values.end(), [median](double entry) { return entry > median; }));
    };
    test.canary_above = above(groups.canary);
    test.live_above = above(groups.live);
    test.p = drawn_by_chance(all.size(), test.canary_above + test.live_above, test.canary_groups,
                             test.canary_above);
    return test;
}

}  // namespace

double drawn_by_chance(std::uint64_t population, std::uint64_t marked, std::uint64_t drawn,
                       std::uint64_t hits) noexcept {
    const std::uint64_t least = marked + drawn > population ? marked + drawn - population : 0;
    const std::uint64_t most = std::min(marked, drawn);
    if (hits < least || hits > most) return 0;
    const double all = log_choose(population, drawn);
    double fewer = 0;
    double more = 0;
    for (std::uint64_t i = least; i <= most; ++i) {
        const double chance =
            std::exp(log_choose(marked, i) + log_choose(population - marked, drawn - i) - all);
        if (i <= hits) fewer += chance;
        if (i >= hits) more += chance;
    }
    return std::min(1.0, 2 * std::min(fewer, more));
}

std::uint32_t group_points(std::uint32_t share) noexcept {
    if (share >= kCanaryPoints) return 1;
    return std::max<std::uint32_t>(1, std::min(share, kCanaryPoints - share) / kGroups);
}

GroupTest compare_errors(std::span<const PointTally> points, std::uint32_t share) {
    return compare(points, share, [](const PointTally& group) -> std::optional<double> {
        if (group.answers == 0) return std::nullopt;
        return static_cast<double>(group.errors) / static_cast<double>(group.answers);
    });
}

GroupTest compare_latency(std::span<const PointTally> points, std::uint32_t share) {
    return compare(points, share, [](const PointTally& group) -> std::optional<double> {
        if (group.timed == 0) return std::nullopt;
        return static_cast<double>(group.log_us) / static_cast<double>(group.timed);
    });
}

void CanaryJudge::begin_anew() noexcept {
    looked_ = false;
    next_ = kFirstLook;
    errors_ = {};
    latency_ = {};
}

bool CanaryJudge::judge(const GroupTest& test, Finding& finding) const noexcept {
    if (finding.found) return false;
    finding.p = test.p;
    finding.look = looks_;
    finding.canary_higher = test.canary_higher();
    finding.found = test.p <= limit(looks_);
    return finding.found;
}

bool CanaryJudge::look(const CanaryTally& tally, std::uint32_t share) {
    if (share == 0 || share >= kCanaryPoints) return false;
    double answers = 0;
    for (const PointTally& point : tally.points)
        answers += static_cast<double>(point.answers);
    const double smaller =
        answers * static_cast<double>(std::min(share, kCanaryPoints - share)) / kCanaryPoints;
    if (smaller < next_) return false;
    next_ = std::max(smaller * kGrowth, smaller + kLeastMore);
    ++looks_;
    looked_ = true;
    const bool errors = judge(compare_errors(tally.points, share), errors_);
    const bool latency = judge(compare_latency(tally.points, share), latency_);
    return errors || latency;
}

}  // namespace switchyard::observe
