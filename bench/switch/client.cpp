#include "bench/switch/client.hpp"

#include "bench/common/clock.hpp"

#include <algorithm>
#include <sys/socket.h>

#include <boost/json.hpp>

namespace switchyard::bench {
namespace {

constexpr std::size_t kMaxText = 4096;
constexpr std::int64_t kPauseAfterFailure = 50 * kMillisecond;
constexpr std::int64_t kPauseOfLeavers = 100 * kMillisecond;

std::string quoted(std::string_view text) {
    return "'" + std::string(text) + "'";
}

}  // namespace

Client::Client(World& world, Kind kind, bool tls, unsigned number)
    : world_(world),
      kind_(kind),
      tls_(tls),
      behaviour_(behaviour(kind)),
      tally_(world.tally.kinds[static_cast<std::size_t>(kind)][tls ? 1 : 0]),
      maker_(kind, number, world.host),
      reader_(this) {}

std::string Client::waits_for() const {
    if (expected_.empty()) return "nothing";
    return "request " + expected_.front().id + (expected_.front().judged ? " (body)" : " (head)");
}

void Client::connect() {
    connect_began_ = now_ns();
    peer_ended_ = false;
    phase_ = Phase::connecting;
    if (!stream_.connect(tls_ ? world_.encrypted : world_.plain, tls_ ? world_.tls : nullptr,
                         world_.host))
        return lose(stream_.error());
    if (behaviour_.read_piece) {
        // A small window, so that the slow reader is felt all the way up to the origin.
        const int bytes = 32 * 1024;
        setsockopt(stream_.fd(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    }
    if (!world_.watch(stream_.fd(), this)) return lose("epoll_ctl failed");
    pump();
}

void Client::on_ready(std::uint32_t events) {
    if (events & EPOLLRDHUP) peer_ended_ = true;
    if (!resting_) pump();
}

void Client::on_time() {
    alarm_set_ = false;
    resting_ = false;
    if (phase_ == Phase::closed) {
        if (!done_) world_.stopping ? retire() : connect();
        return;
    }
    may_send_ = std::min(out_.size(), may_send_ + behaviour_.write_piece);
    pump();
}

void Client::pump() {
    if (phase_ == Phase::connecting) {
        const IoResult result = stream_.handshake();
        if (result.status == Io::failed || result.status == Io::closed)
            return lose(stream_.error());
        if (result.status != Io::done) return;
        phase_ = Phase::open;
    }
    while (phase_ == Phase::open) {
        if (expected_.empty()) {
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

void Client::begin_burst() {
    out_.clear();
    sent_ = 0;
    std::size_t head_bytes = 0;
    const std::int64_t now = now_ns();
    for (unsigned i = 0; i < behaviour_.burst; ++i) {
        Expected expected = maker_.make(out_, head_bytes);
        expected.began = now;
        expected.waited_since = connect_began_ ? connect_began_ : now;
        expected_.push_back(std::move(expected));
    }
    connect_began_ = 0;
    tally_.requests += behaviour_.burst;
    world_.tally.books.accepted += behaviour_.burst;
    may_send_ = behaviour_.write_piece ? head_bytes : out_.size();
    reader_.reset();
    text_.clear();
    pattern_begun_ = false;
    pattern_fault_.clear();
}

bool Client::flush() {
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

bool Client::receive() {
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
        if (expected_.empty()) return true;
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
bool Client::take(std::string_view bytes) {
    while (!bytes.empty()) {
        if (expected_.empty()) {
            violate("C9", "-",
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
        judge_slot();
        if (reader_.state() != ResponseReader::State::complete) continue;
        finish_answer();
        if (phase_ != Phase::open) return false;
    }
    return true;
}

void Client::on_body(std::string_view piece) {
    const Expected& expected = expected_.front();
    if (expected.body == Expected::Body::pattern && reader_.head().status == 200) {
        if (!pattern_begun_) {
            pattern_begun_ = true;
            pattern_ =
                test::PatternChecker(parse_colour(reader_.head().colour).value_or(Colour::blue));
        }
        if (!pattern_fault_.empty()) return;
        if (const auto offset = pattern_.feed(piece))
            pattern_fault_ = "the body is not that of " + reader_.head().colour + " from byte " +
                             std::to_string(*offset) + " on";
        return;
    }
    if (text_.size() < kMaxText) text_ += piece;
}

/// Which slot has answered is known with the head: that is when C1 is judged.
void Client::judge_slot() {
    Expected& expected = expected_.front();
    if (expected.judged) return;
    expected.judged = true;
    const ResponseHead& head = reader_.head();
    const auto colour = parse_colour(head.colour);
    if (head.status != 200 || !colour) return;
    if (!world_.timeline.allows(*colour, expected.began, now_ns())) {
        violate("C1", expected.id, world_.timeline.reason());
    } else if (world_.epochs) {
        world_.epochs->answered(head.request_id, *colour, world_.timeline.first_step(),
                                world_.timeline.last_step());
    }
    const std::string& name = world_.slot_names[index_of(*colour)];
    if (!name.empty() && head.served_by != name)
        violate("C2", expected.id,
                "X-Served-By says " + quoted(head.served_by) + ", but " + head.colour + " (" +
                    name + ") answered");
    if (head.close && !expected.asked_to_close)
        violate("C5", expected.id, "the proxy asks to close a kept-alive connection");
}

std::string Client::fault_of_upload(const Expected& expected) const {
    boost::system::error_code error;
    const auto value = boost::json::parse(text_, error);
    const auto* object = error ? nullptr : value.if_object();
    if (!object) return "the answer to the upload is no JSON";
    const auto number = [&](const char* key) -> std::uint64_t {
        const auto* found = object->if_contains(key);
        return found && found->is_number() ? found->to_number<std::uint64_t>() : 0;
    };
    if (number("bytes") != expected.bytes)
        return "sent " + std::to_string(expected.bytes) + " bytes, the origin got " +
               std::to_string(number("bytes"));
    if (number("crc32") != expected.crc32) return "the origin got other bytes than were sent";
    return "";
}

std::string Client::fault_of_answer(const Expected& expected) const {
    const ResponseHead& head = reader_.head();
    if (head.status != 200) {
        std::string text = "status " + std::to_string(head.status);
        if (!head.proxy_error.empty()) text += " by the proxy: " + head.proxy_error;
        return text;
    }
    if (!parse_colour(head.colour)) return "no X-Origin-Colour in the answer";
    if (head.test_id != expected.id)
        return "got the answer to " + quoted(head.test_id) + " instead of its own";
    switch (expected.body) {
        case Expected::Body::pattern:
            if (!pattern_fault_.empty()) return pattern_fault_;
            if (reader_.body_bytes() != expected.bytes)
                return "a body of " + std::to_string(reader_.body_bytes()) + " bytes instead of " +
                       std::to_string(expected.bytes);
            return "";
        case Expected::Body::upload:
            return fault_of_upload(expected);
        case Expected::Body::greeting:
            return text_.starts_with(head.colour) ? "" : "the body is not that of " + head.colour;
    }
    return "";
}

void Client::finish_answer() {
    judge_slot();
    const Expected expected = std::move(expected_.front());
    expected_.pop_front();
    const ResponseHead& head = reader_.head();
    std::string fault = fault_of_answer(expected);
    const bool sent_all = sent_ == out_.size();
    if (fault.empty() && !sent_all) fault = "answered before the request was sent completely";
    auto& books = world_.tally.books;
    if (fault.empty()) {
        const std::int64_t took = now_ns() - expected.waited_since;
        (world_.tally.switching ? tally_.switching : tally_.calm).add(took);
        ++tally_.ok;
        ++books.completed;
        ++books.completed_by_slot[index_of(*parse_colour(head.colour))];
    } else {
        ++tally_.failed;
        ++books.failed;
        const bool spliced = head.status == 200 && expected.body == Expected::Body::pattern;
        violate(head.status != 200                        ? "C10"
                : expected.body == Expected::Body::upload ? "C8"
                : spliced                                 ? "C9"
                                                          : "C5",
                expected.id, fault);
    }
    const bool closes = head.close || !sent_all || behaviour_.reconnects;
    reader_.reset();
    text_.clear();
    pattern_begun_ = false;
    pattern_fault_.clear();
    if (!closes) return;
    if (expected_.empty()) {
        stream_.close();
        phase_ = Phase::closed;
        wake_in(0);
        return;
    }
    lose("the proxy closed in the middle of a pipeline");
}

void Client::leave() {
    const auto colour = parse_colour(reader_.head().colour);
    stream_.set_abort();
    stream_.close();
    phase_ = Phase::closed;
    expected_.clear();
    ++tally_.left;
    ++world_.tally.books.client_abort;
    if (colour) ++world_.tally.books.client_abort_by_slot[index_of(*colour)];
    wake_in(kPauseOfLeavers);
}

/// The connection is gone against our will: every request that was under way has failed.
void Client::lose(const std::string& why) {
    stream_.close();
    const bool was_open = phase_ == Phase::open;
    phase_ = Phase::closed;
    if (expected_.empty() && !why.empty()) {
        violate("C5", "-",
                std::string(behaviour_.name) + (tls_ ? " (TLS)" : "") +
                    (was_open ? " connection lost while idle: " : " cannot connect: ") + why);
    }
    for (const Expected& expected : expected_) {
        ++tally_.failed;
        ++world_.tally.books.failed;
        violate(expected.judged ? "C9" : "C5", expected.id, "connection lost: " + why);
    }
    expected_.clear();
    wake_in(kPauseAfterFailure);
}

void Client::violate(const char* guarantee, const std::string& id, const std::string& text) {
    world_.tally.violations.add(guarantee, id, text);
}

void Client::wake_in(std::int64_t nanoseconds) {
    if (alarm_set_) return;
    alarm_set_ = true;
    world_.alarms.emplace(now_ns() + nanoseconds, this);
}

void Client::retire() {
    stream_.close();
    phase_ = Phase::closed;
    done_ = true;
}

}  // namespace switchyard::bench
