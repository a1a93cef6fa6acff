#pragma once

#include "config/config.hpp"
#include "observe/counter.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace switchyard::route {

/// How many further tries the requests of one service may make, so that a slot that fails is not
/// asked several times as much as one that works; and the memory that uploads take for theirs. One
/// for all workers: the bounds hold exactly, however requests are spread over them. A request pays
/// one count on its worker's own cache line; only one that has failed takes the lock, for some
/// dozen instructions. Lives as long as the service's counters.
class RetryBudget {
  public:
    struct alignas(observe::kCacheLine) Cell {
        observe::Counter requests;  ///< That were routed to the service, each once.
    };

    /// `now_ns` of the steady clock.
    RetryBudget(std::size_t workers, std::uint64_t now_ns)
        : cells_(workers), now_(now_ns / kSecond) {}

    [[nodiscard]] Cell& cell(std::size_t worker) noexcept { return cells_[worker]; }

    /// Takes one try out of the budget. False: in the last ten seconds there were as many as
    /// `retries.budget` percent of the requests of that time and `retries.minimum` more. Any
    /// thread.
    [[nodiscard]] bool take(const config::Retries& retries, std::uint64_t now_ns);

    /// Makes room for `bytes` of an upload, unless there would be more than `most` of them. Any
    /// thread.
    [[nodiscard]] bool keep(std::uint64_t bytes, std::uint64_t most) noexcept;
    void drop(std::uint64_t bytes) noexcept { kept_.fetch_sub(bytes, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t kept() const noexcept {
        return kept_.load(std::memory_order_relaxed);
    }

  private:
    static constexpr std::uint64_t kSecond = 1'000'000'000;
    static constexpr std::uint64_t kSeconds = 10;
    struct Second {
        std::uint64_t requests = 0;
        std::uint64_t retries = 0;
    };

    void advance(std::uint64_t second) noexcept;

    std::vector<Cell> cells_;
    std::atomic<std::uint64_t> kept_{0};

    std::mutex mutex_;
    std::array<Second, kSeconds> window_{};  ///< By second modulo its size.
    std::uint64_t now_;                      ///< The newest second in it.
    std::uint64_t counted_ = 0;              ///< Requests that are in it, or were.
};

}  // namespace switchyard::route
