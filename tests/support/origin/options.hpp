#pragma once

#include "base/colour.hpp"

#include <optional>
#include <stdexcept>
#include <string>

namespace switchyard::origin {

struct Options {
    std::string listen = "127.0.0.1:0";  ///< "ADDR:PORT", "[V6]:PORT" or "unix:PATH".
    std::string grpc;                    ///< The same for HTTP/2; empty: none is spoken.
    Colour colour = Colour::blue;
    std::string name = "origin";
    unsigned threads = 1;
    bool quiet = false;
};

struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// None after --help (which was printed). Throws UsageError.
std::optional<Options> parse_options(int argc, char** argv);

}  // namespace switchyard::origin
