#pragma once

#include "bench/switch/answer_check.hpp"
#include "bench/switch/grpc_check.hpp"
#include "bench/switch/h2_stream.hpp"
#include "bench/switch/requests.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace switchyard::bench {

/// One call of gRPC after the other, each of which lasts for many messages: back and forth, or
/// from the server only. Its client is told by a header of its own.
class GrpcStream final : public H2Stream {
  public:
    /// `kind`: grpc_echo or grpc_watch. The world has to have a service for gRPC.
    GrpcStream(World& world, Kind kind, bool tls, unsigned number);

    bool active() const noexcept override { return active_; }
    std::string waits_for() const override;
    bool begin(H2Connection& connection, std::int64_t now) override;
    void tick() override;
    void connection_lost(const std::string& why) override;

  private:
    void on_head() override;
    std::size_t on_body(std::string_view piece) override;
    std::size_t next_body(char* room, std::size_t size, bool& last) override;
    void on_close(bool complete, std::uint32_t code) override;
    void prepare(std::int64_t now);
    void lose(const std::string& why);

    World& world_;
    Service& service_;
    const Kind kind_;
    const bool tls_;
    const std::string user_;
    AnswerCheck check_;
    RequestMaker maker_;
    GrpcCheck messages_;
    H2Connection* connection_ = nullptr;
    bool active_ = false;
    bool lost_ = false;      // judged; the end of the stream is awaited
    bool said_all_ = false;  // our side ends with what is in out_
    std::int64_t leaves_at_ = 0;
    std::int64_t rests_until_ = 0;
    std::string in_;
    std::string out_;
};

}  // namespace switchyard::bench
