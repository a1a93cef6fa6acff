#include "relay/pause.hpp"

#include "base/task.hpp"

#include <chrono>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::relay {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

class PauseTest : public ::testing::Test {
  protected:
    Task<void> wait(std::vector<std::chrono::milliseconds> times) {
        for (const auto time : times) {
            const auto begun = Clock::now();
            co_await pause_.wait(loop_, time);
            waited_.push_back(Clock::now() - begun);
        }
        loop_.stop();
    }
    void run(std::vector<std::chrono::milliseconds> times) {
        Fork fork;
        fork.start(wait(std::move(times)));
        loop_.run();
        EXPECT_TRUE(fork.done());
    }

    net::EventLoop loop_;
    Pause pause_;
    std::vector<Clock::duration> waited_;
};

TEST_F(PauseTest, LastsAsLongAsItWasAskedFor) {
    run({150ms, 0ms, 250ms});
    EXPECT_GE(waited_.at(0), 150ms);
    EXPECT_LT(waited_.at(1), 100ms) << "a pause of nothing is none";
    EXPECT_GE(waited_.at(2), 250ms);
}

TEST_F(PauseTest, EndsEarlyAndMayBeUsedAgain) {
    loop_.post([this] { pause_.end(); });
    // The wheel still knows the first one when the second begins.
    run({1h, 250ms});
    EXPECT_LT(waited_.at(0), 10min);
    EXPECT_GE(waited_.at(1), 250ms);
    pause_.end();
}

}  // namespace
}  // namespace switchyard::relay
