#include "route/retry_budget.hpp"

#include <algorithm>

namespace switchyard::route {

/// Moves the window on to `second`. What was counted since the last look, which may have been long
/// ago, is taken to have come evenly.
void RetryBudget::advance(std::uint64_t second) noexcept {
    std::uint64_t total = 0;
    for (const Cell& cell : cells_)
        total += cell.requests.get();
    // A reading may be older than that of another worker.
    const std::uint64_t news = total > counted_ ? total - counted_ : 0;
    counted_ += news;
    if (second <= now_) {
        window_[now_ % kSeconds].requests += news;
        return;
    }
    const std::uint64_t passed = second - now_;
    const std::uint64_t shown = std::min(passed, kSeconds);
    const std::uint64_t recent = news / passed * shown + news % passed * shown / passed;
    for (std::uint64_t back = shown; back-- > 0;)
        window_[(second - back) % kSeconds] = {recent / shown, 0};
    window_[second % kSeconds].requests += recent % shown;
    now_ = second;
}

bool RetryBudget::take(const config::Retries& retries, std::uint64_t now_ns) {
    const std::lock_guard lock(mutex_);
    advance(now_ns / kSecond);
    Second sum;
    for (const Second& second : window_) {
        sum.requests += second.requests;
        sum.retries += second.retries;
    }
    if (sum.retries >= sum.requests * retries.budget / 100 + retries.minimum) return false;
    ++window_[now_ % kSeconds].retries;
    return true;
}

bool RetryBudget::keep(std::uint64_t bytes, std::uint64_t most) noexcept {
    std::uint64_t now = kept_.load(std::memory_order_relaxed);
    do {
        if (bytes > most || now > most - bytes) return false;
    } while (!kept_.compare_exchange_weak(now, now + bytes, std::memory_order_relaxed));
    return true;
}

}  // namespace switchyard::route
