#pragma once

#include "bench/common/address.hpp"
#include "bench/common/histogram.hpp"
#include "bench/common/response_reader.hpp"
#include "bench/common/stream.hpp"
#include "bench/switch/script.hpp"
#include "bench/switch/world.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace switchyard::bench {

/// Switches one service back and forth through the admin socket, with canaries between: at a fixed
/// rate, never two commands at the same time. Tells the timeline when each was sent and
/// acknowledged.
class Commander final : public Waiter, private ResponseReader::BodySink {
  public:
    struct Plan {
        Address socket;
        std::uint64_t epoch = 0;  ///< Before the first command.
        double rate = 1;          ///< Switches a second; the time of canaries is added.
        Script script;
    };

    Commander(World& world, Service& service, Plan plan);

    void start();
    void on_ready(std::uint32_t events) override;
    void on_time() override;

    bool done() const noexcept { return phase_ == Phase::done; }
    /// Switches.
    std::uint64_t committed() const noexcept { return committed_; }
    /// Canaries that were begun, and changes of their shares after that, the end included.
    std::uint64_t canaries() const noexcept { return canaries_; }
    std::uint64_t shares() const noexcept { return shares_; }
    const Histogram& latency() const noexcept { return latency_; }
    /// Of switches; microseconds in nanoseconds.
    const CommandParts& parts() const noexcept { return parts_; }
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
    void on_share(std::string_view object);
    void check_epoch(std::uint64_t epoch);
    std::string id_of_command() const;
    void end_command();
    void settle();
    void next_command();
    void give_up(const std::string& why);

    World& world_;
    Service& service_;
    Plan plan_;
    std::deque<Command> commands_;
    Command command_;  // the present one
    Phase phase_ = Phase::waiting;
    Stream stream_;
    ResponseReader reader_;
    std::string request_;
    std::string line_;
    bool acknowledged_ = false;
    bool released_ = false;
    std::size_t written_ = 0;
    std::uint64_t begun_ = 0;  // switches whose commands are taken out of the script
    std::uint64_t committed_ = 0;
    std::uint64_t canaries_ = 0;
    std::uint64_t shares_ = 0;
    std::int64_t first_due_ = 0;
    std::int64_t due_ = 0;  // of the next command
    std::int64_t sent_at_ = 0;
    std::int64_t acknowledged_at_ = 0;
    Histogram settled_;
    Histogram latency_;
    CommandParts parts_;
    std::uint64_t held_ = 0;
    Histogram longest_wait_;
};

}  // namespace switchyard::bench
