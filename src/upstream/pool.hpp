#pragma once

#include "net/timer_wheel.hpp"
#include "observe/slot_metrics.hpp"
#include "upstream/connection.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace switchyard::upstream {

/// The idle upstream connections of one worker, by target, newest first. A connection belongs to
/// the epoch it was taken in; with the next one it is closed instead of kept (C7), and also when
/// its target has got other addresses or is gone. Loop's thread.
class Pool final : private net::TimerNode {
  public:
    Pool(net::EventLoop& loop, std::size_t worker);

    /// An open, silent connection of this epoch that began with `proxy_header`; null: connect.
    std::unique_ptr<Connection> take(const route::Target& target, std::uint64_t epoch,
                                     std::string_view proxy_header = {});

    /// Keeps a connection for up to `idle_timeout`, unless its epoch or its target passed, or there
    /// are `max_idle` already (then the oldest goes). Pooled connections are counted in the slot's
    /// `metrics`.
    void put(std::unique_ptr<Connection> connection, std::size_t max_idle,
             std::chrono::milliseconds idle_timeout,
             const std::shared_ptr<observe::SlotMetrics>& metrics);

    /// From now on only connections of `epoch` count for the target: idle ones of others close.
    void advance(const route::Target& target, std::uint64_t epoch);
    /// The target is no longer configured.
    void forget(std::uint32_t target_id);
    void clear();

    [[nodiscard]] std::size_t idle() const noexcept;

  private:
    struct Shelf {
        std::uint64_t epoch = 0;
        std::chrono::milliseconds idle_timeout{0};
        std::shared_ptr<observe::SlotMetrics> metrics;
        observe::Counter* idle_gauge = nullptr;                ///< This worker's, in `metrics`.
        std::vector<std::unique_ptr<Connection>> connections;  ///< Oldest first.
    };

    std::uint64_t on_tick(std::uint64_t now) override;
    static void drop(Shelf& shelf, std::size_t index);
    static void empty(Shelf& shelf);

    net::EventLoop& loop_;
    std::size_t worker_;
    std::unordered_map<std::uint32_t, Shelf> shelves_;
};

}  // namespace switchyard::upstream
