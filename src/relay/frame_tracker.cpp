#include "relay/frame_tracker.hpp"

#include <algorithm>

namespace switchyard::relay {

namespace {

// RFC 6455 §5.2.
constexpr unsigned kFin = 0x80;
constexpr unsigned kOpcode = 0x0f;
constexpr unsigned kMask = 0x80;
constexpr unsigned kContinuation = 0x0;
constexpr unsigned kBinary = 0x2;
constexpr unsigned kClose = 0x8;
constexpr unsigned kPong = 0xa;
constexpr unsigned kShortest16 = 126;  ///< The length follows in two octets ...
constexpr unsigned kLength64 = 127;    ///< ... or in eight.
constexpr unsigned kGoingAway = 1001;

}  // namespace

std::size_t FrameTracker::follow(std::string_view octets, Stop stop) noexcept {
    std::size_t at = 0;
    for (;;) {
        if (broken_) return octets.size();
        if (closed_ || stops(stop)) return at;
        if (at == octets.size()) return at;
        if (payload_left_ != 0) {
            const auto part = std::min<std::uint64_t>(payload_left_, octets.size() - at);
            payload_left_ -= part;
            at += static_cast<std::size_t>(part);
            if (payload_left_ == 0) end_frame();
        } else {
            take_header(static_cast<unsigned char>(octets[at++]));
        }
    }
}

void FrameTracker::take_header(unsigned char octet) noexcept {
    header_[header_size_++] = octet;
    if (header_size_ == 1) {
        const unsigned opcode = octet & kOpcode;
        const bool control = opcode >= kClose;
        const bool fin = (octet & kFin) != 0;
        // Reserved opcodes have a meaning only in extensions that nobody here knows. A control
        // frame is never fragmented; a message goes on with continuations, and with nothing else.
        broken_ = control ? opcode > kPong || !fin
                          : opcode > kBinary || (opcode == kContinuation) != in_message_;
        return;
    }
    if (header_size_ == 2) {
        const unsigned length = octet & 0x7fU;
        const bool control = (header_[0] & kOpcode) >= kClose;
        header_whole_ = 2;
        if (length == kShortest16) header_whole_ += 2;
        if (length == kLength64) header_whole_ += 8;
        if (masked_) header_whole_ += 4;
        broken_ = ((octet & kMask) != 0) != masked_ || (control && length >= kShortest16);
        if (broken_) return;
    }
    if (header_size_ == header_whole_) begin_frame();
}

/// The header is complete.
void FrameTracker::begin_frame() noexcept {
    std::uint64_t length = header_[1] & 0x7fU;
    std::size_t extra = 0;
    if (length == kShortest16) extra = 2;
    if (length == kLength64) extra = 8;
    if (extra != 0) {
        length = 0;
        for (std::size_t i = 0; i < extra; ++i)
            length = length << 8 | header_[2 + i];
        // The shortest form is demanded, and the first bit of a long one is 0.
        const bool long_form = extra == 8;
        if (length < (long_form ? 0x10000U : kShortest16) || (long_form && length >> 63 != 0)) {
            broken_ = true;
            return;
        }
    }
    const unsigned opcode = header_[0] & kOpcode;
    close_ = opcode == kClose;
    if (opcode < kClose) in_message_ = (header_[0] & kFin) == 0;
    header_size_ = 0;
    payload_left_ = length;
    if (length == 0) end_frame();
}

void FrameTracker::end_frame() noexcept {
    closed_ = close_;
}

CloseFrame CloseFrame::to_client() noexcept {
    CloseFrame frame;
    frame.octets = {static_cast<char>(kFin | kClose), 2, static_cast<char>(kGoingAway >> 8),
                    static_cast<char>(kGoingAway & 0xff)};
    frame.size = 4;
    return frame;
}

CloseFrame CloseFrame::to_server(std::uint32_t key) noexcept {
    CloseFrame frame;
    const auto octet = [key](unsigned place) { return key >> (8 * place) & 0xff; };
    frame.octets = {static_cast<char>(kFin | kClose),
                    static_cast<char>(kMask | 2U),
                    static_cast<char>(octet(0)),
                    static_cast<char>(octet(1)),
                    static_cast<char>(octet(2)),
                    static_cast<char>(octet(3)),
                    static_cast<char>((kGoingAway >> 8) ^ octet(0)),
                    static_cast<char>((kGoingAway & 0xff) ^ octet(1))};
    frame.size = 8;
    return frame;
}

}  // namespace switchyard::relay
