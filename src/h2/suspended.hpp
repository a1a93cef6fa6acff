#pragma once

#include <coroutine>

namespace switchyard::h2 {

/// Waits until somebody takes the handle and resumes it.
struct Suspended {
    std::coroutine_handle<>& place;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> self) const noexcept { place = self; }
    void await_resume() const noexcept {}
};

}  // namespace switchyard::h2
