#pragma once

#include "base/colour.hpp"
#include "support/origin/books.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace switchyard::origin {

/// One stream of HTTP/2 and what is answered to it: the methods of gRPC in
/// support/grpc_messages.hpp, and /up.
class GrpcCall {
  public:
    using Clock = std::chrono::steady_clock;

    explicit GrpcCall(Colour colour) : colour_(colour) {}

    /// The request's head, as far as it matters.
    std::string path;
    std::string test_id;
    /// The request's messages; `last`: there are no more. False: that is no message.
    [[nodiscard]] bool take(std::string_view octets, bool last);
    /// What is due by now is appended to the answer. True: there was something.
    bool produce(Clock::time_point now);
    /// Moves the next octets of the answer into `room`.
    std::size_t send(char* room, std::size_t size);

    [[nodiscard]] bool known() const noexcept;
    [[nodiscard]] bool is_health_check() const noexcept { return path == "/up"; }
    /// Messages are due at some time to come.
    [[nodiscard]] bool goes_on() const noexcept { return left_ != 0; }
    [[nodiscard]] bool all_sent() const noexcept {
        return asked_all_ && left_ == 0 && out_.empty();
    }

    std::int32_t stream = 0;
    Tally* tally = nullptr;  ///< Null: it is not counted.
    bool waits = false;      ///< For more to send.
    bool trailers_sent = false;

  private:
    [[nodiscard]] bool begin_watch(std::string_view message);

    Colour colour_;
    bool asked_all_ = false;
    std::string in_;
    std::string out_;
    // Of kGrpcWatch:
    std::uint64_t number_ = 0;
    std::uint64_t left_ = 0;
    std::size_t octets_ = 0;
    std::chrono::milliseconds pause_{0};
    Clock::time_point due_;
};

}  // namespace switchyard::origin
