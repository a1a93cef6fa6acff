#pragma once

#include "bench/common/h2_connection.hpp"
#include "bench/common/stream.hpp"
#include "bench/compare/load_connection.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::bench {

/// One connection of the load generator that speaks HTTP/2, with room for some requests at once.
/// The caller decides when one begins; each is reported to the sink.
class LoadH2Connection {
  public:
    /// Who counts. Called from every function that is not const.
    class Sink {
      public:
        virtual ~Sink() = default;
        /// The request that was given this time is answered, and as it should be.
        virtual void on_answer(std::int64_t began) = 0;
        /// The request that was given this time has failed; 0: a connection without any.
        virtual void on_failure(std::int64_t began, const std::string& why) = 0;
    };

    /// `streams` at once; `body_bytes` of each request, 0: GET. `shared.request` is the path.
    LoadH2Connection(LoadShared& shared, unsigned streams, std::uint64_t body_bytes, Sink& sink);
    ~LoadH2Connection();

    /// Connects; the socket's first event goes on with it. Also after a failure.
    void start();
    /// Takes what the socket has; for every readiness event. A flush() has to follow.
    void on_ready();

    /// It is connected, and one of its streams is free.
    bool has_room() const noexcept { return connected_ && !free_.empty(); }
    /// Begins a request, whose time counts from `began` (nanoseconds); only if there is room. Sent
    /// by flush().
    void begin(std::int64_t began);
    /// Writes what the socket takes.
    void flush();

    bool open() const noexcept { return stream_.open(); }
    bool connected() const noexcept { return connected_; }
    /// How many of its requests that began at `since` or later wait for their answers.
    std::uint64_t under_way(std::int64_t since) const noexcept;

  private:
    class Requester;

    void fail(const std::string& why);

    LoadShared& shared_;
    Sink& sink_;
    Stream stream_;
    std::unique_ptr<H2Connection> connection_;
    std::vector<std::unique_ptr<Requester>> requesters_;
    std::vector<Requester*> free_;
    bool connected_ = false;
    std::string out_;
    std::size_t sent_ = 0;
};

}  // namespace switchyard::bench
