#pragma once

#include "bench/common/response_reader.hpp"
#include "bench/common/stream.hpp"
#include "bench/switch/answer_check.hpp"
#include "bench/switch/client.hpp"
#include "bench/switch/requests.hpp"
#include "bench/switch/websocket_check.hpp"

#include <cstdint>
#include <string>

namespace switchyard::bench {

/// One WebSocket after the other, each over a connection of HTTP/1.1: numbered messages that come
/// back, until the proxy says goodbye or, after a while, the client does.
class WebSocketClient final : public Client {
  public:
    WebSocketClient(World& world, bool tls, unsigned number);

    void start() override { connect(); }
    void on_ready(std::uint32_t) override { pump(); }
    void on_time() override;
    bool done() const noexcept override { return done_; }
    std::string waits_for() const override;

  private:
    /// leaving: our Close is out; closing: both are, the end of the connection is awaited.
    enum class Phase : unsigned char { closed, connecting, asking, open, leaving, closing };

    void connect();
    void pump();
    bool flush();
    bool receive();
    bool take_head();
    bool take_frames();
    bool take_close(int code, std::string_view payload);
    bool end_of_connection(const std::string& how);
    void send_message();
    void leave();
    void enter(Phase phase);
    void lose(const std::string& why);
    void wake_in(std::int64_t nanoseconds);

    World& world_;
    const bool tls_;
    AnswerCheck check_;
    WebSocketCheck messages_;
    RequestMaker maker_;
    Stream stream_;
    ResponseReader reader_;
    Phase phase_ = Phase::closed;
    bool done_ = false;
    bool alarm_set_ = false;
    std::int64_t leaves_at_ = 0;
    std::int64_t give_up_at_ = 0;
    std::string out_;
    std::size_t sent_ = 0;
    std::string in_;
};

}  // namespace switchyard::bench
