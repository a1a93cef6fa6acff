#pragma once

#include "support/client.hpp"
#include "support/h2_client.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace switchyard::test {

/// A client's end of a tunnel: a connection of HTTP/1.1 after 101, or a stream of HTTP/2 after 200.
/// As Client: every call has a deadline, failures are ClientError.
class TunnelEnd {
  public:
    explicit TunnelEnd(Client http1) : http1_(std::move(http1)) {}
    /// The stream's connection is this end's alone.
    TunnelEnd(H2Client http2, std::uint32_t stream) : http2_(std::move(http2)), stream_(stream) {}

    void send(std::string_view octets);
    std::string read_exactly(std::size_t octets);
    /// Everything until the other side ends its half in order.
    std::string read_to_end();
    /// True once the other side has ended, in order or not, with nothing left to read.
    [[nodiscard]] bool ended();
    /// How a stream was broken off, if it was; of a connection nothing is known.
    [[nodiscard]] std::optional<H2Code> reset_code();
    /// True if within this time neither an octet nor the end came.
    [[nodiscard]] bool quiet_for(milliseconds time);
    /// What was read but not taken.
    [[nodiscard]] std::string_view buffered();

    void shutdown_write();
    void reset();
    void close();

    /// Of HTTP/2 only: its connection, for what goes on beside the tunnel.
    [[nodiscard]] H2Client& http2() { return *http2_; }

  private:
    [[nodiscard]] bool over();
    void read_frame();
    std::string take(std::size_t octets);

    std::optional<Client> http1_;
    std::optional<H2Client> http2_;
    std::uint32_t stream_ = 0;
};

}  // namespace switchyard::test
