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

/// One connection of the load generator that speaks HTTP/2: repeats the request on many streams at
/// once. Calls back for each answer.
class LoadH2Connection {
  public:
    /// Who counts. Called from on_ready() and start().
    class Sink {
      public:
        virtual ~Sink() = default;
        virtual void on_answer(std::int64_t began) = 0;
        /// One request has failed, or the connection with all of its requests.
        virtual void on_failure(const std::string& why) = 0;
    };

    /// `streams` at once; `body_bytes` of each request, 0: GET. `shared.request` is the path.
    LoadH2Connection(LoadShared& shared, unsigned streams, std::uint64_t body_bytes, Sink& sink);
    ~LoadH2Connection();

    void start();
    void on_ready();

  private:
    class Requester;

    void advance();
    bool flush();
    void fail(const std::string& why);

    LoadShared& shared_;
    Sink& sink_;
    Stream stream_;
    std::unique_ptr<H2Connection> connection_;
    std::vector<std::unique_ptr<Requester>> requesters_;
    bool connected_ = false;
    std::string out_;
    std::size_t sent_ = 0;
};

}  // namespace switchyard::bench
