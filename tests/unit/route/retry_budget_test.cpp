#include "route/retry_budget.hpp"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::route {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

class RetryBudgetTest : public testing::Test {
  protected:
    RetryBudgetTest() {
        retries.budget = 20;
        retries.minimum = 3;
    }
    void come(std::uint64_t requests, std::size_t worker = 0) {
        budget.cell(worker).requests.add(requests);
    }
    /// How many tries there are until the budget says no.
    std::uint64_t take_all() {
        std::uint64_t taken = 0;
        while (budget.take(retries, now))
            ++taken;
        return taken;
    }

    std::uint64_t now = 1000 * kSecond;
    config::Retries retries;
    RetryBudget budget{2, now};
};

TEST_F(RetryBudgetTest, AQuietServiceHasTheMinimum) {
    EXPECT_EQ(take_all(), 3u);
    now += 9 * kSecond;
    EXPECT_EQ(take_all(), 0u);
    now += kSecond;
    EXPECT_EQ(take_all(), 3u);
}

TEST_F(RetryBudgetTest, AShareOfTheRequestsOfAllWorkers) {
    come(60, 0);
    come(40, 1);
    EXPECT_EQ(take_all(), 23u);
    come(10, 1);
    EXPECT_EQ(take_all(), 2u);
}

TEST_F(RetryBudgetTest, RequestsCountForTenSeconds) {
    come(100);
    EXPECT_EQ(take_all(), 23u);
    now += 9 * kSecond;
    come(100);
    EXPECT_EQ(take_all(), 20u);
    now += kSecond;  // The first hundred are out of sight, and so are their tries.
    EXPECT_EQ(take_all(), 3u);
}

TEST_F(RetryBudgetTest, WhatCameLongAgoIsNoCredit) {
    come(100'000);
    now += 1000 * kSecond;
    // As if it had come evenly: a hundred a second, so a thousand in ten seconds.
    EXPECT_EQ(take_all(), 203u);
    now += 1000 * kSecond;
    EXPECT_EQ(take_all(), 3u);
}

TEST_F(RetryBudgetTest, ABudgetOfNothingAllowsNothing) {
    retries.budget = 0;
    retries.minimum = 0;
    come(1'000'000);
    EXPECT_EQ(take_all(), 0u);
}

TEST_F(RetryBudgetTest, HoldsForAllThreadsTogether) {
    come(1000, 0);
    std::vector<std::uint64_t> taken(4);
    std::vector<std::thread> threads;
    for (std::uint64_t& mine : taken) {
        threads.emplace_back([&] {
            for (int i = 0; i < 1000; ++i)
                if (budget.take(retries, now)) ++mine;
        });
    }
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(taken[0] + taken[1] + taken[2] + taken[3], 203u);
}

TEST_F(RetryBudgetTest, MemoryOfUploadsIsBoundedInTotal) {
    EXPECT_TRUE(budget.keep(600, 1000));
    EXPECT_FALSE(budget.keep(500, 1000));
    EXPECT_TRUE(budget.keep(400, 1000));
    EXPECT_EQ(budget.kept(), 1000u);
    budget.drop(600);
    EXPECT_TRUE(budget.keep(500, 1000));
    budget.drop(900);
    EXPECT_EQ(budget.kept(), 0u);
    EXPECT_FALSE(budget.keep(1001, 1000));
}

}  // namespace
}  // namespace switchyard::route
