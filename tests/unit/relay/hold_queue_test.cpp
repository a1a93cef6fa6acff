#include "relay/hold_queue.hpp"

#include <algorithm>
#include <deque>
#include <memory>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::relay {
namespace {

using namespace std::chrono_literals;

/// A loop, a queue of one service, and requests that wait in it.
class HoldQueueTest : public ::testing::Test {
  protected:
    struct Request {
        Held held;
        Fork fork;
    };

    /// The request `id` comes; false: it found no room.
    bool come(int id) {
        Request& request = requests_.emplace_back();
        if (!queue_.enter(request.held, 1'000, held_ ? &limits_ : nullptr)) return false;
        if (held_) queue_.limit(request.held, 1, limits_.wait);
        request.fork.start(wait(id, request.held));
        return true;
    }
    [[nodiscard]] Held& held(int index) {
        return requests_.at(static_cast<std::size_t>(index)).held;
    }

    /// Posts `next` to run when the loop has gone round.
    void later(std::function<void()> next) { loop_.post(std::move(next)); }

    /// Runs until nobody waits any more.
    void run() { loop_.run(); }

    Task<void> wait(int id, Held& held) {
        for (;;) {
            const Held::End end = co_await queue_.wait(held);
            if (end == Held::End::released && held_) continue;  // as a decision that says: wait
            gone_on_.emplace_back(id, end);
            queue_.leave(held);
            if (on_go_) on_go_(id);
            if (queue_.empty() && room_->requests() == 0) loop_.stop();
            co_return;
        }
    }

    [[nodiscard]] std::vector<int> order() const {
        std::vector<int> ids;
        for (const auto& [id, end] : gone_on_)
            ids.push_back(id);
        return ids;
    }

    net::EventLoop loop_;
    std::shared_ptr<route::HoldRoom> room_ = std::make_shared<route::HoldRoom>("app", 1);
    bool held_ = true;
    config::Hold limits_;
    HoldQueue queue_{loop_, 0, room_, [this] { return held_; }};
    std::deque<Request> requests_;
    std::vector<std::pair<int, Held::End>> gone_on_;
    std::function<void(int)> on_go_;
};

std::vector<int> numbers(int count) {
    std::vector<int> all(static_cast<std::size_t>(count));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

TEST_F(HoldQueueTest, AllGoOnInTheOrderInWhichTheyCame) {
    for (int i = 0; i < 1'000; ++i)
        ASSERT_TRUE(come(i));
    EXPECT_EQ(room_->requests(), 1'000U);
    EXPECT_EQ(room_->bytes(), 1'000'000U);
    EXPECT_NE(room_->oldest_ns(), 0U);
    queue_.look();  // still held
    later([this] {
        EXPECT_TRUE(gone_on_.empty());
        held_ = false;
        queue_.look();
    });
    run();
    EXPECT_EQ(order(), numbers(1'000));
    EXPECT_EQ(room_->requests(), 0U);
    EXPECT_EQ(room_->bytes(), 0U);
    EXPECT_EQ(room_->oldest_ns(), 0U);
    EXPECT_EQ(room_->totals().held, 1'000U);
}

TEST_F(HoldQueueTest, OthersGetTheirTurnBetween) {
    for (int i = 0; i < 5'000; ++i)
        ASSERT_TRUE(come(i));
    std::size_t most_at_once = 0;
    std::size_t before = 0;
    std::function<void()> turn = [&] {
        most_at_once = std::max(most_at_once, gone_on_.size() - before);
        before = gone_on_.size();
        if (!queue_.empty()) loop_.post(turn);
    };
    later([&] {
        held_ = false;
        queue_.look();
        loop_.post(turn);
    });
    run();
    EXPECT_EQ(order(), numbers(5'000));
    EXPECT_LE(most_at_once, 200U);
    EXPECT_GT(most_at_once, 0U);
}

TEST_F(HoldQueueTest, WhoComesDuringTheReleaseStandsBehind) {
    for (int i = 0; i < 300; ++i)
        ASSERT_TRUE(come(i));
    int next = 300;
    // More come in each round than go on by themselves in one: the queue ends all the same.
    std::function<void()> arrivals = [&] {
        if (queue_.empty() || next >= 20'000) return;
        for (int i = 0; i < 100; ++i)
            EXPECT_TRUE(come(next++));
        loop_.post(arrivals);
    };
    limits_.requests = 300;  // full, but nobody is turned away any more
    later([&] {
        held_ = false;
        queue_.look();
        loop_.post(arrivals);
    });
    run();
    EXPECT_LT(next, 20'000);
    EXPECT_GT(next, 300);
    EXPECT_EQ(order(), numbers(next));
    EXPECT_NE(room_->longest_us(1), 0U);  // those behind were not of the hold
}

TEST_F(HoldQueueTest, IsBoundedInNumberAndOctets) {
    limits_.requests = 3;
    EXPECT_TRUE(come(0));
    EXPECT_TRUE(come(1));
    EXPECT_TRUE(come(2));
    EXPECT_FALSE(come(3));
    limits_.requests = 100;
    limits_.bytes = 3'500;
    EXPECT_FALSE(come(4));
    limits_.bytes = 4'000;
    EXPECT_TRUE(come(5));
    EXPECT_EQ(room_->totals().full, 2U);
    later([this] {
        held_ = false;
        queue_.look();
    });
    run();
    EXPECT_EQ(order(), (std::vector<int>{0, 1, 2, 5}));
}

TEST_F(HoldQueueTest, WhoLeavesIsForgottenAtOnceWhereverItStood) {
    for (int i = 0; i < 5; ++i)
        ASSERT_TRUE(come(i));
    later([this] {
        for (const int leaver : {0, 2, 4}) {
            queue_.end(held(leaver), Held::End::left);
            queue_.end(held(leaver), Held::End::left);  // told twice
        }
        loop_.post([this] {
            EXPECT_EQ(order(), (std::vector<int>{0, 2, 4}));
            EXPECT_EQ(room_->requests(), 2U);
            EXPECT_EQ(room_->bytes(), 2'000U);
            held_ = false;
            queue_.look();
        });
    });
    run();
    EXPECT_EQ(order(), (std::vector<int>{0, 2, 4, 1, 3}));
    EXPECT_EQ(gone_on_[2].second, Held::End::left);
    EXPECT_EQ(gone_on_[3].second, Held::End::released);
}

TEST_F(HoldQueueTest, NobodyWaitsLongerThanARequestMay) {
    limits_.wait = 200ms;
    ASSERT_TRUE(come(0));
    limits_.wait = 1ms;  // a reload between: the later one is due first
    ASSERT_TRUE(come(1));
    const auto begun = std::chrono::steady_clock::now();
    run();
    EXPECT_GE(std::chrono::steady_clock::now() - begun, 200ms);
    EXPECT_EQ(order(), (std::vector<int>{1, 0}));
    EXPECT_EQ(gone_on_[0].second, Held::End::timed_out);
    EXPECT_EQ(gone_on_[1].second, Held::End::timed_out);
    EXPECT_EQ(room_->requests(), 0U);
    EXPECT_GE(room_->longest_us(1), 200'000U);
}

TEST_F(HoldQueueTest, ASecondHoldDuringTheReleaseKeepsTheOrder) {
    for (int i = 0; i < 500; ++i)
        ASSERT_TRUE(come(i));
    // Held again as soon as the 100th is through: some have been woken already by then.
    on_go_ = [this](int id) {
        if (id != 99) return;
        held_ = true;
        later([this] {
            EXPECT_EQ(order(), numbers(100));
            EXPECT_TRUE(come(500));
            loop_.post([this] {
                EXPECT_EQ(order(), numbers(100));
                held_ = false;
                queue_.look();
            });
        });
    };
    later([this] {
        held_ = false;
        queue_.look();
    });
    run();
    EXPECT_EQ(order(), numbers(501));
}

TEST_F(HoldQueueTest, AReleaseBetweenTheDecisionAndTheWaitIsNotMissed) {
    later([this] {
        Request& request = requests_.emplace_back();
        ASSERT_TRUE(queue_.enter(request.held, 1, &limits_));
        held_ = false;  // published by another thread, and already told to this one
        queue_.look();
        request.fork.start(wait(7, request.held));
    });
    run();
    EXPECT_EQ(order(), (std::vector<int>{7}));
}

}  // namespace
}  // namespace switchyard::relay
