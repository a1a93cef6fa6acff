#pragma once

#include "base/colour.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace switchyard::origin {

/// What /ws does with the octets of a WebSocket: says who it is in the first message, then answers
/// each text TEXT with "COLOUR: TEXT", binary messages with themselves, pings with pongs and a
/// Close with a Close.
class WebSocketEcho {
  public:
    enum class End : unsigned char { none, closed, broken };

    /// Appends the first message, "COLOUR NAME".
    void open(Colour colour, std::string_view name, std::string& out);

    /// Takes whole frames from the front of `input`, says how many octets those were, and appends
    /// the answers. Anything but `none`: all is said, the connection is to be closed.
    End feed(std::string_view input, std::size_t& consumed, std::string& out);

  private:
    Colour colour_ = Colour::blue;
    std::string message_;  // The fragments so far.
    unsigned char opcode_ = 0;
};

}  // namespace switchyard::origin
