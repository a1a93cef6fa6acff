// The chunked coding is decoded to the same data and trailers however the octets arrive. The first
// octet chooses the pieces.
// depends: switchyard_h1 switchyard_http
#include "fuzz/h1_check.hpp"
#include "h1/chunk_decoder.hpp"
#include "h1/serialize.hpp"

#include <algorithm>

namespace {

using namespace switchyard;
using Status = h1::ChunkDecoder::Status;

struct Decoded {
    Status status = Status::more;
    std::string data;
    std::size_t consumed = 0;
    std::string trailers;
    bool operator==(const Decoded&) const = default;
};

/// `seed` 0: all at once; otherwise pieces of 1 to `seed` octets.
Decoded decode(std::string_view octets, std::size_t seed) {
    h1::ChunkDecoder decoder;
    decoder.start();
    Decoded out;
    std::size_t turn = 0;
    while (!octets.empty()) {
        const std::size_t size =
            seed == 0 ? octets.size() : std::min(octets.size(), 1 + (turn++ * 7 + seed) % seed);
        // Memory of exactly this size: a read or a write past it is seen.
        std::vector<char> piece(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(size));
        const auto step = decoder.decode(piece.data(), piece.size());
        fuzz::require(step.consumed <= size && step.produced <= step.consumed,
                      "it stays in bounds");
        out.status = step.status;
        if (step.status == Status::failed) return {Status::failed, {}, 0, {}};
        out.data.append(piece.data(), step.produced);
        out.consumed += step.consumed;
        octets.remove_prefix(step.consumed);
        if (step.status == Status::done) {
            h1::append_fields(out.trailers, decoder.trailers());
            return out;
        }
        fuzz::require(step.consumed == size, "what is not done takes all there is");
    }
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
    const Decoded whole = decode(octets, 0);
    fuzz::require(whole == decode(octets, 1), "octet by octet makes no difference");
    fuzz::require(whole == decode(octets, 1 + data[0]), "pieces make no difference");
    if (whole.status != Status::done) return 0;
    fuzz::lines_of("trailers\r\n" + whole.trailers + "\r\n");
    for (const char* name : {"Content-Length", "Transfer-Encoding", "Host", "Connection"}) {
        const std::string head = "trailers\r\n" + whole.trailers + "\r\n";
        fuzz::require(fuzz::count(fuzz::lines_of(head), name) == 0, "no framing in trailers", name);
    }
    return 0;
}
