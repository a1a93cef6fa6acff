#pragma once

#include <cstdint>
#include <string>

namespace switchyard::bench {

/// What one run of the load generator does.
struct LoadOptions {
    std::string address;                 ///< Where the proxy listens, "127.0.0.1:8080".
    std::string host = "bench.example";  ///< Host header and SNI.
    std::string path = "/1024";          ///< Request target; the origin answers that many bytes.
    bool tls = false;
    bool new_connection = false;     ///< A connection (and handshake) for every request.
    std::uint64_t post_bytes = 0;    ///< Size of the request body; 0: GET.
    std::uint64_t expect_bytes = 0;  ///< Every answer must have exactly this body size.
    unsigned connections = 64;
    unsigned streams = 0;  ///< Of each connection, which then speaks HTTP/2; 0: HTTP/1.1.
    double warm_up = 0.3;  ///< Seconds before the measurement begins.
    double seconds = 2;    ///< Seconds that are measured.
    double rate = 0;  ///< Requests a second, due whatever the answers do; 0: as fast as it goes.
    double patience = 10;  ///< At a rate: seconds that the last answers may take after that.
    int pid = 0;           ///< The process whose CPU time is taken; 0: none.
    bool idle = false;     ///< One request each, then hold the connections.
};

}  // namespace switchyard::bench
