#include "support/origin/websocket.hpp"

#include "support/websocket_frames.hpp"

namespace switchyard::origin {

using test::FrameRead;
using test::WebSocketFrame;

void WebSocketEcho::open(Colour colour, std::string_view name, std::string& out) {
    colour_ = colour;
    message_.clear();
    opcode_ = 0;
    test::append_frame(out, WebSocketFrame::text,
                       std::string(to_string(colour)) + " " + std::string(name));
}

WebSocketEcho::End WebSocketEcho::feed(std::string_view input, std::size_t& consumed,
                                       std::string& out) {
    constexpr std::uint16_t kProtocolError = 1002;
    consumed = 0;
    for (;;) {
        WebSocketFrame frame;
        std::size_t size = 0;
        FrameRead read = test::read_frame(input.substr(consumed), true, frame, size);
        if (read == FrameRead::need_more) return End::none;
        consumed += size;
        const bool goes_on = frame.opcode == WebSocketFrame::continuation;
        const bool control = (frame.opcode & 0x8) != 0;
        // A message is over before the next one begins (RFC 6455 §5.4).
        if (!control && goes_on != (opcode_ != 0)) read = FrameRead::bad;
        if (read == FrameRead::bad) {
            test::append_frame(out, WebSocketFrame::close, test::close_payload(kProtocolError));
            return End::broken;
        }
        if (frame.opcode == WebSocketFrame::close) {
            test::append_frame(out, WebSocketFrame::close,
                               std::string_view(frame.payload).substr(0, 2));
            return End::closed;
        }
        if (frame.opcode == WebSocketFrame::ping)
            test::append_frame(out, WebSocketFrame::pong, frame.payload);
        if (control) continue;
        if (!goes_on) opcode_ = frame.opcode;
        message_ += frame.payload;
        if (!frame.fin) continue;
        if (opcode_ == WebSocketFrame::text)
            message_.insert(0, std::string(to_string(colour_)) + ": ");
        test::append_frame(out, opcode_, message_);
        message_.clear();
        opcode_ = 0;
    }
}

}  // namespace switchyard::origin
