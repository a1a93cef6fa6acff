#include "bench/switch/websocket_client.hpp"

#include "bench/common/clock.hpp"
#include "bench/switch/pauses.hpp"

#include <utility>

namespace switchyard::bench {
namespace {

constexpr std::int64_t kWebSocketTick = 25 * kMillisecond;

}  // namespace

WebSocketClient::WebSocketClient(World& world, bool tls, unsigned number)
    : world_(world),
      tls_(tls),
      check_(world, world.app, Kind::websocket, tls ? Transport::http1_tls : Transport::http1,
             number / 2 % 2 == 0 ? AnswerCheck::Identity::cookie : AnswerCheck::Identity::none),
      maker_(Kind::websocket, number, world.app.host),
      talk_(world, world.app, check_, maker_) {}

std::string WebSocketClient::waits_for() const {
    switch (phase_) {
        case Phase::closed:
        case Phase::connecting:
            return "a connection for a WebSocket";
        case Phase::asking:
            return "the upgrade of " + check_.expected().id;
        case Phase::talking:
            break;
    }
    return "the end of the WebSocket " + check_.expected().id;
}

void WebSocketClient::connect() {
    in_.clear();
    out_.clear();
    sent_ = 0;
    reader_.reset();
    std::size_t head_bytes = 0;
    Expected expected = maker_.make(out_, head_bytes, check_.cookie());
    expected.waited_since = now_ns();
    check_.expect(std::move(expected));
    phase_ = Phase::connecting;
    if (!stream_.connect(tls_ ? world_.encrypted : world_.plain, tls_ ? world_.tls : nullptr,
                         world_.app.host))
        return lose(stream_.error());
    if (!world_.watch(stream_.fd(), this)) return lose("epoll_ctl failed");
    pump();
}

void WebSocketClient::on_time() {
    alarm_set_ = false;
    if (done_) return;
    if (phase_ == Phase::closed) {
        if (!world_.stopping) return connect();
        done_ = true;
        return;
    }
    if (phase_ != Phase::talking) return;
    if (const std::string wrong = talk_.tick(); !wrong.empty()) return lose(wrong);
    wake_in(kWebSocketTick);
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
        phase_ = Phase::asking;
    }
    if (phase_ == Phase::closed) return;
    if (flush() && receive()) flush();
}

bool WebSocketClient::flush() {
    out_ += std::exchange(talk_.out, {});
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
        if (phase_ != Phase::talking) continue;
        const std::string wrong = talk_.take(in_);
        in_.clear();
        if (wrong.empty()) continue;
        lose(wrong);
        return false;
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
    if (head.status != check_.right_status() || !colour) {
        check_.finish(head, true);
        close_and_wait(kPauseAfterFailure);
        return false;
    }
    talk_.opened(*colour);
    phase_ = Phase::talking;
    wake_in(kWebSocketTick);
    return true;
}

/// Always false. It is in order when goodbyes were said.
bool WebSocketClient::end_of_connection(const std::string& how) {
    const std::string wrong = talk_.is_open() ? talk_.peer_ended(how) : "connection lost: " + how;
    if (!wrong.empty()) {
        lose(wrong);
        return false;
    }
    check_.finish(reader_.head(), true);
    close_and_wait(kPauseAfterEnd);
    return false;
}

void WebSocketClient::lose(const std::string& why) {
    if (phase_ == Phase::connecting)
        check_.violate("C5", "-", "a WebSocket cannot connect: " + why);
    else
        check_.lose(why);
    close_and_wait(kPauseAfterFailure);
}

void WebSocketClient::close_and_wait(std::int64_t nanoseconds) {
    stream_.close();
    talk_.over();
    phase_ = Phase::closed;
    wake_in(nanoseconds);
}

void WebSocketClient::wake_in(std::int64_t nanoseconds) {
    if (alarm_set_) return;
    alarm_set_ = true;
    world_.alarms.emplace(now_ns() + nanoseconds, this);
}

}  // namespace switchyard::bench
