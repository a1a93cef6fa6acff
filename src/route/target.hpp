#pragma once

#include "base/colour.hpp"
#include "base/tls_client.hpp"
#include "config/config.hpp"
#include "observe/counter.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace switchyard::route {

enum class Health : std::uint8_t { unknown, healthy, unhealthy };

/// A resolved address, ready for connect(2).
struct SocketAddress {
    alignas(8) unsigned char bytes[112] = {};  ///< sockaddr_in, sockaddr_in6 or sockaddr_un.
    std::uint32_t size = 0;
    bool operator==(const SocketAddress&) const = default;
};

/// That a target is, or was, passed over although its checks may succeed. Times of the steady
/// clock.
struct Ejected {
    enum class Why : std::uint8_t {
        connect,  ///< It could not be connected to, several times in a row.
        errors,   ///< It answered with 5xx, or not at all, several times in a row.
        slow,     ///< It was much slower than the others.
    };
    Why why = Why::connect;
    std::uint32_t times = 0;   ///< In a row, as an outlier.
    std::uint64_t number = 0;  ///< Ejections of this target so far; 0: it never was.
    std::uint64_t since_ns = 0;
    std::uint64_t until_ns = 0;
};

constexpr const char* to_string(Ejected::Why why) noexcept {
    if (why == Ejected::Why::connect) return "connect";
    return why == Ejected::Why::errors ? "errors" : "slow";
}

/// One `address:port` of a slot while it is configured. The same object goes on through switches
/// and reloads as long as (service, slot, address) stays, so its health and its pooled connections
/// do too. Flags: any thread. Addresses: under a lock, touched only to connect, as is why it is
/// ejected.
class Target {
  public:
    struct alignas(observe::kCacheLine) Cell {
        observe::Counter in_flight;
        // Only where ejection.slow_factor is configured:
        observe::Counter answers;    ///< Heads of responses to requests that had been sent whole.
        observe::Counter answer_us;  ///< Sum of the time from the begin of the try to the head.
    };

    /// `id` is unique in the process and never used again.
    Target(std::uint32_t id, std::string service, Colour colour, config::Target config,
           std::size_t workers)
        : id_(id),
          service_(std::move(service)),
          colour_(colour),
          config_(std::move(config)),
          cells_(workers) {}

    [[nodiscard]] std::uint32_t id() const noexcept { return id_; }
    [[nodiscard]] const std::string& service() const noexcept { return service_; }
    [[nodiscard]] Colour colour() const noexcept { return colour_; }
    [[nodiscard]] const config::Target& config() const noexcept { return config_; }
    [[nodiscard]] const std::string& address() const noexcept { return config_.address; }

    [[nodiscard]] Cell& cell(std::size_t worker) noexcept { return cells_[worker]; }
    [[nodiscard]] const std::vector<Cell>& cells() const noexcept { return cells_; }
    [[nodiscard]] std::uint64_t in_flight() const noexcept {
        std::uint64_t total = 0;
        for (const Cell& cell : cells_)
            total += cell.in_flight.get();
        return total;
    }

    [[nodiscard]] Health health() const noexcept { return health_.load(std::memory_order_relaxed); }
    void set_health(Health health) noexcept { health_.store(health, std::memory_order_relaxed); }

    /// Ejected: passed over although health checks may still succeed. steady_clock nanoseconds.
    [[nodiscard]] bool ejected(std::uint64_t now_ns) const noexcept {
        return ejected_until_ns_.load(std::memory_order_relaxed) > now_ns;
    }
    /// Workers report each connect; `failures` in a row eject for `duration` (0: never).
    void connect_succeeded() noexcept {
        if (failures_.load(std::memory_order_relaxed) != 0) {
            failures_.store(0, std::memory_order_relaxed);
        }
    }
    void connect_failed(std::uint64_t now_ns, std::uint32_t failures,
                        std::chrono::nanoseconds duration) noexcept {
        if (failures_.fetch_add(1, std::memory_order_relaxed) + 1 >= failures && failures != 0) {
            eject(Ejected::Why::connect, 0, now_ns, duration);
            failures_.store(0, std::memory_order_relaxed);
        }
    }
    /// Workers report each answer, if ejection.errors is configured. All workers together count
    /// those in a row. True: these are `errors`, or twice as many, and so on, since Outliers may
    /// say no; whoever hears that asks it.
    void answer_succeeded() noexcept {
        if (errors_.load(std::memory_order_relaxed) != 0) {
            errors_.store(0, std::memory_order_relaxed);
        }
    }
    [[nodiscard]] bool answer_failed(std::uint32_t errors) noexcept {
        return (errors_.fetch_add(1, std::memory_order_relaxed) + 1) % errors == 0;
    }
    /// `times` in a row. Of outliers: only Outliers calls this.
    void eject(Ejected::Why why, std::uint32_t times, std::uint64_t now_ns,
               std::chrono::nanoseconds duration) noexcept {
        const std::lock_guard lock(mutex_);
        const std::uint64_t until = now_ns + static_cast<std::uint64_t>(duration.count());
        ejection_ = {why, times, ejection_.number + 1, now_ns, until};
        ejected_until_ns_.store(until, std::memory_order_relaxed);
        errors_.store(0, std::memory_order_relaxed);
    }
    /// The present ejection, or the last one.
    [[nodiscard]] Ejected ejection() const noexcept {
        const std::lock_guard lock(mutex_);
        return ejection_;
    }

    /// Addresses to connect to, in order of preference; empty: not resolved.
    [[nodiscard]] std::vector<SocketAddress> addresses() const {
        const std::lock_guard lock(mutex_);
        return addresses_;
    }
    /// How connections are encrypted. Null: not at all, or, where config().tls(), not known yet:
    /// then nothing may be sent.
    [[nodiscard]] std::shared_ptr<const TlsClient> tls() const {
        const std::lock_guard lock(mutex_);
        return tls_;
    }
    void set_tls(std::shared_ptr<const TlsClient> tls) {
        const std::lock_guard lock(mutex_);
        if (tls_ == tls) return;
        tls_ = std::move(tls);
        generation_.fetch_add(1, std::memory_order_release);
    }
    void set_addresses(std::vector<SocketAddress> addresses) {
        const std::lock_guard lock(mutex_);
        addresses_ = std::move(addresses);
        generation_.fetch_add(1, std::memory_order_release);
    }
    /// Another number after each change by set_addresses() or set_tls(): connections of an older
    /// one lead to where the target may not be any more, or were made with other certificates.
    [[nodiscard]] std::uint32_t generation() const noexcept {
        return generation_.load(std::memory_order_acquire);
    }

    /// No longer configured: nothing is to be kept for it. For good.
    void retire() noexcept { retired_.store(true, std::memory_order_relaxed); }
    [[nodiscard]] bool retired() const noexcept { return retired_.load(std::memory_order_relaxed); }

  private:
    const std::uint32_t id_;
    const std::string service_;
    const Colour colour_;
    const config::Target config_;
    std::vector<Cell> cells_;
    std::atomic<Health> health_{Health::unknown};
    std::atomic<std::uint32_t> failures_{0};
    std::atomic<std::uint32_t> errors_{0};
    std::atomic<std::uint64_t> ejected_until_ns_{0};
    std::atomic<std::uint32_t> generation_{0};
    std::atomic<bool> retired_{false};
    mutable std::mutex mutex_;
    std::vector<SocketAddress> addresses_;
    std::shared_ptr<const TlsClient> tls_;
    Ejected ejection_;
};

}  // namespace switchyard::route
