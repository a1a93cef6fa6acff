#include "bench/switch/websocket_client.hpp"

#include "bench/common/clock.hpp"
#include "support/websocket_frames.hpp"

#include <utility>

namespace switchyard::bench {
namespace {

using test::FrameRead;
using test::WebSocketFrame;

constexpr std::int64_t kTick = 25 * kMillisecond;
constexpr std::int64_t kPauseAfterEnd = 10 * kMillisecond;
constexpr std::int64_t kPauseAfterFailure = 50 * kMillisecond;
/// From a goodbye to the end of the connection: the proxy gives the others 10 s at most.
constexpr std::int64_t kGoodbye = 15'000 * kMillisecond;
constexpr std::size_t kMostUnderWay = 4;

}  // namespace

WebSocketClient::WebSocketClient(World& world, bool tls, unsigned number)
    : world_(world),
      tls_(tls),
      check_(world, Kind::websocket, tls ? Transport::http1_tls : Transport::http1),
      maker_(Kind::websocket, number, world.host) {}

std::string WebSocketClient::waits_for() const {
    switch (phase_) {
        case Phase::closed:
        case Phase::connecting:
            return "a connection for a WebSocket";
        case Phase::asking:
            return "the upgrade of " + check_.expected().id;
        default:
            return "the end of the WebSocket " + check_.expected().id;
    }
}

void WebSocketClient::connect() {
    in_.clear();
    out_.clear();
    sent_ = 0;
    reader_.reset();
    std::size_t head_bytes = 0;
    Expected expected = maker_.make(out_, head_bytes);
    expected.waited_since = now_ns();
    check_.expect(std::move(expected));
    enter(Phase::connecting);
    if (!stream_.connect(tls_ ? world_.encrypted : world_.plain, tls_ ? world_.tls : nullptr,
                         world_.host))
        return lose(stream_.error());
    if (!world_.watch(stream_.fd(), this)) return lose("epoll_ctl failed");
    pump();
}

void WebSocketClient::on_time() {
    alarm_set_ = false;
    if (done_) return;
    const std::int64_t now = now_ns();
    switch (phase_) {
        case Phase::closed:
            if (!world_.stopping) return connect();
            done_ = true;
            return;
        case Phase::open:
            if (world_.stopping || now >= leaves_at_)
                leave();
            else if (messages_.under_way() < kMostUnderWay)
                send_message();
            break;
        case Phase::leaving:
        case Phase::closing:
            if (now >= give_up_at_) return lose("no end within 15 s of the goodbye");
            break;
        default:
            return;
    }
    wake_in(kTick);
    pump();
}

void WebSocketClient::pump() {
    if (phase_ == Phase::connecting) {
        const IoResult result = stream_.handshake();
        if (result.status == Io::failed || result.status == Io::closed)
            return lose(stream_.error());
        if (result.status != Io::done) return;
        Expected expected = check_.expected();
        expected.began = now_ns();
        check_.expect(std::move(expected));
        check_.begin();
        enter(Phase::asking);
    }
    if (phase_ == Phase::closed) return;
    if (flush() && receive()) flush();
}

bool WebSocketClient::flush() {
    while (sent_ < out_.size()) {
        const IoResult result = stream_.write(out_.data() + sent_, out_.size() - sent_);
        // A reset may have an answer before it; a goodbye that comes too late is no matter.
        if (result.status == Io::failed) {
            const std::string why = stream_.error();
            if (receive() && phase_ != Phase::closed) end_of_connection(why);
            return false;
        }
        if (result.status != Io::done) return true;
        sent_ += result.bytes;
    }
    out_.clear();
    sent_ = 0;
    return true;
}

/// False: the connection is over.
bool WebSocketClient::receive() {
    for (;;) {
        const IoResult result = stream_.read(world_.buffer.data(), world_.buffer.size());
        if (result.status == Io::want_read || result.status == Io::want_write) return true;
        if (result.status == Io::failed) return end_of_connection(stream_.error());
        if (result.status == Io::closed) return end_of_connection("closed");
        in_.append(world_.buffer.data(), result.bytes);
        if (phase_ == Phase::asking && !take_head()) return false;
        if (phase_ != Phase::asking && !take_frames()) return false;
    }
}

bool WebSocketClient::take_head() {
    in_.erase(0, reader_.feed(in_));
    if (reader_.state() == ResponseReader::State::broken) {
        lose(std::string("malformed answer: ") + reader_.reason());
        return false;
    }
    if (reader_.state() != ResponseReader::State::complete) return true;
    const ResponseHead& head = reader_.head();
    check_.head(head);
    const auto colour = parse_colour(head.colour);
    if (head.status != 101 || !colour) {
        check_.finish(head, true);
        stream_.close();
        enter(Phase::closed);
        wake_in(kPauseAfterFailure);
        return false;
    }
    const std::int64_t now = now_ns();
    messages_.opened(*colour, check_.expected().began);
    // Half a second to three: so that there are always some that have seen no switch, and many.
    leaves_at_ = now + static_cast<std::int64_t>(500 + maker_.random(2500)) * kMillisecond;
    enter(Phase::open);
    wake_in(kTick);
    return true;
}

bool WebSocketClient::take_frames() {
    for (;;) {
        WebSocketFrame frame;
        std::size_t size = 0;
        const FrameRead read = test::read_frame(in_, false, frame, size);
        if (read == FrameRead::need_more) return true;
        if (read == FrameRead::bad || phase_ == Phase::closing) {
            lose(read == FrameRead::bad ? "octets that are no frame" : "a frame after the goodbye");
            return false;
        }
        in_.erase(0, size);
        if (frame.opcode == WebSocketFrame::close) {
            if (!take_close(frame.close_code().value_or(1005), frame.payload)) return false;
            continue;
        }
        std::int64_t round_trip = 0;
        const std::string wrong = messages_.message(frame.payload, now_ns(), round_trip);
        if (!wrong.empty()) {
            lose(wrong);
            return false;
        }
        if (round_trip == 0) continue;
        ++world_.tally.messages;
        check_.took(round_trip);
    }
}

bool WebSocketClient::take_close(int code, std::string_view payload) {
    bool told = false;
    const std::string wrong =
        messages_.closed(code, world_.timeline, world_.tunnels, now_ns(), told);
    if (told) ++world_.tally.told_to_leave;
    if (!wrong.empty()) {
        check_.violate("C11", check_.expected().id, wrong);
    }
    if (phase_ == Phase::open)
        test::append_frame(out_, WebSocketFrame::close, payload.substr(0, 2),
                           static_cast<std::uint32_t>(maker_.random(0xffffffff)));
    enter(Phase::closing);
    give_up_at_ = now_ns() + kGoodbye;
    return flush();
}

/// Always false. It is in order when goodbyes were said.
bool WebSocketClient::end_of_connection(const std::string& how) {
    if (phase_ != Phase::closing) {
        lose(phase_ == Phase::asking ? "connection lost: " + how : messages_.vanished(how));
        return false;
    }
    check_.finish(reader_.head(), true);
    stream_.close();
    enter(Phase::closed);
    wake_in(kPauseAfterEnd);
    return false;
}

void WebSocketClient::send_message() {
    const std::size_t filling = maker_.random(8) == 0 ? maker_.random(40'000) : maker_.random(200);
    test::append_frame(out_, WebSocketFrame::text, messages_.next_message(now_ns(), filling),
                       static_cast<std::uint32_t>(maker_.random(0xffffffff)));
}

void WebSocketClient::leave() {
    messages_.leaves();
    test::append_frame(out_, WebSocketFrame::close, test::close_payload(test::kNormalClosure),
                       static_cast<std::uint32_t>(maker_.random(0xffffffff)));
    enter(Phase::leaving);
    give_up_at_ = now_ns() + kGoodbye;
}

/// Keeps count of the WebSockets that nobody has said goodbye to.
void WebSocketClient::enter(Phase phase) {
    auto& open = world_.tunnels.open;
    if (phase_ == Phase::open) --open[index_of(messages_.slot())];
    phase_ = phase;
    if (phase_ == Phase::open) ++open[index_of(messages_.slot())];
}

void WebSocketClient::lose(const std::string& why) {
    stream_.close();
    if (phase_ == Phase::connecting)
        check_.violate("C5", "-", "a WebSocket cannot connect: " + why);
    else
        check_.lose(why);
    enter(Phase::closed);
    wake_in(kPauseAfterFailure);
}

void WebSocketClient::wake_in(std::int64_t nanoseconds) {
    if (alarm_set_) return;
    alarm_set_ = true;
    world_.alarms.emplace(now_ns() + nanoseconds, this);
}

}  // namespace switchyard::bench
