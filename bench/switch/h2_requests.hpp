#pragma once

#include "bench/switch/answer_check.hpp"
#include "bench/switch/h2_stream.hpp"
#include "bench/switch/requests.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace switchyard::bench {

/// A request of one kind after the other. Every second stream keeps cookies, like a browser.
class H2Requests final : public H2Stream {
  public:
    H2Requests(World& world, Kind kind, bool tls, unsigned number);

    bool active() const noexcept override { return active_; }
    std::string waits_for() const override;
    bool begin(H2Connection& connection, std::int64_t now) override;
    void tick() override;
    void connection_lost(const std::string& why) override;

  private:
    void on_head() override { check_.head(head); }
    std::size_t on_body(std::string_view piece) override;
    std::size_t next_body(char* room, std::size_t size, bool& last) override;
    void on_close(bool complete, std::uint32_t code) override;

    World& world_;
    const Behaviour& behaviour_;
    const bool tls_;
    AnswerCheck check_;
    RequestMaker maker_;
    H2Connection* connection_ = nullptr;
    bool active_ = false;
    bool leaving_ = false;
    std::int64_t rests_until_ = 0;
    std::string_view upload_;
    std::size_t sent_ = 0;
    std::size_t may_send_ = 0;
    std::size_t unread_ = 0;  // of the stream's window, not given back yet
};

}  // namespace switchyard::bench
