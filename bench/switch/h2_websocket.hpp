#pragma once

#include "bench/switch/answer_check.hpp"
#include "bench/switch/h2_stream.hpp"
#include "bench/switch/requests.hpp"
#include "bench/switch/websocket_talk.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace switchyard::bench {

/// One WebSocket after the other over streams of HTTP/2 (RFC 8441), among the others of the same
/// connection.
class H2WebSocket final : public H2Stream {
  public:
    H2WebSocket(World& world, bool tls, unsigned number);

    bool active() const noexcept override { return active_; }
    std::string waits_for() const override;
    bool begin(H2Connection& connection, std::int64_t now) override;
    void tick() override;
    void connection_lost(const std::string& why) override;

  private:
    void on_head() override;
    std::size_t on_body(std::string_view piece) override;
    void on_end() override;
    std::size_t next_body(char* room, std::size_t size, bool& last) override;
    void on_close(bool complete, std::uint32_t code) override;
    void lose(const std::string& why);

    World& world_;
    const bool tls_;
    AnswerCheck check_;
    RequestMaker maker_;
    WebSocketTalk talk_;
    H2Connection* connection_ = nullptr;
    bool active_ = false;
    bool lost_ = false;     // judged; the end of the stream is awaited
    bool refused_ = false;  // an answer that opens no WebSocket
    std::int64_t rests_until_ = 0;
};

}  // namespace switchyard::bench
