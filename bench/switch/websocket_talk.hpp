#pragma once

#include "bench/switch/answer_check.hpp"
#include "bench/switch/requests.hpp"
#include "bench/switch/websocket_check.hpp"
#include "bench/switch/world.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace switchyard::bench {

/// What is said over a WebSocket, whatever it goes over: numbered messages that come back, until
/// the proxy says goodbye or, after a while, we do. Octets in, octets out.
class WebSocketTalk {
  public:
    /// All have to outlive the talk. `check` judged the answer that opens it.
    WebSocketTalk(World& world, Service& service, AnswerCheck& check, RequestMaker& maker);

    /// The slot has taken the WebSocket.
    void opened(Colour slot);
    /// It is over, in whichever way.
    void over() { enter(Phase::closed); }

    /// Octets that came. Returns what is so wrong that nothing can follow; empty: nothing.
    std::string take(std::string_view octets);
    /// It is time for a message, or for our goodbye. Returns what take() does.
    std::string tick();
    /// The peer has ended the connection. Returns why it must not; empty: all is said.
    std::string peer_ended(const std::string& how) const;

    bool is_open() const noexcept { return phase_ != Phase::closed; }
    /// Both goodbyes are said; only the end of the connection is awaited.
    bool all_said() const noexcept { return phase_ == Phase::closing; }

    std::string out;  ///< What is to be sent; whoever sends it takes it away.

  private:
    /// leaving: our Close is out; closing: both are.
    enum class Phase : unsigned char { closed, open, leaving, closing };

    void take_close(int code, std::string_view payload);
    void send_message(std::int64_t now);
    void leave(std::int64_t now);
    void enter(Phase phase);
    std::uint32_t mask() { return static_cast<std::uint32_t>(maker_.random(0xffffffff)); }

    World& world_;
    Service& service_;
    AnswerCheck& check_;
    RequestMaker& maker_;
    WebSocketCheck messages_;
    Phase phase_ = Phase::closed;
    std::int64_t leaves_at_ = 0;
    std::int64_t give_up_at_ = 0;
    std::string in_;
};

}  // namespace switchyard::bench
