#include "bench/switch/http1_client.hpp"

#include "bench/common/clock.hpp"
#include "bench/switch/pauses.hpp"

#include <algorithm>
#include <sys/socket.h>
#include <utility>

namespace switchyard::bench {
namespace {

constexpr std::int64_t kPauseOfHttp1Leavers = 100 * kMillisecond;

/// Every second pair of clients, like a browser. Not who sends several requests at once: the answer
/// that comes last would say where it stays.
bool keeps_cookies(Kind kind, unsigned number) noexcept {
    return behaviour(kind).burst == 1 && number / 2 % 2 == 0;
}

}  // namespace

Http1Client::Http1Client(World& world, Kind kind, bool tls, unsigned number)
    : world_(world),
      tls_(tls),
      behaviour_(behaviour(kind)),
      check_(world, world.app, kind, tls ? Transport::http1_tls : Transport::http1,
             keeps_cookies(kind, number) ? AnswerCheck::Identity::cookie
                                         : AnswerCheck::Identity::none),
      maker_(kind, number, world.app.host),
      reader_(this) {}

std::string Http1Client::waits_for() const {
    if (!awaiting_) return "nothing";
    return "request " + check_.expected().id + (check_.has_head() ? " (body)" : " (head)");
}

void Http1Client::connect() {
    connect_began_ = now_ns();
    peer_ended_ = false;
    phase_ = Phase::connecting;
    if (!stream_.connect(tls_ ? world_.encrypted : world_.plain, tls_ ? world_.tls : nullptr,
                         world_.app.host))
        return lose(stream_.error());
    if (behaviour_.read_piece) {
        // A small window, so that the slow reader is felt all the way up to the origin.
        const int bytes = 32 * 1024;
        setsockopt(stream_.fd(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    }
    if (!world_.watch(stream_.fd(), this)) return lose("epoll_ctl failed");
    pump();
}

void Http1Client::on_ready(std::uint32_t events) {
    if (events & EPOLLRDHUP) peer_ended_ = true;
    if (!resting_) pump();
}

void Http1Client::on_time() {
    alarm_set_ = false;
    resting_ = false;
    if (phase_ == Phase::closed) {
        if (!done_) world_.stopping ? retire() : connect();
        return;
    }
    may_send_ = std::min(out_.size(), may_send_ + behaviour_.write_piece);
    pump();
}

void Http1Client::pump() {
    if (phase_ == Phase::connecting) {
        const IoResult result = stream_.handshake();
        if (result.status == Io::failed || result.status == Io::closed)
            return lose(stream_.error());
        if (result.status != Io::done) return;
        phase_ = Phase::open;
    }
    while (phase_ == Phase::open) {
        if (!awaiting_) {
            if (world_.stopping) return retire();
            begin_burst();
            // The answer to what has just been written announces itself.
            if (!flush() || !stream_.has_buffered()) return;
        } else if (!flush()) {
            return;
        }
        if (!receive()) return;
    }
}

void Http1Client::begin_burst() {
    out_.clear();
    sent_ = 0;
    std::size_t head_bytes = 0;
    const std::int64_t now = now_ns();
    for (unsigned i = 0; i < behaviour_.burst; ++i) {
        Expected expected = maker_.make(out_, head_bytes, check_.cookie());
        expected.began = now;
        expected.waited_since = connect_began_ ? connect_began_ : now;
        behind_.push_back(std::move(expected));
    }
    connect_began_ = 0;
    check_.begin(behaviour_.burst);
    may_send_ = behaviour_.write_piece ? head_bytes : out_.size();
    next_answer();
}

void Http1Client::next_answer() {
    reader_.reset();
    awaiting_ = !behind_.empty();
    if (!awaiting_) return;
    check_.expect(std::move(behind_.front()));
    behind_.pop_front();
}

bool Http1Client::flush() {
    while (sent_ < may_send_) {
        const IoResult result = stream_.write(out_.data() + sent_, may_send_ - sent_);
        if (result.status == Io::failed) {
            // An answer may have come before the reset (an error page, for example).
            const std::string why = stream_.error();
            receive();
            if (phase_ == Phase::open) lose(why);
            return false;
        }
        if (result.status != Io::done) break;
        sent_ += result.bytes;
    }
    if (sent_ == may_send_ && may_send_ < out_.size()) wake_in(behaviour_.write_pause);
    return true;
}

bool Http1Client::receive() {
    for (;;) {
        const std::size_t most =
            behaviour_.read_piece ? behaviour_.read_piece : world_.buffer.size();
        const IoResult result = stream_.read(world_.buffer.data(), most);
        if (result.status == Io::want_read || result.status == Io::want_write) return false;
        if (result.status == Io::failed) {
            lose(stream_.error());
            return false;
        }
        if (result.status == Io::closed) {
            reader_.end_of_stream();
            if (reader_.state() == ResponseReader::State::complete)
                finish_answer();
            else
                lose(reader_.reason());
            return false;
        }
        if (!take({world_.buffer.data(), result.bytes})) return false;
        if (!awaiting_) return true;
        if (behaviour_.leaves_after && reader_.body_bytes() >= behaviour_.leaves_after) {
            leave();
            return false;
        }
        if (behaviour_.read_piece && !stream_.has_buffered()) {
            resting_ = true;
            wake_in(behaviour_.read_pause);
            return false;
        }
        if (!tls_ && !peer_ended_ && result.bytes < most) return false;
    }
}

/// Hands bytes to the answers that are due. False when the connection is gone.
bool Http1Client::take(std::string_view bytes) {
    while (!bytes.empty()) {
        if (!awaiting_) {
            check_.violate("C9", "-",
                           "bytes that belong to no answer on a " + std::string(behaviour_.name) +
                               " connection");
            stream_.close();
            lose("");
            return false;
        }
        bytes.remove_prefix(reader_.feed(bytes));
        if (reader_.state() == ResponseReader::State::head) continue;
        if (reader_.state() == ResponseReader::State::broken) {
            lose(std::string("malformed answer: ") + reader_.reason());
            return false;
        }
        check_.head(reader_.head());
        if (reader_.state() != ResponseReader::State::complete) continue;
        finish_answer();
        if (phase_ != Phase::open) return false;
    }
    return true;
}

void Http1Client::on_body(std::string_view piece) {
    check_.head(reader_.head());
    check_.body(reader_.head(), piece);
}

void Http1Client::finish_answer() {
    const bool sent_all = sent_ == out_.size();
    check_.finish(reader_.head(), sent_all);
    const bool closes = reader_.head().close || !sent_all || behaviour_.reconnects;
    next_answer();
    if (!closes) return;
    if (awaiting_) return lose("the proxy closed in the middle of a pipeline");
    stream_.close();
    phase_ = Phase::closed;
    wake_in(0);
}

void Http1Client::leave() {
    check_.leave(reader_.head());
    stream_.set_abort();
    stream_.close();
    phase_ = Phase::closed;
    awaiting_ = false;
    wake_in(kPauseOfHttp1Leavers);
}

/// The connection is gone against our will: every request that was under way has failed.
void Http1Client::lose(const std::string& why) {
    stream_.close();
    const bool was_open = phase_ == Phase::open;
    phase_ = Phase::closed;
    if (awaiting_) {
        check_.lose("connection lost: " + why);
    } else if (!why.empty()) {
        check_.violate("C5", "-",
                       std::string(behaviour_.name) + (tls_ ? " (TLS)" : "") +
                           (was_open ? " connection lost while idle: " : " cannot connect: ") +
                           why);
    }
    for (const Expected& expected : behind_)
        check_.lose(expected, "connection lost: " + why);
    awaiting_ = false;
    behind_.clear();
    wake_in(kPauseAfterFailure);
}

void Http1Client::wake_in(std::int64_t nanoseconds) {
    if (alarm_set_) return;
    alarm_set_ = true;
    world_.alarms.emplace(now_ns() + nanoseconds, this);
}

void Http1Client::retire() {
    stream_.close();
    phase_ = Phase::closed;
    done_ = true;
}

}  // namespace switchyard::bench
