#include "net/event_loop.hpp"

#include "unit/net/support.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::net {
namespace {

using test::run;

TEST(EventLoop, RunsPostedFunctionsInOrder) {
    EventLoop loop;
    std::vector<int> seen;
    std::thread poster([&] {
        for (int i = 0; i < 1000; ++i)
            loop.post([&seen, i] { seen.push_back(i); });
        loop.post([&loop] { loop.stop(); });
    });
    loop.run();
    poster.join();
    ASSERT_EQ(seen.size(), 1000U);
    for (int i = 0; i < 1000; ++i)
        EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
}

TEST(EventLoop, KeepsTheOrderOfEachPoster) {
    EventLoop loop;
    std::vector<int> seen[4];
    std::vector<std::thread> posters;
    std::atomic<int> left{4};
    for (int who = 0; who < 4; ++who) {
        posters.emplace_back([&, who] {
            for (int i = 0; i < 500; ++i)
                loop.post([&seen, who, i] { seen[who].push_back(i); });
            if (--left == 0) loop.post([&loop] { loop.stop(); });
        });
    }
    loop.run();
    for (auto& poster : posters)
        poster.join();
    for (const auto& mine : seen)
        EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
}

TEST(EventLoop, APostedFunctionMayPost) {
    EventLoop loop;
    int depth = 0;
    const std::function<void()> again = [&] {
        if (++depth == 100) {
            loop.stop();
        } else {
            loop.post(again);
        }
    };
    loop.post(again);
    loop.run();
    EXPECT_EQ(depth, 100);
}

TEST(EventLoop, YieldLetsTheOthersRun) {
    EventLoop loop;
    std::string order;
    const auto turns = [](EventLoop& on, std::string& out, char name) -> Task<void> {
        for (int i = 0; i < 3; ++i) {
            out += name;
            co_await on.yield();
        }
    };
    const auto both = [](Task<void> a, Task<void> b) -> Task<void> {
        Fork first;
        Fork second;
        first.start(std::move(a));
        second.start(std::move(b));
        co_await first.join();
        co_await second.join();
    };
    run(loop, both(turns(loop, order, 'a'), turns(loop, order, 'b')));
    EXPECT_EQ(order, "ababab");
}

TEST(EventLoop, YieldLetsPostedFunctionsThrough) {
    EventLoop loop;
    bool posted = false;
    const auto spin = [](EventLoop& on, const bool& flag) -> Task<void> {
        // Only a posted function ends this.
        while (!flag)
            co_await on.yield();
    };
    loop.post([&posted] { posted = true; });
    run(loop, spin(loop, posted));
    EXPECT_TRUE(posted);
}

TEST(EventLoop, ResumeSoonRunsInTheSameRound) {
    EventLoop loop;
    test::Signal signal(loop);
    const auto waiter = [](test::Signal& until) -> Task<void> { co_await until; };
    loop.post([&signal] { signal.set(); });
    run(loop, waiter(signal));
}

/// A watched pipe that has something to read.
class Ready final : public Pollable {
  public:
    explicit Ready(EventLoop& loop) : loop_(loop) {
        if (::pipe2(fds_, O_CLOEXEC | O_NONBLOCK) != 0 || ::write(fds_[1], "x", 1) != 1 ||
            !loop.add(fds_[0], *this, EPOLLIN | EPOLLET)) {
            throw std::system_error(errno, std::generic_category(), "pipe");
        }
    }
    ~Ready() override {
        forget();
        ::close(fds_[1]);
    }
    void forget() {
        if (fds_[0] < 0) return;
        loop_.forget(*this);
        ::close(fds_[0]);
        fds_[0] = -1;
    }
    std::function<void()> then;
    int events = 0;

  private:
    void on_events(std::uint32_t) override {
        ++events;
        // A copy: what is called may destroy this object.
        const auto call = then;
        if (call) call();
    }
    EventLoop& loop_;
    int fds_[2] = {-1, -1};
};

TEST(EventLoop, WhatIsForgottenGetsNoEventThatWaitedAlready) {
    EventLoop loop;
    Ready a(loop);
    Ready b(loop);
    // Both events come in one round; whoever is first forgets the other.
    a.then = [&] {
        b.forget();
        loop.stop();
    };
    b.then = [&] {
        a.forget();
        loop.stop();
    };
    loop.run();
    EXPECT_EQ(a.events + b.events, 1);
}

TEST(EventLoop, AHandlerMayDestroyItsOwnObject) {
    EventLoop loop;
    auto ready = std::make_unique<Ready>(loop);
    ready->then = [&] {
        ready.reset();
        loop.stop();
    };
    loop.run();
    EXPECT_EQ(ready, nullptr);
}

class Alarm final : private TimerNode {
  public:
    Alarm(EventLoop& loop, std::chrono::milliseconds delay) : loop_(loop) {
        due_ = loop.timers().after(delay);
        loop.timers().schedule(*this, due_);
    }

  private:
    std::uint64_t on_tick(std::uint64_t now) override {
        if (now < due_) return due_;
        loop_.stop();
        return 0;
    }
    EventLoop& loop_;
    std::uint64_t due_ = 0;
};

TEST(EventLoop, TimersFireWithoutAnyEvent) {
    EventLoop loop;
    const auto start = EventLoop::now_ns();
    const Alarm alarm(loop, std::chrono::milliseconds(150));
    loop.run();
    EXPECT_GE(EventLoop::now_ns() - start, 150'000'000U);
}

TEST(EventLoop, DeadlinesCountFromNowEvenIfTheLoopSlept) {
    EventLoop loop;
    std::unique_ptr<Alarm> alarm;
    std::uint64_t set_at = 0;
    std::thread late([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(350));  // The loop has no timer now.
        loop.post([&] {
            set_at = EventLoop::now_ns();
            alarm = std::make_unique<Alarm>(loop, std::chrono::milliseconds(120));
        });
    });
    loop.run();
    late.join();
    EXPECT_GE(EventLoop::now_ns() - set_at, 120'000'000U);
}

}  // namespace
}  // namespace switchyard::net
