#pragma once

#include "bench/common/response_reader.hpp"
#include "bench/common/stream.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace switchyard::bench {

/// What all connections of a run have in common; outlives them.
struct LoadShared {
    Address address;
    SSL_CTX* tls = nullptr;
    std::string host;
    std::string
        request;  ///< Head and body of the one request that is repeated; with HTTP/2 its path.
    std::uint64_t expect_bytes = 0;
    bool new_connection = false;
    int epoll = -1;
    char* buffer = nullptr;  ///< One read buffer for all connections.
    std::size_t buffer_size = 0;
};

/// One connection of the load generator: sends the request, reads the answer, does it again.
class LoadConnection {
  public:
    enum class Event : unsigned char { none, answered, failed };

    explicit LoadConnection(LoadShared& shared) : shared_(shared) {}

    /// Connects and sends the first request as soon as that is possible.
    Event start();

    /// Does what the socket allows; called for every readiness event. At most one answer is
    /// completed by a call; after `answered` the caller decides whether to go on with next().
    Event on_ready(bool peer_ended);

    /// Sends the next request (on a new connection where the run asks for it).
    Event next();

    /// When the request that was answered last was begun, nanoseconds.
    std::int64_t began() const noexcept { return began_; }
    const std::string& error() const noexcept { return error_; }
    bool open() const noexcept { return stream_.open(); }

  private:
    enum class Phase : unsigned char { handshake, writing, reading, idle };

    Event advance();
    Event read_answer();
    Event finish_answer();
    Event fail(std::string reason);

    LoadShared& shared_;
    Stream stream_;
    ResponseReader reader_;
    Phase phase_ = Phase::idle;
    std::size_t sent_ = 0;
    std::int64_t began_ = 0;
    std::string error_;
    bool peer_ended_ = false;  // the end of the stream waits behind the data
};

}  // namespace switchyard::bench
