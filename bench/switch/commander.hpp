#pragma once

#include "bench/common/address.hpp"
#include "bench/common/histogram.hpp"
#include "bench/common/response_reader.hpp"
#include "bench/common/stream.hpp"
#include "bench/switch/world.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace switchyard::bench {

/// Switches back and forth through the admin socket: a command at a fixed rate, never two at the
/// same time. Tells the timeline when each was sent and acknowledged.
class Commander final : public Waiter, private ResponseReader::BodySink {
  public:
    struct Plan {
        Address socket;
        std::string service;
        std::uint64_t epoch = 0;       ///< Before the first switch.
        std::uint64_t switches = 0;    ///< How many to make.
        double rate = 1;               ///< A second.
        std::uint64_t hold_every = 0;  ///< Every so many switches requests are held; 0: never.
        /// After every so many switches, and after the last, the drain may come to its end: all
        /// WebSockets of the old slot have to be told to go away (C11).
        std::uint64_t settle_every = 0;
    };

    Commander(World& world, Plan plan);

    void start();
    void on_ready(std::uint32_t events) override;
    void on_time() override;

    bool done() const noexcept { return phase_ == Phase::done; }
    std::uint64_t committed() const noexcept { return committed_; }
    const Histogram& latency() const noexcept { return latency_; }
    /// What the daemon says it took to make the decision durable, microseconds in nanoseconds.
    const Histogram& durable() const noexcept { return durable_; }
    /// Switches that held requests, how many those were, and the longest wait in each.
    std::uint64_t holds() const noexcept { return longest_wait_.count(); }
    std::uint64_t held() const noexcept { return held_; }
    /// From the acknowledgement of a switch until the old slot had no WebSocket any more.
    const Histogram& settled() const noexcept { return settled_; }
    const Histogram& longest_wait() const noexcept { return longest_wait_; }

  private:
    enum class Phase : unsigned char { waiting, connecting, commanding, ending, settling, done };

    void begin_command();
    void pump();
    void read_answer();
    void on_body(std::string_view piece) override;
    void on_committed(std::string_view line);
    void on_released(std::string_view line);
    [[nodiscard]] bool holds_now() const noexcept {
        return plan_.hold_every != 0 && begun_ % plan_.hold_every == 0;
    }
    void end_command();
    void settle();
    void next_command();
    void give_up(const std::string& why);

    World& world_;
    Plan plan_;
    Phase phase_ = Phase::waiting;
    Stream stream_;
    ResponseReader reader_;
    std::string request_;
    std::string line_;
    bool acknowledged_ = false;
    bool released_ = false;
    std::size_t written_ = 0;
    std::uint64_t begun_ = 0;
    std::uint64_t committed_ = 0;
    std::int64_t first_due_ = 0;
    std::int64_t due_ = 0;  // of the next command
    std::int64_t sent_at_ = 0;
    std::int64_t acknowledged_at_ = 0;
    Histogram settled_;
    Histogram latency_;
    Histogram durable_;
    std::uint64_t held_ = 0;
    Histogram longest_wait_;
};

}  // namespace switchyard::bench
