#include "bench/switch/websocket_talk.hpp"

#include "bench/common/clock.hpp"
#include "support/websocket_frames.hpp"

namespace switchyard::bench {
namespace {

using test::FrameRead;
using test::WebSocketFrame;

/// From a goodbye to the end of the connection: the proxy gives the others 10 s at most.
constexpr std::int64_t kGoodbye = 15'000 * kMillisecond;
constexpr std::size_t kMostUnderWay = 4;

}  // namespace

WebSocketTalk::WebSocketTalk(World& world, Service& service, AnswerCheck& check,
                             RequestMaker& maker)
    : world_(world), service_(service), check_(check), maker_(maker) {}

void WebSocketTalk::opened(Colour slot) {
    in_.clear();
    out.clear();
    messages_.opened(slot, check_.expected().began);
    // Half a second to three: so that there are always some that have seen no switch, and many.
    leaves_at_ = now_ns() + static_cast<std::int64_t>(500 + maker_.random(2500)) * kMillisecond;
    enter(Phase::open);
}

std::string WebSocketTalk::take(std::string_view octets) {
    in_ += octets;
    for (;;) {
        WebSocketFrame frame;
        std::size_t size = 0;
        const FrameRead read = test::read_frame(in_, false, frame, size);
        if (read == FrameRead::need_more) return "";
        if (read == FrameRead::bad) return "octets that are no frame";
        if (phase_ == Phase::closing) return "a frame after the goodbye";
        in_.erase(0, size);
        if (frame.opcode == WebSocketFrame::close) {
            take_close(frame.close_code().value_or(1005), frame.payload);
            continue;
        }
        std::int64_t round_trip = 0;
        const std::string wrong = messages_.message(frame.payload, now_ns(), round_trip);
        if (!wrong.empty()) return wrong;
        if (round_trip == 0) continue;
        ++world_.tally.messages;
        check_.took(round_trip);
    }
}

std::string WebSocketTalk::tick() {
    const std::int64_t now = now_ns();
    if (phase_ == Phase::open) {
        const bool waits = service_.tunnels.to_be_told == messages_.slot();
        if (world_.stopping || (now >= leaves_at_ && !waits))
            leave(now);
        else if (messages_.under_way() < kMostUnderWay)
            send_message(now);
    } else if (phase_ != Phase::closed && now >= give_up_at_) {
        return "no end within 15 s of the goodbye";
    }
    return "";
}

std::string WebSocketTalk::peer_ended(const std::string& how) const {
    return all_said() ? "" : messages_.vanished(how);
}

void WebSocketTalk::take_close(int code, std::string_view payload) {
    bool told = false;
    const std::string wrong =
        messages_.closed(code, service_.timeline, service_.tunnels, now_ns(), told);
    if (told) ++world_.tally.told_to_leave;
    if (!wrong.empty()) check_.violate("C11", check_.expected().id, wrong);
    if (phase_ == Phase::open)
        test::append_frame(out, WebSocketFrame::close, payload.substr(0, 2), mask());
    enter(Phase::closing);
    give_up_at_ = now_ns() + kGoodbye;
}

void WebSocketTalk::send_message(std::int64_t now) {
    const std::size_t filling = maker_.random(8) == 0 ? maker_.random(40'000) : maker_.random(200);
    test::append_frame(out, WebSocketFrame::text, messages_.next_message(now, filling), mask());
}

void WebSocketTalk::leave(std::int64_t now) {
    messages_.leaves();
    test::append_frame(out, WebSocketFrame::close, test::close_payload(test::kNormalClosure),
                       mask());
    enter(Phase::leaving);
    give_up_at_ = now + kGoodbye;
}

/// Keeps count of the WebSockets that nobody has said goodbye to.
void WebSocketTalk::enter(Phase phase) {
    auto& open = service_.tunnels.open;
    if (phase_ == Phase::open) --open[index_of(messages_.slot())];
    phase_ = phase;
    if (phase_ == Phase::open) ++open[index_of(messages_.slot())];
}

}  // namespace switchyard::bench
