#include "bench/switch/kinds.hpp"

#include <array>

namespace switchyard::bench {
namespace {

constexpr std::array<Behaviour, kKinds> kBehaviours = {{
    {.name = "keep-alive", .letter = 'k'},
    {.name = "new connection", .letter = 'n', .reconnects = true},
    {.name = "pipelined", .letter = 'p', .burst = 8},
    {.name = "slow upload", .letter = 'u', .write_piece = 4096, .write_pause = 25 * kMillisecond},
    {.name = "slow download",
     .letter = 'd',
     .read_piece = 24 * 1024,
     .read_pause = 20 * kMillisecond},
    {.name = "long poll", .letter = 'l'},
    {.name = "leaver", .letter = 'x', .reconnects = true, .leaves_after = 32 * 1024},
    {.name = "WebSocket", .letter = 'w'},
    {.name = "gRPC both ways", .letter = 'g'},
    {.name = "gRPC stream", .letter = 's'},
}};

constexpr std::array<const char*, kTransports> kSuffixes = {"", ", TLS", ", h2c", ", h2"};

}  // namespace

const Behaviour& behaviour(Kind kind) noexcept {
    return kBehaviours[index_of(kind)];
}

const char* suffix(Transport transport) noexcept {
    return kSuffixes[index_of(transport)];
}

}  // namespace switchyard::bench
