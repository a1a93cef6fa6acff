#pragma once

#include "bench/common/response_reader.hpp"
#include "bench/common/stream.hpp"
#include "bench/switch/requests.hpp"
#include "bench/switch/world.hpp"
#include "support/pattern.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace switchyard::bench {

/// One client: sends the requests of its kind for as long as the run lasts and checks every answer,
/// byte by byte. What is wrong goes into the world's violations.
class Client final : public Waiter, private ResponseReader::BodySink {
  public:
    Client(World& world, Kind kind, bool tls, unsigned number);

    void start() { connect(); }
    void on_ready(std::uint32_t events) override;
    void on_time() override;

    /// Nothing is under way and nothing will be: the run is stopping.
    bool done() const noexcept { return done_; }
    /// What the client waits for, for a run that does not come to its end.
    std::string waits_for() const;

  private:
    enum class Phase : unsigned char { closed, connecting, open };

    void connect();
    void pump();
    void begin_burst();
    bool flush();
    bool receive();
    bool take(std::string_view bytes);
    void on_body(std::string_view piece) override;
    void judge_slot();
    void finish_answer();
    std::string fault_of_answer(const Expected& expected) const;
    std::string fault_of_upload(const Expected& expected) const;
    void leave();
    void lose(const std::string& why);
    void violate(const char* guarantee, const std::string& id, const std::string& text);
    void wake_in(std::int64_t nanoseconds);
    void retire();

    World& world_;
    const Kind kind_;
    const bool tls_;
    const Behaviour& behaviour_;
    KindTally& tally_;
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
    std::deque<Expected> expected_;
    test::PatternChecker pattern_{Colour::blue};
    bool pattern_begun_ = false;
    std::string pattern_fault_;
    std::string text_;  // a short body
};

}  // namespace switchyard::bench
