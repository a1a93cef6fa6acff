#pragma once

#include "base/task.hpp"
#include "h1/client_session.hpp"
#include "http/exchange.hpp"
#include "net/timer_wheel.hpp"
#include "observe/slot_metrics.hpp"
#include "relay/frame_tracker.hpp"

#include <chrono>
#include <cstdint>
#include <exception>

namespace switchyard::relay {

/// An accepted upgrade under way: octets in both directions at once until both sides have ended
/// theirs. An end is passed on, so one side may go on alone (half-close). A piece is read after the
/// last one was taken on the other side, so a tunnel holds one piece a direction at most, and none
/// while it is silent. Loop's thread; not to be destroyed before run() has ended.
///
/// Frames of WebSocket connections are followed, so that go_away() can end one in good order: a
/// Close frame to the client where a frame may stand, in place of what the origin still sends.
/// What the client sends goes on to the origin, its answering Close at last; a client that does not
/// answer is answered for.
class Tunnel final : private net::TimerNode {
  public:
    struct Plan {
        http::Exchange& client;     ///< After accept_upgrade().
        h1::ClientSession& origin;  ///< After a 101.
        observe::SlotCell& cell;    ///< Octets are counted there as they pass.
        std::chrono::milliseconds idle{0};
        bool websocket = false;
        std::uint64_t random = 0;
    };
    enum class End : std::uint8_t {
        completed,      ///< Both sides ended, or said goodbye by WebSocket's rules.
        closed,         ///< Told to go away, and the client was told so.
        client_failed,  ///< Broke off.
        origin_failed,  ///< Broke off; of a WebSocket: also ended without a Close.
        expired,        ///< Silent for too long, and no WebSocket in order.
        cancelled,      ///< From outside: a cut.
    };

    explicit Tunnel(const Plan& plan);

    /// Moves octets until it is over. Throws what allocation throws.
    Task<End> run();

    /// A WebSocket is told to go away as soon as a frame may stand; other tunnels, and those whose
    /// framing is broken, take no notice.
    void go_away() noexcept;

    /// Where this tunnel stands in the order of those that are told to go away: at random in
    /// [0, 1).
    [[nodiscard]] double place() const noexcept { return place_; }
    /// Whether it ends, or ended, for silence.
    [[nodiscard]] bool expired() const noexcept { return expired_; }
    /// Octets that the client has got.
    [[nodiscard]] std::uint64_t sent() const noexcept { return sent_; }

  private:
    struct Way {
        Way(http::Body& body, FrameTracker::Sender sender) : from(body), frames(sender) {}
        http::Body& from;
        FrameTracker frames;
        bool wants_close = false;  ///< Our Close is to be put in.
        bool close_sent = false;   ///< It was; nothing may follow.
        bool ended = false;        ///< Its sender has ended its side, and that was passed on.
    };

    Task<void> pump(Way& way);
    Task<void> move(Way& way);
    Task<http::Fault> send(Way& way, http::Chunk piece);
    Task<http::Fault> put_close(Way& way);
    [[nodiscard]] bool close_is_due(const Way& way) const noexcept;
    [[nodiscard]] std::size_t follow(Way& way, std::string_view data) noexcept;
    void ask_for_close(Way& way) noexcept;
    /// After something ended: whether the rest has anything to wait for.
    void look() noexcept;
    void end_within(std::chrono::milliseconds limit) noexcept;
    void end_now() noexcept;
    [[nodiscard]] End judge() const noexcept;

    [[nodiscard]] std::uint64_t idle_due() const noexcept;
    std::uint64_t on_tick(std::uint64_t now) override;

    enum class Side : std::uint8_t { none, client, origin };

    Plan plan_;
    net::EventLoop& loop_;
    Way up_;    ///< Client to origin.
    Way down_;  ///< Origin to client.
    Fork up_fork_;
    std::exception_ptr error_;
    double place_;
    std::uint64_t sent_ = 0;
    // Ticks; 0: none.
    std::uint64_t active_ = 0;        ///< When the last octet passed.
    std::uint64_t patience_due_ = 0;  ///< Until then a Close waits for the end of a message.
    std::uint64_t answer_due_ = 0;    ///< Until then the client's Close is waited for.
    std::uint64_t over_due_ = 0;      ///< Then it ends, whatever is missing.
    Side failed_ = Side::none;        ///< Who broke off first.
    Side first_ = Side::none;         ///< Who ended its side first.
    bool going_ = false;
    bool impatient_ = false;
    bool expired_ = false;
    bool cancelled_ = false;
    bool ending_ = false;
};

}  // namespace switchyard::relay
