#pragma once

#include "bench/common/response_reader.hpp"
#include "bench/common/stream.hpp"
#include "bench/switch/answer_check.hpp"
#include "bench/switch/client.hpp"
#include "bench/switch/requests.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace switchyard::bench {

/// Speaks HTTP/1.1, with or without TLS: one connection, requests of one kind.
class Http1Client final : public Client, private ResponseReader::BodySink {
  public:
    Http1Client(World& world, Kind kind, bool tls, unsigned number);

    void start() override { connect(); }
    void on_ready(std::uint32_t events) override;
    void on_time() override;
    bool done() const noexcept override { return done_; }
    std::string waits_for() const override;

  private:
    enum class Phase : unsigned char { closed, connecting, open };

    void connect();
    void pump();
    void begin_burst();
    bool flush();
    bool receive();
    bool take(std::string_view bytes);
    void on_body(std::string_view piece) override;
    void next_answer();
    void finish_answer();
    void leave();
    void lose(const std::string& why);
    void wake_in(std::int64_t nanoseconds);
    void retire();

    World& world_;
    const bool tls_;
    const Behaviour& behaviour_;
    AnswerCheck check_;
    RequestMaker maker_;
    Stream stream_;
    ResponseReader reader_;
    Phase phase_ = Phase::closed;
    bool done_ = false;
    bool alarm_set_ = false;
    bool resting_ = false;  // a pause between two reads
    bool peer_ended_ = false;
    std::int64_t connect_began_ = 0;
    std::string out_;
    std::size_t sent_ = 0;
    std::size_t may_send_ = 0;  // a slow upload is let go piece by piece
    bool awaiting_ = false;     // the answer that check_ judges
    std::deque<Expected> behind_;
};

}  // namespace switchyard::bench
