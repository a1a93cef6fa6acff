// C10, as a table: which failures may be followed by another try.
#include "http/retry_rule.hpp"

#include <gtest/gtest.h>

namespace switchyard::http {
namespace {

constexpr TryFailure kAll[] = {TryFailure::not_connected, TryFailure::not_processed,
                               TryFailure::broken,        TryFailure::timed_out,
                               TryFailure::status,        TryFailure::other};

TEST(RetryRule, C10_WhatWasNotProcessedMayGoAgainWhateverTheMethod) {
    for (const bool idempotent : {false, true}) {
        const TryFacts facts{idempotent, true, false, false};
        EXPECT_TRUE(safe_to_retry(TryFailure::not_connected, facts));
        EXPECT_TRUE(safe_to_retry(TryFailure::not_processed, facts));
    }
}

TEST(RetryRule, C10_WhatMayHaveBeenProcessedGoesAgainOnlyIfItIsIdempotent) {
    for (const TryFailure failure :
         {TryFailure::broken, TryFailure::timed_out, TryFailure::status}) {
        EXPECT_TRUE(safe_to_retry(failure, {true, true, false, false}));
        EXPECT_FALSE(safe_to_retry(failure, {false, true, false, false}));
    }
}

TEST(RetryRule, C10_NothingGoesAgainWithoutItsBodyOrAfterTheClientGotSomething) {
    for (const TryFailure failure : kAll) {
        EXPECT_FALSE(safe_to_retry(failure, {true, false, false, false}));
        EXPECT_FALSE(safe_to_retry(failure, {true, true, false, true}));
        EXPECT_FALSE(safe_to_retry(failure, {true, true, true, true}));
    }
}

TEST(RetryRule, C10_APartOfAResponseIsAnAnswer) {
    const TryFacts heard{true, true, true, false};
    EXPECT_FALSE(safe_to_retry(TryFailure::broken, heard));
    EXPECT_FALSE(safe_to_retry(TryFailure::timed_out, heard));
    // Its status is all that it was.
    EXPECT_TRUE(safe_to_retry(TryFailure::status, heard));
}

TEST(RetryRule, C10_AResponseThatIsNoneIsNotTriedAgain) {
    EXPECT_FALSE(safe_to_retry(TryFailure::other, {true, true, false, false}));
}

}  // namespace
}  // namespace switchyard::http
