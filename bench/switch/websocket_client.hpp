#pragma once

#include "bench/common/response_reader.hpp"
#include "bench/common/stream.hpp"
#include "bench/switch/answer_check.hpp"
#include "bench/switch/client.hpp"
#include "bench/switch/requests.hpp"
#include "bench/switch/websocket_talk.hpp"

#include <cstdint>
#include <string>

namespace switchyard::bench {

/// One WebSocket after the other, each over a connection of HTTP/1.1. (Over HTTP/2:
/// h2_websocket.)
class WebSocketClient final : public Client {
  public:
    WebSocketClient(World& world, bool tls, unsigned number);

    void start() override { connect(); }
    void on_ready(std::uint32_t) override { pump(); }
    void on_time() override;
    bool done() const noexcept override { return done_; }
    std::string waits_for() const override;

  private:
    enum class Phase : unsigned char { closed, connecting, asking, talking };

    void connect();
    void pump();
    bool flush();
    bool receive();
    bool take_head();
    bool end_of_connection(const std::string& how);
    void close_and_wait(std::int64_t nanoseconds);
    void lose(const std::string& why);
    void wake_in(std::int64_t nanoseconds);

    World& world_;
    const bool tls_;
    AnswerCheck check_;
    RequestMaker maker_;
    WebSocketTalk talk_;
    Stream stream_;
    ResponseReader reader_;
    Phase phase_ = Phase::closed;
    bool done_ = false;
    bool alarm_set_ = false;
    std::string out_;
    std::size_t sent_ = 0;
    std::string in_;
};

}  // namespace switchyard::bench
