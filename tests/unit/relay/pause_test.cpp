#include "relay/pause.hpp"

#include "base/task.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace switchyard::relay {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

class PauseTest : public ::testing::Test {
  protected:
    Task<void> wait(std::chrono::milliseconds time) {
        co_await pause_.wait(loop_, time);
        waited_ = Clock::now() - begun_;
        loop_.stop();
    }
    void run(std::chrono::milliseconds time) {
        begun_ = Clock::now();
        Fork fork;
        fork.start(wait(time));
        if (!fork.done()) loop_.run();
        EXPECT_TRUE(fork.done());
    }

    net::EventLoop loop_;
    Pause pause_;
    Clock::time_point begun_;
    Clock::duration waited_{};
};

TEST_F(PauseTest, LastsAsLongAsItWasAskedFor) {
    run(150ms);
    EXPECT_GE(waited_, 150ms);
}

TEST_F(PauseTest, OfNothingIsNone) {
    run(0ms);
    EXPECT_LT(waited_, 100ms);
}

TEST_F(PauseTest, EndsEarlyAndMayBeUsedAgain) {
    loop_.post([this] { pause_.end(); });
    run(1h);
    EXPECT_LT(waited_, 10min);
    // The wheel still knows the first one.
    run(250ms);
    EXPECT_GE(waited_, 250ms);
    pause_.end();
}

}  // namespace
}  // namespace switchyard::relay
