#include "bench/switch/requests.hpp"

#include "support/crc32.hpp"
#include "support/grpc_messages.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace switchyard::bench {
namespace {

constexpr std::size_t kUploadBytes = 48 * 1024;
constexpr std::size_t kUploadPool = 256 * 1024;
constexpr std::array<unsigned, 10> kSizes = {1,    37,   512,  1024,  1024,
                                             1024, 2000, 4096, 16384, 65536};

/// Bytes without a pattern, from which every upload takes a part.
const std::string& upload_pool() {
    static const std::string pool = [] {
        std::string bytes(kUploadPool, '\0');
        std::uint64_t state = 0x853c49e6748fea9bULL;
        for (char& byte : bytes) {
            state = state * 6364136223846793005ULL + 1442695040888963407ULL;
            byte = static_cast<char>(state >> 56);
        }
        return bytes;
    }();
    return pool;
}

void append_chunk(std::string& out, std::string_view piece) {
    std::array<char, 16> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), piece.size(), 16);
    out.append(digits.data(), end.ptr).append("\r\n").append(piece).append("\r\n");
}

}  // namespace

RequestMaker::RequestMaker(Kind kind, unsigned number, std::string host)
    : kind_(kind),
      host_(std::move(host)),
      prefix_(behaviour(kind).letter + std::to_string(number) + "-"),
      random_((number + 1) * 0x9e3779b97f4a7c15ULL + static_cast<std::uint64_t>(kind)) {}

std::uint64_t RequestMaker::random(std::uint64_t below) noexcept {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    return random_ % below;
}

Request RequestMaker::make() {
    Request request;
    Expected& expected = request.expected;
    expected.id = prefix_ + std::to_string(++sequence_);
    const bool chunked = random(4) == 0;
    switch (kind_) {
        case Kind::upload: {
            const std::size_t size = kUploadBytes / 2 + random(kUploadBytes / 2);
            request.path = "/upload";
            request.chunked = random(2) == 0;
            request.upload =
                std::string_view(upload_pool()).substr(random(kUploadPool - size), size);
            expected.body = Expected::Body::upload;
            expected.bytes = size;
            expected.crc32 = test::crc32(request.upload);
            return request;
        }
        case Kind::long_poll:
            expected.body = Expected::Body::greeting;
            request.path = "/sleep?ms=" + std::to_string(100 + random(400));
            return request;
        case Kind::websocket:
            expected.body = Expected::Body::tunnel;
            request.path = "/ws";
            return request;
        case Kind::grpc_echo:
        case Kind::grpc_watch:
            expected.body = Expected::Body::messages;
            request.path = kind_ == Kind::grpc_echo ? test::kGrpcEcho : test::kGrpcWatch;
            return request;
        case Kind::download:
            expected.bytes = 256 * 1024 + random(256 * 1024);
            break;
        case Kind::leaver:
            // So long and so slow that nobody can have sent all of it before the client leaves.
            expected.bytes = 16 * 1024 * 1024;
            break;
        default:
            expected.bytes = kSizes[random(kSizes.size())];
            break;
    }
    request.path = "/bytes?n=" + std::to_string(expected.bytes);
    if (chunked) request.path += "&chunked=1";
    if (kind_ == Kind::leaver) request.path += "&rate=1000000";
    return request;
}

Expected RequestMaker::make(std::string& out, std::size_t& head_bytes, std::string_view cookie) {
    const std::size_t before = out.size();
    Request request = make();
    out += request.upload.empty() ? "GET " : "POST ";
    out += request.path + " HTTP/1.1\r\nHost: " + host_ + "\r\nX-Test-Id: " + request.expected.id +
           "\r\n";
    if (!cookie.empty()) out.append("Cookie: ").append(cookie).append("\r\n");
    if (kind_ == Kind::fresh && sequence_ % 2 == 0) {
        request.expected.asked_to_close = true;
        out += "Connection: close\r\n";
    }
    if (kind_ == Kind::websocket) {
        // The same nonce each time: nobody caches an upgrade. The accept is that of RFC 6455 §1.3.
        out +=
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    }
    const std::string_view body = request.upload;
    if (!body.empty()) {
        out += "Content-Type: application/octet-stream\r\n";
        out += request.chunked ? std::string("Transfer-Encoding: chunked\r\n")
                               : "Content-Length: " + std::to_string(body.size()) + "\r\n";
    }
    out += "\r\n";
    head_bytes = out.size() - before;
    if (!request.chunked) {
        out += body;
        return request.expected;
    }
    for (std::size_t at = 0; at < body.size();) {
        const std::size_t piece = std::min<std::size_t>(1 + random(8000), body.size() - at);
        append_chunk(out, body.substr(at, piece));
        at += piece;
    }
    out += "0\r\n\r\n";
    return request.expected;
}

}  // namespace switchyard::bench
