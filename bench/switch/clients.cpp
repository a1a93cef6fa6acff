#include "bench/switch/clients.hpp"

#include "bench/switch/h2_client.hpp"
#include "bench/switch/http1_client.hpp"
#include "bench/switch/websocket_client.hpp"

#include <array>

namespace switchyard::bench {
namespace {

template <Kind kind>
std::unique_ptr<Client> http1(World& world, bool tls, unsigned number) {
    return std::make_unique<Http1Client>(world, kind, tls, number);
}

template <class Sort>
std::unique_ptr<Client> client(World& world, bool tls, unsigned number) {
    return std::make_unique<Sort>(world, tls, number);
}

constexpr std::array kSorts = {
    ClientSort{"--keep-alive", "one request after the other", 16, 4, false,
               http1<Kind::keep_alive>},
    ClientSort{"--new-connections", "a connection for each", 4, 2, false, http1<Kind::fresh>},
    ClientSort{"--pipelined", "bursts of requests", 4, 2, false, http1<Kind::pipelined>},
    ClientSort{"--uploads", "bodies that are sent slowly", 8, 2, false, http1<Kind::upload>},
    ClientSort{"--downloads", "answers that are read slowly", 4, 2, false, http1<Kind::download>},
    ClientSort{"--long-polls", "late answers", 16, 4, false, http1<Kind::long_poll>},
    ClientSort{"--leavers", "who go in the middle", 2, 2, false, http1<Kind::leaver>},
    ClientSort{"--h2", "HTTP/2, with 14 streams of five kinds each", 8, 2, true, client<H2Client>},
    ClientSort{"--websockets", "WebSockets", 24, 4, false, client<WebSocketClient>},
};

}  // namespace

std::span<const ClientSort> client_sorts() noexcept {
    return kSorts;
}

}  // namespace switchyard::bench
