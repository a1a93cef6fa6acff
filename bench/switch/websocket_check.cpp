#include "bench/switch/websocket_check.hpp"

#include "support/websocket_frames.hpp"

namespace switchyard::bench {
namespace {

/// A goodbye may come so long after its slot became live again: it waits for the end of a message
/// for 2 s, and the bench itself may be late.
constexpr std::int64_t kGrace = 3'000 * kMillisecond;

std::string shortened(std::string_view text) {
    return "'" + std::string(text.substr(0, 40)) + (text.size() > 40 ? "...'" : "'");
}

}  // namespace

void WebSocketCheck::opened(Colour slot, std::int64_t began) {
    slot_ = slot;
    began_ = began;
    greeted_ = leaving_ = false;
    number_ = 0;
    sent_.clear();
}

std::string WebSocketCheck::name() const {
    return "a WebSocket on " + std::string(to_string(slot_));
}

std::string WebSocketCheck::next_message(std::int64_t now, std::size_t filling) {
    std::string text = std::to_string(++number_) + " " + std::string(filling, 'x');
    sent_.push_back({text, now});
    return text;
}

std::string WebSocketCheck::message(std::string_view text, std::int64_t now,
                                    std::int64_t& round_trip) {
    round_trip = 0;
    if (!greeted_) {
        greeted_ = true;
        const std::string greeting = std::string(to_string(slot_)) + " ";
        return text.starts_with(greeting) ? "" : name() + " began with " + shortened(text);
    }
    if (sent_.empty()) return name() + " got a message that nobody asked for: " + shortened(text);
    const std::string wanted = std::string(to_string(slot_)) + ": " + sent_.front().text;
    round_trip = now - sent_.front().at;
    sent_.pop_front();
    if (text == wanted) return "";
    return name() + " got " + shortened(text) + " instead of " + shortened(wanted);
}

std::string WebSocketCheck::closed(int code, const Timeline& timeline, const Tunnels& tunnels,
                                   std::int64_t now, bool& told) const {
    told = false;
    if (leaving_ && code == test::kNormalClosure)
        return sent_.empty() ? "" : name() + " lost messages that were sent before its goodbye";
    if (code != test::kGoingAway) return name() + " was closed with " + std::to_string(code);
    told = true;
    if (tunnels.policy == Tunnels::Policy::keep)
        return name() + " was told to go away, though the policy is to keep it";
    if (tunnels.policy == Tunnels::Policy::cut)
        return name() + " was told to go away, though the policy is to cut it";
    const std::int64_t away = timeline.last_away(slot_, now);
    if (away < began_)
        return name() + " was told to go away, though its slot has been live ever since";
    if (now - away > kGrace)
        return name() + " was told to go away " + std::to_string((now - away) / kMillisecond) +
               " ms after its slot had become live again";
    return "";
}

std::string WebSocketCheck::vanished(const std::string& how) const {
    return name() + " ended without a goodbye: " + how;
}

}  // namespace switchyard::bench
