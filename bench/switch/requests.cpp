#include "bench/switch/requests.hpp"

#include "support/crc32.hpp"

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

Expected RequestMaker::make(std::string& out, std::size_t& head_bytes) {
    Expected expected;
    expected.id = prefix_ + std::to_string(++sequence_);
    const std::size_t before = out.size();
    if (kind_ == Kind::upload) {
        append_upload(out, expected, head_bytes);
        return expected;
    }
    out += "GET ";
    const bool chunked = random(4) == 0;
    switch (kind_) {
        case Kind::long_poll:
            expected.body = Expected::Body::greeting;
            out += "/sleep?ms=" + std::to_string(100 + random(400));
            break;
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
    if (expected.body == Expected::Body::pattern) {
        out += "/bytes?n=" + std::to_string(expected.bytes);
        if (chunked) out += "&chunked=1";
        if (kind_ == Kind::leaver) out += "&rate=1000000";
    }
    out += " HTTP/1.1\r\nHost: " + host_ + "\r\nX-Test-Id: " + expected.id + "\r\n";
    if (kind_ == Kind::fresh && sequence_ % 2 == 0) {
        expected.asked_to_close = true;
        out += "Connection: close\r\n";
    }
    out += "\r\n";
    head_bytes = out.size() - before;
    return expected;
}

void RequestMaker::append_upload(std::string& out, Expected& expected, std::size_t& head_bytes) {
    const std::size_t before = out.size();
    const bool chunked = random(2) == 0;
    const std::size_t size = kUploadBytes / 2 + random(kUploadBytes / 2);
    const std::string_view body =
        std::string_view(upload_pool()).substr(random(kUploadPool - size), size);
    expected.body = Expected::Body::upload;
    expected.bytes = size;
    expected.crc32 = test::crc32(body);
    out += "POST /upload HTTP/1.1\r\nHost: " + host_ + "\r\nX-Test-Id: " + expected.id +
           "\r\nContent-Type: application/octet-stream\r\n";
    out += chunked ? std::string("Transfer-Encoding: chunked\r\n\r\n")
                   : "Content-Length: " + std::to_string(size) + "\r\n\r\n";
    head_bytes = out.size() - before;
    if (!chunked) {
        out += body;
        return;
    }
    for (std::size_t at = 0; at < body.size();) {
        const std::size_t piece = std::min<std::size_t>(1 + random(8000), body.size() - at);
        append_chunk(out, body.substr(at, piece));
        at += piece;
    }
    out += "0\r\n\r\n";
}

}  // namespace switchyard::bench
