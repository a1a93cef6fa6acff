#include "bench/switch/h2_requests.hpp"

#include "bench/common/clock.hpp"
#include "bench/switch/pauses.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace switchyard::bench {
namespace {

constexpr std::int64_t kPauseOfLeavers = 200 * kMillisecond;

}  // namespace

H2Requests::H2Requests(World& world, Kind kind, bool tls, unsigned number)
    : world_(world),
      behaviour_(behaviour(kind)),
      tls_(tls),
      check_(world, world.app, kind, tls ? Transport::h2_tls : Transport::h2c,
             number % 2 == 0 ? AnswerCheck::Identity::cookie : AnswerCheck::Identity::none),
      maker_(kind, number, world.app.host) {}

std::string H2Requests::waits_for() const {
    return "stream of " + check_.expected().id + (check_.has_head() ? " (body)" : " (head)");
}

bool H2Requests::begin(H2Connection& connection, std::int64_t now) {
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
    fields.authority = world_.app.host;
    fields.scheme = tls_ ? "https" : "http";
    fields.test_id = request.expected.id;
    fields.has_body = !upload_.empty();
    if (fields.has_body && !request.chunked)
        fields.content_length = static_cast<std::int64_t>(upload_.size());
    if (!check_.cookie().empty()) fields.more.emplace_back("cookie", check_.cookie());
    if (!connection.submit(fields, *this)) return false;
    check_.begin();
    check_.expect(std::move(request.expected));
    active_ = true;
    connection_ = &connection;
    return true;
}

void H2Requests::tick() {
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

void H2Requests::connection_lost(const std::string& why) {
    if (!active_) return;
    active_ = false;
    check_.lose("connection lost: " + why);
}

std::size_t H2Requests::on_body(std::string_view piece) {
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

std::size_t H2Requests::next_body(char* room, std::size_t size, bool& last) {
    const std::size_t count = std::min(size, std::min(may_send_, upload_.size()) - sent_);
    std::memcpy(room, upload_.data() + sent_, count);
    sent_ += count;
    last = sent_ == upload_.size();
    return count;
}

void H2Requests::on_close(bool complete, std::uint32_t code) {
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

}  // namespace switchyard::bench
