#pragma once

#include "bench/switch/world.hpp"

#include <string>

namespace switchyard::bench {

/// A client: does what its sort does for as long as the run lasts, and checks all that comes. What
/// is wrong goes into the world's violations. Each sort is a file of its own, with a line in the
/// table of clients.cpp.
class Client : public Waiter {
  public:
    virtual void start() = 0;

    /// Nothing is under way and nothing will be: the run is stopping.
    virtual bool done() const noexcept = 0;
    /// What the client waits for, for a run that does not come to its end.
    virtual std::string waits_for() const = 0;
};

}  // namespace switchyard::bench
