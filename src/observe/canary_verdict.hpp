#pragma once

#include "observe/canary_counts.hpp"

#include <cstdint>
#include <span>

/// Whether the two sides of a canary differ by more than chance. Pure functions, and one small
/// state for repeated looks.
///
/// What is compared are groups of clients, not requests. Requests of one client are alike (they
/// stick to their side, and one client with a broken page may send hundreds of them), so a test
/// that takes requests for independent would find differences that are none. Clients stand at
/// points that were drawn, and a group is a fixed number of points: as many on either side. If
/// nothing but chance makes the sides differ, every group is therefore as likely to be found on the
/// canary's side as any other, whatever its clients do, and however alike their requests are.
///
/// Each group has one value: its share of errors, or the mean of its latencies' logarithms. How
/// many of the groups above the median of all are the canary's is then a draw without replacement,
/// whose probability is known exactly (hypergeometric: Fisher's exact test of Mood's median test).
/// No count is too small for it to be valid; small counts only find nothing.
///
/// Who looks again and again finds something in the end. Look number n may therefore only use
/// alpha / (n (n + 1)): these add up to alpha however many looks there are (a union bound, which
/// holds however alike the looks are). When a look is taken depends on the number of answers of
/// both sides together, never on what they say.
namespace switchyard::observe {

/// The probability that an equally good canary is ever called different, by errors or by latency,
/// in all its looks.
inline constexpr double kCanaryAlpha = 0.01;

/// Out of `population` of which `marked` are marked, `drawn` are drawn: twice the probability that
/// as many marked ones as `hits` or more (or less, whichever is rarer) are among them; at most 1.
[[nodiscard]] double drawn_by_chance(std::uint64_t population, std::uint64_t marked,
                                     std::uint64_t drawn, std::uint64_t hits) noexcept;

/// One comparison of the groups.
struct GroupTest {
    std::uint64_t canary_groups = 0;  ///< With something to compare.
    std::uint64_t live_groups = 0;
    std::uint64_t canary_above = 0;  ///< Above the median of all.
    std::uint64_t live_above = 0;
    double p = 1;  ///< Two-sided.

    [[nodiscard]] bool canary_higher() const noexcept {
        return canary_above * live_groups > live_above * canary_groups;
    }
};

/// Points to a group, so that the smaller side has about fifty.
[[nodiscard]] std::uint32_t group_points(std::uint32_t share) noexcept;

/// `points` are kCanaryPoints, of which the first `share` are the canary's.
[[nodiscard]] GroupTest compare_errors(std::span<const PointTally> points, std::uint32_t share);
[[nodiscard]] GroupTest compare_latency(std::span<const PointTally> points, std::uint32_t share);

/// The looks at one canary, from its begin to its end.
class CanaryJudge {
  public:
    struct Finding {
        bool found = false;
        bool canary_higher = false;
        double p = 1;            ///< At the look that found it; else at the last one.
        std::uint64_t look = 0;  ///< That one's number.
    };

    /// Answers that the smaller side should have by its share before the first look.
    static constexpr double kFirstLook = 50;

    /// The share changed: what was counted before says nothing of the sides as they are now. The
    /// looks that were taken stay spent.
    void begin_anew() noexcept;

    /// Looks if it is time to. True: something was found that was not found before.
    bool look(const CanaryTally& tally, std::uint32_t share);

    [[nodiscard]] std::uint64_t looks() const noexcept { return looks_; }
    /// Since begin_anew().
    [[nodiscard]] bool looked() const noexcept { return looked_; }
    [[nodiscard]] const Finding& errors() const noexcept { return errors_; }
    [[nodiscard]] const Finding& latency() const noexcept { return latency_; }
    /// What a look may call more than chance, for each of the two tests; `look` from 1 on.
    [[nodiscard]] static double limit(std::uint64_t look) noexcept {
        const auto n = static_cast<double>(look);
        return kCanaryAlpha / 2 / (n * (n + 1));
    }

  private:
    bool judge(const GroupTest& test, Finding& finding) const noexcept;

    std::uint64_t looks_ = 0;
    bool looked_ = false;
    double next_ = kFirstLook;
    Finding errors_;
    Finding latency_;
};

}  // namespace switchyard::observe
