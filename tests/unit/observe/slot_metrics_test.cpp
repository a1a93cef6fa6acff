#include "observe/slot_metrics.hpp"

#include <gtest/gtest.h>

namespace switchyard::observe {
namespace {

TEST(SlotCell, CountsARequestOnceByClassAndOutcome) {
    SlotCell cell;
    cell.record(204, Outcome::completed, 10);
    cell.record(503, Outcome::cut, 10);
    EXPECT_EQ(cell.by_status_class[2].get(), 1U);
    EXPECT_EQ(cell.by_status_class[5].get(), 1U);
    EXPECT_EQ(cell.by_outcome[static_cast<std::size_t>(Outcome::completed)].get(), 1U);
    EXPECT_EQ(cell.by_outcome[static_cast<std::size_t>(Outcome::cut)].get(), 1U);
    EXPECT_EQ(cell.by_outcome[static_cast<std::size_t>(Outcome::refused)].get(), 0U);
}

TEST(SlotCell, PutsAMissingOrImpossibleStatusIntoNone) {
    SlotCell cell;
    cell.record(0, Outcome::client_abort, 10);
    cell.record(999, Outcome::upstream_error, 10);
    EXPECT_EQ(cell.by_status_class[0].get(), 2U);
}

TEST(SlotCell, LatencyBoundsAreInclusive) {
    SlotCell cell;
    cell.record(200, Outcome::completed, kLatencyBoundsUs[0]);
    cell.record(200, Outcome::completed, kLatencyBoundsUs[0] + 1);
    cell.record(200, Outcome::completed, kLatencyBoundsUs.back());
    cell.record(200, Outcome::completed, kLatencyBoundsUs.back() + 1);
    EXPECT_EQ(cell.latency[0].get(), 1U);
    EXPECT_EQ(cell.latency[1].get(), 1U);
    EXPECT_EQ(cell.latency[kLatencyBoundsUs.size() - 1].get(), 1U);
    EXPECT_EQ(cell.latency[kLatencyBoundsUs.size()].get(), 1U);
    EXPECT_EQ(cell.latency_sum_us.get(),
              2 * kLatencyBoundsUs[0] + 1 + 2 * kLatencyBoundsUs.back() + 1);
}

TEST(SlotMetrics, SumsOverWorkers) {
    SlotMetrics metrics("app", Colour::green, 3);
    metrics.cell(0).retries.add(2);
    metrics.cell(2).retries.add(5);
    EXPECT_EQ(metrics.sum(&SlotCell::retries), 7U);
}

}  // namespace
}  // namespace switchyard::observe
