// The verdict on a canary against known values, and against simulated clients: how often it calls
// two equal sides different, and whether it finds what is there.
#include "observe/canary_verdict.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::observe {
namespace {

using Points = std::vector<PointTally>;

/// One answer, at a point.
void answer(CanaryTally& tally, std::uint32_t point, bool error, double ms) {
    PointTally& at = tally.points[point];
    ++at.answers;
    if (error) {
        ++at.errors;
        return;
    }
    ++at.timed;
    at.log_us += static_cast<std::uint64_t>(std::lround(256 * std::log2(ms * 1000 + 1)));
}

// The probabilities of Fisher's exact test are those of printed tables: a lady that tastes four of
// eight cups, and 1 of 12 against 9 of 12 (one-sided 0.0013797, here doubled).
TEST(CanaryVerdict, TheChanceOfADrawIsTheKnownOne) {
    EXPECT_NEAR(drawn_by_chance(8, 4, 4, 3), 2 * 17.0 / 70, 1e-12);
    EXPECT_NEAR(drawn_by_chance(8, 4, 4, 4), 2 * 1.0 / 70, 1e-12);
    EXPECT_NEAR(drawn_by_chance(8, 4, 4, 2), 1, 1e-12);
    EXPECT_NEAR(drawn_by_chance(24, 10, 12, 1), 2 * 0.001379728, 1e-8);
    EXPECT_NEAR(drawn_by_chance(24, 10, 12, 9), 2 * 0.001379728, 1e-8);
    EXPECT_EQ(drawn_by_chance(10, 3, 4, 4), 0);  // impossible
    EXPECT_EQ(drawn_by_chance(10, 0, 4, 0), 1);
    EXPECT_EQ(drawn_by_chance(10, 10, 4, 4), 1);
    // All of 3 marked among 50 of 1000: 50*49*48 / (1000*999*998).
    EXPECT_NEAR(drawn_by_chance(1000, 3, 50, 3), 2 * 117600.0 / 997002000.0, 1e-12);
    // Small ones are not lost: 50 of 50 out of 1000 with 500 marked.
    const double p = drawn_by_chance(1000, 500, 50, 50);
    EXPECT_GT(p, 0);
    EXPECT_LT(p, 1e-15);
}

TEST(CanaryVerdict, GroupsHaveAsManyPointsOnEitherSide) {
    EXPECT_EQ(group_points(1), 1U);
    EXPECT_EQ(group_points(50), 1U);
    EXPECT_EQ(group_points(500), 10U);
    EXPECT_EQ(group_points(5'000), 100U);
    EXPECT_EQ(group_points(9'500), 10U);
    EXPECT_EQ(group_points(10'000), 1U);
    CanaryTally tally;
    for (std::uint32_t point = 0; point < kCanaryPoints; ++point)
        answer(tally, point, false, 10);
    const GroupTest test = compare_errors(tally.points, 500);
    EXPECT_EQ(test.canary_groups, 50U);
    EXPECT_EQ(test.live_groups, 950U);
    EXPECT_EQ(test.p, 1);
}

TEST(CanaryVerdict, OneClientsManyErrorsAreOneGroup) {
    CanaryTally tally;
    for (std::uint32_t point = 0; point < kCanaryPoints; ++point)
        answer(tally, point, false, 10);
    for (int i = 0; i < 500; ++i)
        answer(tally, 7, true, 0);
    // It had to be on some side: 50 of 1000 groups are the canary's.
    const GroupTest test = compare_errors(tally.points, 500);
    EXPECT_EQ(test.canary_above, 1U);
    EXPECT_EQ(test.live_above, 0U);
    EXPECT_TRUE(test.canary_higher());
    EXPECT_NEAR(test.p, 0.1, 1e-9);
}

TEST(CanaryVerdict, NothingToCompareSaysNothing) {
    const CanaryTally empty;
    EXPECT_EQ(compare_errors(empty.points, 500).p, 1);
    EXPECT_EQ(compare_latency(empty.points, 500).p, 1);
    EXPECT_EQ(compare_errors(empty.points, 0).p, 1);
    EXPECT_EQ(compare_errors(empty.points, kCanaryPoints).p, 1);
    CanaryJudge judge;
    EXPECT_FALSE(judge.look(empty, 500));
    EXPECT_FALSE(judge.looked());
}

TEST(CanaryVerdict, AllLooksTogetherMayBeWrongNoMoreOftenThanOneMay) {
    double sum = 0;
    for (std::uint64_t look = 1; look <= 100'000; ++look)
        sum += 2 * CanaryJudge::limit(look);  // two tests
    EXPECT_LE(sum, kCanaryAlpha);
    EXPECT_GT(sum, 0.99 * kCanaryAlpha);
}

TEST(CanaryVerdict, LooksAreTakenByTheNumberOfAnswersAlone) {
    CanaryTally tally;
    CanaryJudge judge;
    std::mt19937 random(1);
    std::uint64_t looks = 0;
    for (int i = 1; i <= 100'000; ++i) {
        answer(tally, static_cast<std::uint32_t>(random() % kCanaryPoints), false, 10);
        if (i <= 1'300 || i % 100 == 0) judge.look(tally, 500);
        if (i == 999) {
            EXPECT_EQ(judge.looks(), 0U);
        } else if (i == 1'000 || i == 1'199) {
            EXPECT_EQ(judge.looks(), 1U);
        } else if (i == 1'200) {
            EXPECT_EQ(judge.looks(), 2U);
        }
        looks = judge.looks();
    }
    EXPECT_GT(looks, 35U);
    EXPECT_LT(looks, 60U);
    // A new share begins a new comparison, and the looks stay spent.
    judge.begin_anew();
    EXPECT_FALSE(judge.looked());
    EXPECT_EQ(judge.looks(), looks);
}

/// Clients that stick to their point, each with its own habits: how often it comes, how often it
/// meets an error, how fast it is answered. What makes naive tests wrong.
class Town {
  public:
    Town(std::uint32_t seed, std::size_t clients, double canary_errors, double canary_slowness)
        : random_(seed), errors_(canary_errors), slowness_(canary_slowness) {
        std::lognormal_distribution<double> habits(0, 1.2);
        std::uniform_int_distribution<std::uint32_t> points(0, kCanaryPoints - 1);
        std::vector<double> weights;
        for (std::size_t i = 0; i < clients; ++i) {
            weights.push_back(habits(random_));
            // One in ten meets most of the errors, as with one broken page.
            const double trouble = points(random_) % 10 == 0 ? 0.15 : 0.002;
            clients_.push_back({points(random_), trouble, 20 * habits(random_)});
        }
        who_ = std::discrete_distribution<std::size_t>(weights.begin(), weights.end());
    }

    struct Client {
        std::uint32_t point;
        double trouble;
        double ms;
    };

    /// One request; whether it met an error.
    bool request(CanaryTally& tally, std::uint32_t share, bool& on_canary) {
        const Client& client = clients_[who_(random_)];
        on_canary = client.point < share;
        double trouble = client.trouble;
        double ms = client.ms * std::lognormal_distribution<double>(0, 0.4)(random_);
        if (on_canary) {
            trouble = std::min(1.0, trouble + errors_);
            ms *= slowness_;
        }
        const bool error = std::bernoulli_distribution(trouble)(random_);
        answer(tally, client.point, error, ms);
        return error;
    }

  private:
    std::mt19937 random_;
    double errors_;
    double slowness_;
    std::vector<Client> clients_;
    std::discrete_distribution<std::size_t> who_;
};

/// What many do: a two-proportion z-test of all requests at 1 % (|z| > 2.576), at every look.
bool naive(double errors, double answers, double canary_errors, double canary_answers) {
    const double rate = (errors + canary_errors) / (answers + canary_answers);
    const double scale =
        std::sqrt(rate * (1 - rate) * (1 / std::max(answers, 1.0) + 1 / canary_answers));
    if (scale == 0) return false;
    return std::abs(canary_errors / canary_answers - errors / std::max(answers, 1.0)) / scale >
           2.576;
}

// 250 canaries that are as good as live, looked at again and again: at most 1 % may be called
// different. 9 or more of 250 by chance: about one in a thousand.
TEST(CanaryVerdict, EqualSidesAreHardlyEverCalledDifferentHoweverOftenOneLooks) {
    constexpr int kCanaries = 250;
    int called = 0;
    int naively = 0;
    for (std::uint32_t seed = 1; seed <= kCanaries; ++seed) {
        Town town(seed, 400, 0, 1);
        CanaryTally tally;
        CanaryJudge judge;
        const std::uint32_t share = seed % 2 == 0 ? 1'000 : 3'000;
        double errors[2] = {0, 0};
        double answers[2] = {0, 0};
        bool found = false;
        bool naive_found = false;
        for (int i = 0; i < 4'000; ++i) {
            bool canary = false;
            const bool error = town.request(tally, share, canary);
            answers[canary ? 1 : 0] += 1;
            errors[canary ? 1 : 0] += error ? 1 : 0;
            if (i % 200 != 199) continue;
            found = judge.look(tally, share) || found;
            naive_found = naive_found ||
                          (answers[1] >= 50 && naive(errors[0], answers[0], errors[1], answers[1]));
        }
        called += found ? 1 : 0;
        naively += naive_found ? 1 : 0;
    }
    EXPECT_LT(called, 9);
    // The same towns are hard: without groups and without paying for looks more than a fifth is.
    EXPECT_GT(naively, kCanaries / 5);
    RecordProperty("called", called);
    RecordProperty("naively", naively);
}

TEST(CanaryVerdict, MoreErrorsAreFound) {
    int found = 0;
    for (std::uint32_t seed = 1; seed <= 20; ++seed) {
        Town town(seed, 4'000, 0.05, 1);
        CanaryTally tally;
        CanaryJudge judge;
        for (int i = 0; i < 20'000; ++i) {
            bool canary = false;
            town.request(tally, 1'000, canary);
            if (i % 400 == 0) judge.look(tally, 1'000);
        }
        if (judge.errors().found && judge.errors().canary_higher) ++found;
        EXPECT_FALSE(judge.errors().found && !judge.errors().canary_higher);
    }
    EXPECT_GE(found, 19);
}

TEST(CanaryVerdict, ASlowerSideIsFoundAndAFasterOne) {
    for (const double slowness : {2.5, 0.4}) {
        int found = 0;
        for (std::uint32_t seed = 1; seed <= 10; ++seed) {
            Town town(seed, 4'000, 0, slowness);
            CanaryTally tally;
            CanaryJudge judge;
            for (int i = 0; i < 40'000; ++i) {
                bool canary = false;
                town.request(tally, 1'000, canary);
                if (i % 400 == 0) judge.look(tally, 1'000);
            }
            const CanaryJudge::Finding& latency = judge.latency();
            if (latency.found && latency.canary_higher == (slowness > 1)) ++found;
        }
        EXPECT_GE(found, 9) << slowness;
    }
}

TEST(CanaryVerdict, ADeadCanaryIsFoundWithTheFirstLook) {
    CanaryTally tally;
    CanaryJudge judge;
    std::mt19937 random(3);
    for (int i = 0; i < 1'000; ++i) {
        const auto point = static_cast<std::uint32_t>(random() % kCanaryPoints);
        answer(tally, point, point < 500, 10);
    }
    EXPECT_TRUE(judge.look(tally, 500));
    EXPECT_EQ(judge.looks(), 1U);
    EXPECT_LT(judge.errors().p, 1e-6);
}

}  // namespace
}  // namespace switchyard::observe
