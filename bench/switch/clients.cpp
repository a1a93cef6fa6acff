#include "bench/switch/clients.hpp"

#include "bench/switch/grpc_stream.hpp"
#include "bench/switch/h2_client.hpp"
#include "bench/switch/h2_requests.hpp"
#include "bench/switch/h2_websocket.hpp"
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

template <Kind kind>
std::unique_ptr<H2Stream> requests(World& world, bool tls, unsigned number) {
    return std::make_unique<H2Requests>(world, kind, tls, number);
}

std::unique_ptr<H2Stream> websocket(World& world, bool tls, unsigned number) {
    return std::make_unique<H2WebSocket>(world, tls, number);
}

template <Kind kind>
std::unique_ptr<H2Stream> grpc(World& world, bool tls, unsigned number) {
    return std::make_unique<GrpcStream>(world, kind, tls, number);
}

// What one connection of HTTP/2 carries at the same time.
constexpr MakeStream kKeepAlive = requests<Kind::keep_alive>;
constexpr MakeStream kLongPoll = requests<Kind::long_poll>;
constexpr MakeStream kEcho = grpc<Kind::grpc_echo>;
constexpr MakeStream kWatch = grpc<Kind::grpc_watch>;
constexpr std::array<MakeStream, 14> kRequestStreams = {kKeepAlive,
                                                        kKeepAlive,
                                                        kKeepAlive,
                                                        kKeepAlive,
                                                        kKeepAlive,
                                                        kKeepAlive,
                                                        kLongPoll,
                                                        kLongPoll,
                                                        kLongPoll,
                                                        requests<Kind::upload>,
                                                        requests<Kind::upload>,
                                                        requests<Kind::download>,
                                                        requests<Kind::download>,
                                                        requests<Kind::leaver>};
constexpr std::array<MakeStream, 8> kWebSocketStreams = {
    websocket, websocket, websocket, websocket, websocket, websocket, kKeepAlive, kKeepAlive};
constexpr std::array<MakeStream, 8> kGrpcStreams = {kEcho,  kEcho,  kEcho,  kEcho,
                                                    kWatch, kWatch, kWatch, kWatch};

std::unique_ptr<Client> h2_requests(World& world, bool tls, unsigned number) {
    return std::make_unique<H2Client>(world, world.app, tls, number, kRequestStreams);
}

std::unique_ptr<Client> h2_websockets(World& world, bool tls, unsigned number) {
    return std::make_unique<H2Client>(world, world.app, tls, number, kWebSocketStreams);
}

std::unique_ptr<Client> grpc_calls(World& world, bool tls, unsigned number) {
    if (!world.grpc) return nullptr;
    return std::make_unique<H2Client>(world, *world.grpc, tls, number, kGrpcStreams);
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
    ClientSort{"--h2", "HTTP/2, with 14 streams of five kinds each", 8, 2, true, h2_requests},
    ClientSort{"--websockets", "WebSockets", 24, 4, false, client<WebSocketClient>},
    ClientSort{"--h2-websockets", "HTTP/2, with 6 WebSockets each", 4, 2, true, h2_websockets},
    ClientSort{"--grpc", "HTTP/2, with 8 calls of gRPC each", 4, 2, true, grpc_calls},
};

}  // namespace

std::span<const ClientSort> client_sorts() noexcept {
    return kSorts;
}

}  // namespace switchyard::bench
