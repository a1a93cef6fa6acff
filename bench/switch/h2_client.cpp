#include "bench/switch/h2_client.hpp"

#include "bench/common/clock.hpp"
#include "bench/switch/answer_check.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace switchyard::bench {
namespace {

constexpr std::int64_t kTick = 20 * kMillisecond;
constexpr std::int64_t kPauseAfterFailure = 50 * kMillisecond;
constexpr std::int64_t kPauseOfLeavers = 200 * kMillisecond;
constexpr std::size_t kEnoughOutput = 64 * 1024;

/// What one connection carries at the same time.
constexpr std::array<Kind, 14> kStreams = {
    Kind::keep_alive, Kind::keep_alive, Kind::keep_alive, Kind::keep_alive, Kind::keep_alive,
    Kind::keep_alive, Kind::upload,     Kind::upload,     Kind::download,   Kind::download,
    Kind::long_poll,  Kind::long_poll,  Kind::long_poll,  Kind::leaver};

}  // namespace

/// One of the streams: a request of its kind after the other.
class H2Client::Visitor final : public H2Exchange {
  public:
    Visitor(World& world, Kind kind, bool tls, unsigned number)
        : world_(world),
          behaviour_(behaviour(kind)),
          tls_(tls),
          check_(world, kind, tls ? Transport::h2_tls : Transport::h2c),
          maker_(kind, number, world.host) {}

    bool active() const noexcept { return active_; }
    std::string waits_for() const {
        return "stream of " + check_.expected().id + (check_.has_head() ? " (body)" : " (head)");
    }

    /// Begins the next request if none is under way. False: the connection takes no more.
    bool begin(H2Connection& connection, std::int64_t now) {
        if (active_ || now < rests_until_) return true;
        Request request = maker_.make();
        request.expected.began = request.expected.waited_since = now;
        upload_ = request.upload;
        sent_ = 0;
        may_send_ = behaviour_.write_piece;
        unread_ = 0;
        leaving_ = false;
        H2Connection::Request fields;
        fields.method = upload_.empty() ? "GET" : "POST";
        fields.path = request.path;
        fields.authority = world_.host;
        fields.scheme = tls_ ? "https" : "http";
        fields.test_id = request.expected.id;
        fields.has_body = !upload_.empty();
        if (fields.has_body && !request.chunked)
            fields.content_length = static_cast<std::int64_t>(upload_.size());
        if (!connection.submit(fields, *this)) return false;
        check_.begin();
        check_.expect(std::move(request.expected));
        active_ = true;
        connection_ = &connection;
        return true;
    }

    /// Slow ones go on by one step.
    void tick() {
        if (!active_) return;
        if (sent_ < upload_.size()) {
            may_send_ = std::min(upload_.size(), may_send_ + behaviour_.write_piece);
            connection_->resume(*this);
        }
        const std::size_t taken = std::min(unread_, behaviour_.read_piece);
        if (taken == 0) return;
        unread_ -= taken;
        connection_->give_window(*this, taken);
    }

    /// The connection is gone.
    void lose(const std::string& why) {
        if (!active_) return;
        active_ = false;
        check_.lose("connection lost: " + why);
    }

    void violate(const char* guarantee, const std::string& text) {
        check_.violate(guarantee, "-", text);
    }

  private:
    void on_head() override { check_.head(head); }

    std::size_t on_body(std::string_view piece) override {
        if (leaving_) return piece.size();
        check_.body(head, piece);
        if (behaviour_.leaves_after && check_.body_bytes() >= behaviour_.leaves_after) {
            leaving_ = true;
            connection_->cancel(*this);
        }
        if (behaviour_.read_piece == 0) return piece.size();
        unread_ += piece.size();
        return 0;
    }

    std::size_t next_body(char* room, std::size_t size, bool& last) override {
        const std::size_t count = std::min(size, std::min(may_send_, upload_.size()) - sent_);
        std::memcpy(room, upload_.data() + sent_, count);
        sent_ += count;
        last = sent_ == upload_.size();
        return count;
    }

    void on_close(bool complete, std::uint32_t code) override {
        active_ = false;
        if (leaving_) {
            check_.leave(head);
            rests_until_ = now_ns() + kPauseOfLeavers;
        } else if (complete) {
            check_.finish(head, sent_ == upload_.size());
        } else {
            check_.lose("stream reset, code " + std::to_string(code));
            rests_until_ = now_ns() + kPauseAfterFailure;
        }
    }

