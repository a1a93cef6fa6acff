#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

/// Nothing in the tests waits without an end, and nothing waits for time to pass: they wait for
/// events, with a deadline that only a broken program reaches.
namespace switchyard::test {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

#if defined(SWITCHYARD_ASAN) || defined(SWITCHYARD_TSAN)
inline constexpr milliseconds kPatience = 60s;
#else
inline constexpr milliseconds kPatience = 20s;
#endif

class Deadline {
  public:
    using Clock = std::chrono::steady_clock;

    /// A deadline that only failures reach.
    Deadline() : Deadline(kPatience) {}
    explicit Deadline(milliseconds from_now) : at_(Clock::now() + from_now) {}

    [[nodiscard]] bool passed() const { return Clock::now() >= at_; }

    /// What is left, rounded up, for poll(2); 0 when it has passed.
    [[nodiscard]] int poll_ms() const {
        const auto left = std::chrono::ceil<milliseconds>(at_ - Clock::now()).count();
        return static_cast<int>(std::clamp<long long>(left, 0, 3'600'000));
    }

  private:
    Clock::time_point at_;
};

/// For what can only be looked at from outside (a status, a file): asks again until it holds.
/// Returns false if the deadline passed before it did.
template <class Condition>
[[nodiscard]] bool eventually(Condition&& condition, Deadline deadline = {}) {
    for (auto pause = 1ms;; pause = std::min(pause * 2, milliseconds(50))) {
        if (condition()) return true;
        if (deadline.passed()) return false;
        std::this_thread::sleep_for(pause);
    }
}

}  // namespace switchyard::test
