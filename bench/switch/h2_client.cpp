#include "bench/switch/h2_client.hpp"

#include "bench/common/clock.hpp"
#include "bench/switch/kinds.hpp"
#include "bench/switch/pauses.hpp"

namespace switchyard::bench {
namespace {

constexpr std::int64_t kTick = 20 * kMillisecond;
constexpr std::size_t kEnoughOutput = 64 * 1024;

}  // namespace

H2Client::H2Client(World& world, const Service& service, bool tls, unsigned number,
                   std::span<const MakeStream> streams)
    : world_(world), service_(service), tls_(tls) {
    unsigned stream = number * 100;
    for (const MakeStream make : streams)
        streams_.push_back(make(world, tls, ++stream));
}

std::string H2Client::waits_for() const {
    for (const auto& stream : streams_)
        if (stream->active()) return stream->waits_for();
    return "nothing";
}

void H2Client::connect() {
    phase_ = Phase::connecting;
    connection_ = std::make_unique<H2Connection>(H2Connection::Options{});
    out_.clear();
    sent_ = 0;
    if (!stream_.connect(tls_ ? world_.encrypted : world_.plain, tls_ ? world_.h2_tls : nullptr,
                         service_.host))
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
    for (const auto& stream : streams_)
        stream->tick();
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
    for (const auto& stream : streams_) {
        if (!world_.stopping && !stream->begin(*connection_, now))
            return lose("no further stream can be begun");
        active = active || stream->active();
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
    world_.tally.violations.add("C6", "-", over + why);
    stream_.close();
    phase_ = Phase::closed;
    for (const auto& stream : streams_)
        stream->connection_lost(why);
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