    World& world_;
    const Behaviour& behaviour_;
    const bool tls_;
    AnswerCheck check_;
    RequestMaker maker_;
    H2Connection* connection_ = nullptr;
    bool active_ = false;
    bool leaving_ = false;
    std::int64_t rests_until_ = 0;
    std::string_view upload_;
    std::size_t sent_ = 0;
    std::size_t may_send_ = 0;
    std::size_t unread_ = 0;  // of the stream's window, not given back yet
};

H2Client::H2Client(World& world, bool tls, unsigned number) : world_(world), tls_(tls) {
    unsigned stream = number * 100;
    for (const Kind kind : kStreams)
        visitors_.push_back(std::make_unique<Visitor>(world, kind, tls, ++stream));
}

H2Client::~H2Client() = default;

std::string H2Client::waits_for() const {
    for (const auto& visitor : visitors_)
        if (visitor->active()) return visitor->waits_for();
    return "nothing";
}

void H2Client::connect() {
    phase_ = Phase::connecting;
    connection_ = std::make_unique<H2Connection>(H2Connection::Options{});
    out_.clear();
    sent_ = 0;
    if (!stream_.connect(tls_ ? world_.encrypted : world_.plain, tls_ ? world_.h2_tls : nullptr,
                         world_.host))
        return lose(stream_.error());
    if (!world_.watch(stream_.fd(), this)) return lose("epoll_ctl failed");
    pump();
}

void H2Client::on_ready(std::uint32_t) {
    pump();
}

void H2Client::on_time() {
    alarm_set_ = false;
    if (done_) return;
    if (phase_ == Phase::closed) {
        if (!world_.stopping) return connect();
        done_ = true;
        return;
    }
    for (const auto& visitor : visitors_)
        visitor->tick();
    pump();
}

void H2Client::pump() {
    if (phase_ == Phase::connecting) {
        const IoResult result = stream_.handshake();
        if (result.status == Io::failed || result.status == Io::closed)
            return lose(stream_.error());
        if (result.status != Io::done) return;
        if (tls_ && stream_.protocol() != "h2")
            return lose("the proxy does not agree on h2 (ALPN)");
        phase_ = Phase::open;
    }
    if (phase_ != Phase::open) return;
    if (!receive()) return;
    if (connection_->goaway()) return lose(connection_->error());
    bool active = false;
    const std::int64_t now = now_ns();
    for (const auto& visitor : visitors_) {
        if (!world_.stopping && !visitor->begin(*connection_, now))
            return lose("no further stream can be begun");
        active = active || visitor->active();
    }
    if (!flush()) return;
    if (world_.stopping && !active) {
        stream_.close();
        phase_ = Phase::closed;
        done_ = true;
        return;
    }
    tick_later();
}

bool H2Client::flush() {
    for (;;) {
        if (sent_ == out_.size()) {
            out_.clear();
            sent_ = 0;
            while (out_.size() < kEnoughOutput) {
                const std::string_view more = connection_->output();
                if (more.empty()) break;
                out_ += more;
            }
            if (out_.empty()) return true;
        }
        const IoResult result = stream_.write(out_.data() + sent_, out_.size() - sent_);
        if (result.status == Io::failed) {
            lose(stream_.error());
            return false;
        }
        if (result.status != Io::done) return true;
        sent_ += result.bytes;
    }
}

bool H2Client::receive() {
    for (;;) {
        const IoResult result = stream_.read(world_.buffer.data(), world_.buffer.size());
        if (result.status == Io::want_read || result.status == Io::want_write) return true;
        if (result.status == Io::done) {
            if (connection_->feed({world_.buffer.data(), result.bytes})) continue;
            lose(connection_->error());
            return false;
        }
        const std::string why = result.status == Io::failed ? stream_.error() : "closed";
        lose(connection_->goaway() ? why + " after " + connection_->error() : why);
        return false;
    }
}

/// The connection is gone against our will, with all its streams (C6).
void H2Client::lose(const std::string& why) {
    const char* const over = tls_ ? "h2 connection lost: " : "h2c connection lost: ";
    visitors_.front()->violate("C6", over + why);
    stream_.close();
    phase_ = Phase::closed;
    for (const auto& visitor : visitors_)
        visitor->lose(why);
    if (alarm_set_) return;
    alarm_set_ = true;
    world_.alarms.emplace(now_ns() + kPauseAfterFailure, this);
}

void H2Client::tick_later() {
    if (alarm_set_) return;
    alarm_set_ = true;
    world_.alarms.emplace(now_ns() + kTick, this);
}

}  // namespace switchyard::bench
