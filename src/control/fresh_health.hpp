#pragma once

#include "control/times.hpp"
#include "route/target_report.hpp"

#include <cstdint>
#include <map>

namespace switchyard::control {

/// Whether targets are healthy by checks that began after an instant: what was seen before says
/// nothing about what was installed since. Shown each target's report again and again, it counts;
/// a check that it was not shown just does not count. Control thread only.
class FreshHealth {
  public:
    /// `needed`: checks in a row that have to pass.
    FreshHealth(Steady::time_point since, std::uint32_t needed)
        : since_(since), needed_(needed > 0 ? needed : 1) {}

    /// True: the target is healthy by enough checks of its own.
    bool see(std::uint32_t target, const route::TargetReport& report) {
        Row& row = rows_[target];
        if (!report.checked_at || report.began < since_) return false;
        if (row.last != report.began) {
            row.last = report.began;
            if (report.passed) {
                if (row.passed++ == 0) row.first = report.began;
            } else {
                row.passed = 0;
            }
        }
        return report.health == route::Health::healthy && row.passed >= needed_;
    }

    /// When the oldest check that counts began; only if see() was true for every target.
    [[nodiscard]] Steady::time_point oldest() const {
        Steady::time_point found = Steady::time_point::max();
        for (const auto& [target, row] : rows_)
            found = row.first < found ? row.first : found;
        return found;
    }

  private:
    struct Row {
        Steady::time_point last{};
        Steady::time_point first{};
        std::uint32_t passed = 0;
    };

    Steady::time_point since_;
    std::uint32_t needed_;
    std::map<std::uint32_t, Row> rows_;
};

}  // namespace switchyard::control
