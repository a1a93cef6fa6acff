#include "base/task.hpp"

#include <coroutine>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard {
namespace {

/// A place where coroutines wait until the test lets them go on.
class Gate {
  public:
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { waiter_ = waiter; }
    void await_resume() const noexcept {}

    [[nodiscard]] bool waited_for() const noexcept { return waiter_ != nullptr; }
    void open() { std::exchange(waiter_, nullptr).resume(); }

  private:
    std::coroutine_handle<> waiter_;
};

Task<int> number(int value) {
    co_return value;
}

Task<int> number_after(Gate& gate, int value) {
    co_await gate;
    co_return value;
}

Task<int> fails() {
    throw std::runtime_error("no number");
    co_return 0;
}

Task<void> store(Task<int> task, int& into) {
    const int value = co_await task;
    into = value;
}

TEST(Task, GivesItsValue) {
    int value = 0;
    Fork fork;
    fork.start(store(number(7), value));
    EXPECT_TRUE(fork.done());
    EXPECT_EQ(value, 7);
}

TEST(Task, DoesNotStartBeforeItIsAwaited) {
    bool started = false;
    const auto start = [](bool& flag) -> Task<void> {
        flag = true;
        co_return;
    };
    {
        const Task<void> task = start(started);
        EXPECT_FALSE(started);
    }
    EXPECT_FALSE(started);
}

TEST(Task, FreesItsFrameWhenItNeverStarts) {
    auto token = std::make_shared<int>(1);
    const auto hold = [](std::shared_ptr<int> held) -> Task<void> {
        EXPECT_TRUE(held);
        co_return;
    };
    { const Task<void> task = hold(token); }
    EXPECT_EQ(token.use_count(), 1);
}

TEST(Task, GivesValuesThatOnlyMove) {
    const auto make = []() -> Task<std::unique_ptr<std::string>> {
        co_return std::make_unique<std::string>("moved");
    };
    const auto take = [](Task<std::unique_ptr<std::string>> from, std::string& into) -> Task<void> {
        const auto text = co_await from;
        into = *text;
    };
    std::string text;
    Fork fork;
    fork.start(take(make(), text));
    EXPECT_EQ(text, "moved");
}

TEST(Task, RethrowsWhatItThrew) {
    int value = 0;
    Fork fork;
    fork.start(store(fails(), value));
    ASSERT_TRUE(fork.done());
    ASSERT_TRUE(fork.exception());
    EXPECT_THROW(std::rethrow_exception(fork.exception()), std::runtime_error);
}

TEST(Task, AnExceptionCanBeCaughtByTheCaller) {
    const auto caller = [](std::string& caught) -> Task<void> {
        try {
            co_await fails();
        } catch (const std::runtime_error& error) {
            caught = error.what();
        }
    };
    std::string caught;
    Fork fork;
    fork.start(caller(caught));
    EXPECT_EQ(caught, "no number");
    EXPECT_FALSE(fork.exception());
}

TEST(Task, GoesOnWhereItWaited) {
    Gate gate;
    int value = 0;
    Fork fork;
    fork.start(store(number_after(gate, 5), value));
    EXPECT_FALSE(fork.done());
    EXPECT_TRUE(gate.waited_for());
    gate.open();
    EXPECT_TRUE(fork.done());
    EXPECT_EQ(value, 5);
}

[[gnu::noinline]] std::uintptr_t stack_position() {
    return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
}

Task<std::uintptr_t> position() {
    co_return stack_position();
}

TEST(Task, AMillionThatDoNotWaitLeaveTheStackAsItIs) {
    const auto loop = [](std::uintptr_t& low, std::uintptr_t& high) -> Task<void> {
        for (int i = 0; i < 1'000'000; ++i) {
            const std::uintptr_t at = co_await position();
            low = std::min(low, at);
            high = std::max(high, at);
        }
    };
    std::uintptr_t low = UINTPTR_MAX;
    std::uintptr_t high = 0;
    Fork fork;
    fork.start(loop(low, high));
    ASSERT_TRUE(fork.done());
    EXPECT_LT(high - low, 16U * 1024);
}

TEST(Task, LoopsThatWaitInBetweenLeaveTheStackAsItIsToo) {
    const auto loop = [](Gate& gate, std::uintptr_t& low, std::uintptr_t& high) -> Task<void> {
        for (int i = 0; i < 100'000; ++i) {
            co_await number_after(gate, i);
            const std::uintptr_t at = stack_position();
            low = std::min(low, at);
            high = std::max(high, at);
        }
    };
    std::uintptr_t low = UINTPTR_MAX;
    std::uintptr_t high = 0;
    Gate gate;
    Fork fork;
    fork.start(loop(gate, low, high));
    while (gate.waited_for())
        gate.open();
    ASSERT_TRUE(fork.done());
    EXPECT_LT(high - low, 16U * 1024);
}

Task<void> wait_at(Gate& gate) {
    co_await gate;
}

TEST(Fork, RunsUntilTheTaskFirstWaits) {
    Gate gate;
    Fork fork;
    EXPECT_FALSE(fork.started());
    EXPECT_TRUE(fork.done());
    fork.start(wait_at(gate));
    EXPECT_TRUE(fork.started());
    EXPECT_FALSE(fork.done());
    gate.open();
    EXPECT_TRUE(fork.done());
}

TEST(Fork, JoinWaitsForTheEnd) {
    Gate gate;
    Fork inner;
    inner.start(wait_at(gate));
    const auto joiner = [](Fork& fork, bool& joined) -> Task<void> {
        co_await fork.join();
        joined = true;
    };
    bool joined = false;
    Fork outer;
    outer.start(joiner(inner, joined));
    EXPECT_FALSE(joined);
    gate.open();
    EXPECT_TRUE(joined);
    EXPECT_TRUE(outer.done());
}

TEST(Fork, JoinOfWhatEndedDoesNotWait) {
    Fork inner;
    inner.start([]() -> Task<void> { co_return; }());
    const auto joiner = [](Fork& fork) -> Task<void> { co_await fork.join(); };
    Fork outer;
    outer.start(joiner(inner));
    EXPECT_TRUE(outer.done());
}

TEST(Fork, TellsOnceThatTheTaskEnded) {
    Gate gate;
    int calls = 0;
    Fork fork;
    fork.start(
        wait_at(gate), [](void* count) { ++*static_cast<int*>(count); }, &calls);
    EXPECT_EQ(calls, 0);
    gate.open();
    EXPECT_EQ(calls, 1);
}

TEST(Fork, MayBeDestroyedWhenItTells) {
    struct Owner {
        Gate gate;
        std::unique_ptr<Fork> fork = std::make_unique<Fork>();
    };
    Owner owner;
    owner.fork->start(
        wait_at(owner.gate), [](void* self) { static_cast<Owner*>(self)->fork.reset(); }, &owner);
    owner.gate.open();
    EXPECT_EQ(owner.fork, nullptr);

    // The same for a task that never waits.
    Owner quick;
    Fork* const raw = quick.fork.get();
    raw->start([]() -> Task<void> { co_return; }(),
               [](void* self) { static_cast<Owner*>(self)->fork.reset(); }, &quick);
    EXPECT_EQ(quick.fork, nullptr);
}

TEST(Fork, CanBeStartedAgain) {
    Fork fork;
    int value = 0;
    fork.start(store(fails(), value));
    EXPECT_TRUE(fork.exception());
    fork.start(store(number(3), value));
    EXPECT_EQ(value, 3);
    EXPECT_FALSE(fork.exception());
}

TEST(FramePool, GivesFramesOfAnySize) {
    std::vector<std::pair<void*, std::size_t>> frames;
    for (std::size_t size = 1; size < 20'000; size += 97) {
        void* const frame = allocate_frame(size);
        ASSERT_NE(frame, nullptr);
        std::fill_n(static_cast<unsigned char*>(frame), size, static_cast<unsigned char>(size));
        frames.emplace_back(frame, size);
    }
    for (const auto& [frame, size] : frames) {
        const auto* const bytes = static_cast<const unsigned char*>(frame);
        EXPECT_EQ(bytes[0], static_cast<unsigned char>(size));
        EXPECT_EQ(bytes[size - 1], static_cast<unsigned char>(size));
        release_frame(frame, size);
    }
}

#if !defined(SWITCHYARD_ASAN) && !defined(__SANITIZE_ADDRESS__)
TEST(FramePool, UsesReleasedFramesAgain) {
    void* const first = allocate_frame(300);
    release_frame(first, 300);
    void* const second = allocate_frame(310);  // The same step of 64.
    EXPECT_EQ(first, second);
    release_frame(second, 310);
}
#endif

}  // namespace
}  // namespace switchyard
