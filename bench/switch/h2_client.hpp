#pragma once

#include "bench/common/h2_connection.hpp"
#include "bench/common/stream.hpp"
#include "bench/switch/client.hpp"
#include "bench/switch/h2_stream.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace switchyard::bench {

/// Speaks HTTP/2, with prior knowledge or over TLS: one connection with many streams at once, of
/// several sorts, each of which begins its next exchange when the last one has ended (C6). That the
/// connection ends, or is said to end, is a violation.
class H2Client final : public Client {
  public:
    /// `service`: whose host is named in the TLS handshake.
    H2Client(World& world, const Service& service, bool tls, unsigned number,
             std::span<const MakeStream> streams);

    void start() override { connect(); }
    void on_ready(std::uint32_t events) override;
    void on_time() override;
    bool done() const noexcept override { return done_; }
    std::string waits_for() const override;

  private:
    enum class Phase : unsigned char { closed, connecting, open };

    void connect();
    void pump();
    bool flush();
    bool receive();
    void lose(const std::string& why);
    void tick_later();

    World& world_;
    const Service& service_;
    const bool tls_;
    Stream stream_;
    std::unique_ptr<H2Connection> connection_;
    std::vector<std::unique_ptr<H2Stream>> streams_;
    Phase phase_ = Phase::closed;
    bool done_ = false;
    bool alarm_set_ = false;
    std::string out_;
    std::size_t sent_ = 0;
};

}  // namespace switchyard::bench
