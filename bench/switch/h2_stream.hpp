#pragma once

#include "bench/common/h2_connection.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace switchyard::bench {

struct World;

/// What one of the streams of a connection does: one exchange of its sort after the other, each of
/// which is checked. Each sort is a file of its own.
class H2Stream : public H2Exchange {
  public:
    virtual bool active() const noexcept = 0;
    virtual std::string waits_for() const = 0;

    /// Begins the next exchange if none is under way and it is time. False: the connection takes
    /// no more. Until the exchange is over, the connection stays or says connection_lost().
    virtual bool begin(H2Connection& connection, std::int64_t now) = 0;
    /// Time has passed: slow ones go on by one step.
    virtual void tick() = 0;
    /// The connection is gone, and the exchange with it.
    virtual void connection_lost(const std::string& why) = 0;
};

/// Makes one sort of streams; `number` is different for each.
using MakeStream = std::unique_ptr<H2Stream> (*)(World& world, bool tls, unsigned number);

}  // namespace switchyard::bench
