#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <openssl/evp.h>
#include <openssl/sha.h>

/// Frames of WebSockets (RFC 6455) for the ends of a connection: the origin and the benchmark's
/// clients. What a tunnel does with frames is `relay/frame_tracker`, which must not share this.
namespace switchyard::test {

inline constexpr std::uint16_t kGoingAway = 1001;  ///< RFC 6455 §7.4.1
inline constexpr std::uint16_t kNormalClosure = 1000;

struct WebSocketFrame {
    enum Opcode : std::uint8_t {
        continuation = 0x0,
        text = 0x1,
        binary = 0x2,
        close = 0x8,
        ping = 0x9,
        pong = 0xa,
    };
    bool fin = true;
    std::uint8_t opcode = text;
    std::string payload;  ///< Not masked.

    /// Of a Close frame; none when it says none.
    [[nodiscard]] std::optional<std::uint16_t> close_code() const noexcept {
        if (opcode != close || payload.size() < 2) return std::nullopt;
        return static_cast<std::uint16_t>(static_cast<unsigned char>(payload[0]) << 8 |
                                          static_cast<unsigned char>(payload[1]));
    }
};

enum class FrameRead : std::uint8_t { need_more, complete, bad };

/// Reads one frame from the front of `input`, strictly: no reserved bit, no unknown opcode, masked
/// exactly if it came from a client (RFC 6455 §5.1), at most 1 MiB. On `complete`, `consumed` says
/// how many octets it took.
inline FrameRead read_frame(std::string_view input, bool from_client, WebSocketFrame& frame,
                            std::size_t& consumed) {
    constexpr std::uint64_t kMost = 1024 * 1024;
    const auto octet = [&](std::size_t at) { return static_cast<unsigned char>(input[at]); };
    if (input.size() < 2) return FrameRead::need_more;
    frame.fin = (octet(0) & 0x80) != 0;
    frame.opcode = octet(0) & 0x0f;
    const bool control = (frame.opcode & 0x8) != 0;
    const bool known =
        frame.opcode <= WebSocketFrame::binary || (control && frame.opcode <= WebSocketFrame::pong);
    const bool masked = (octet(1) & 0x80) != 0;
    std::uint64_t size = octet(1) & 0x7f;
    if ((octet(0) & 0x70) != 0 || !known || masked != from_client) return FrameRead::bad;
    if (control && (!frame.fin || size > 125)) return FrameRead::bad;
    std::size_t at = 2;
    if (size >= 126) {
        const std::size_t octets = size == 126 ? 2 : 8;
        if (input.size() < at + octets) return FrameRead::need_more;
        size = 0;
        for (std::size_t i = 0; i < octets; ++i)
            size = size << 8 | octet(at++);
    }
    if (size > kMost) return FrameRead::bad;
    std::array<char, 4> mask{};
    if (masked) {
        if (input.size() < at + mask.size()) return FrameRead::need_more;
        for (char& one : mask)
            one = input[at++];
    }
    if (input.size() - at < size) return FrameRead::need_more;
    frame.payload = input.substr(at, static_cast<std::size_t>(size));
    for (std::size_t i = 0; masked && i < frame.payload.size(); ++i)
        frame.payload[i] = static_cast<char>(frame.payload[i] ^ mask[i % mask.size()]);
    consumed = at + static_cast<std::size_t>(size);
    return FrameRead::complete;
}

/// Appends one whole frame; masked with `mask` if that is given (a client's has to be).
inline void append_frame(std::string& out, std::uint8_t opcode, std::string_view payload,
                         std::optional<std::uint32_t> mask = {}) {
    const char masked = mask ? '\x80' : '\0';
    out += static_cast<char>(0x80 | opcode);
    const auto append_number = [&out](std::uint64_t number, int octets) {
        for (int shift = 8 * (octets - 1); shift >= 0; shift -= 8)
            out += static_cast<char>(number >> shift & 0xff);
    };
    if (payload.size() < 126) {
        out += static_cast<char>(masked | static_cast<char>(payload.size()));
    } else if (payload.size() < 65536) {
        out += static_cast<char>(masked | 126);
        append_number(payload.size(), 2);
    } else {
        out += static_cast<char>(masked | 127);
        append_number(payload.size(), 8);
    }
    if (!mask) {
        out += payload;
        return;
    }
    append_number(*mask, 4);
    for (std::size_t i = 0; i < payload.size(); ++i)
        out += static_cast<char>(payload[i] ^ static_cast<char>(*mask >> (8 * (3 - i % 4))));
}

/// The payload of a Close frame.
inline std::string close_payload(std::uint16_t code) {
    return {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
}

/// Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455 §4.2.2).
inline std::string websocket_accept(std::string_view key) {
    const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
    SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    std::array<unsigned char, 32> base64{};
    const int size = EVP_EncodeBlock(base64.data(), digest.data(), SHA_DIGEST_LENGTH);
    return {reinterpret_cast<const char*>(base64.data()), static_cast<std::size_t>(size)};
}

}  // namespace switchyard::test
