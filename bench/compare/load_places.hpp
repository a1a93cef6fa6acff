#pragma once

#include "bench/compare/load_h2_connection.hpp"
#include "bench/compare/load_options.hpp"

#include <cstdint>
#include <memory>

namespace switchyard::bench {

/// Where the requests of a run at a rate go: connections that each have room for one request
/// (HTTP/1.1) or for some (streams of HTTP/2). Used from one thread.
class LoadPlaces {
  public:
    using Sink = LoadH2Connection::Sink;

    virtual ~LoadPlaces() = default;

    /// Opens all connections; throws std::runtime_error when that takes longer than 10 s.
    virtual void open() = 0;
    /// Sends a request where nothing is under way, on the one that has rested longest, so that all
    /// of them are used. `due` (nanoseconds, above 0) is what the sink gets back. False: no room.
    virtual bool begin(std::int64_t due) = 0;
    /// Waits at most so long (nanoseconds) for answers, and reports them to the sink.
    virtual void poll(std::int64_t timeout) = 0;
    /// How many requests that were due at `since` or later wait for their answers.
    virtual std::uint64_t under_way(std::int64_t since) const = 0;
};

/// As the options say. Throws std::runtime_error. The sink has to outlive the places.
std::unique_ptr<LoadPlaces> make_places(const LoadOptions& options, LoadPlaces::Sink& sink);

}  // namespace switchyard::bench
