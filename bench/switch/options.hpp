#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace switchyard::bench {

/// What the command line asks for.
struct Options {
    // Either these two: start everything ...
    std::string daemon;  ///< Path of switchyardd.
    std::string origin;  ///< Path of switchyard-origin.
    unsigned workers = 1;
    // ... or these: use what is running.
    std::string url;      ///< "127.0.0.1:8080"; "http://" may stand before it.
    std::string tls_url;  ///< The same for TLS; empty: plain only.
    std::string socket;   ///< Of the daemon's admin interface.
    std::string service;
    std::string origin_blue;  ///< "127.0.0.1:9001": where /count is asked; empty: not compared.
    std::string origin_green;
    std::string host;  ///< Host field and SNI; empty: the service's first exact host.
    // For gRPC, with a service of its own; it is only there if we start everything.
    std::string grpc_service;
    std::string grpc_blue;
    std::string grpc_green;

    std::uint64_t switches = 1000;
    double rate = 20;                ///< Switches a second.
    double duration = 0;             ///< Seconds of switching; 0: as many as `switches` takes.
    std::uint64_t hold_every = 0;    ///< Hold requests at every so many switches; 0: never.
    std::uint64_t canary_every = 0;  ///< A canary before every so many; 0: never.
    double calm = 5;                 ///< Seconds of load before the first switch.
    std::vector<unsigned> clients;   ///< By sort, as client_sorts() lists them.
    bool h2c = false;                ///< The plain listener speaks HTTP/2, too.
    std::string tunnels = "close";   ///< The drain policy of the daemon that is started.
    /// Let so many-th drains come to their end; 0: the last. Odd, so that it is the turn of both
    /// slots.
    std::uint64_t settle_every = 125;
    bool quick = false;
    bool windows = false;   ///< Show the requests around switches next to the others.
    bool served_by = true;  ///< Check X-Served-By.
    std::string json;       ///< File for the result; empty: none.
    std::string keep;       ///< Directory for configuration and logs; empty: a temporary one.

    bool spawns() const noexcept { return !daemon.empty(); }
};

/// Reads the command line; on --help and on errors it prints and sets `exit_code`.
bool parse_options(int argc, char** argv, Options& options, int& exit_code);

}  // namespace switchyard::bench
