#include "bench/switch/h2_websocket.hpp"

#include "bench/common/clock.hpp"
#include "bench/switch/pauses.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace switchyard::bench {
namespace {}  // namespace

H2WebSocket::H2WebSocket(World& world, bool tls, unsigned number)
    : world_(world),
      tls_(tls),
      check_(world, world.app, Kind::websocket, tls ? Transport::h2_tls : Transport::h2c,
             number % 2 == 0 ? AnswerCheck::Identity::cookie : AnswerCheck::Identity::none),
      maker_(Kind::websocket, number, world.app.host),
      talk_(world, world.app, check_, maker_) {}

std::string H2WebSocket::waits_for() const {
    return (talk_.is_open() ? "the end of the WebSocket " : "the opening of ") +
           check_.expected().id;
}

bool H2WebSocket::begin(H2Connection& connection, std::int64_t now) {
    // The first SETTINGS say whether it can be asked for (RFC 8441 §3).
    if (active_ || now < rests_until_ || !connection.takes_tunnels()) return true;
    Request request = maker_.make();
    request.expected.began = request.expected.waited_since = now;
    H2Connection::Request fields;
    fields.method = "CONNECT";
    fields.protocol = "websocket";
    fields.path = request.path;
    fields.authority = world_.app.host;
    fields.scheme = tls_ ? "https" : "http";
    fields.test_id = request.expected.id;
    fields.has_body = true;
    fields.more.emplace_back("sec-websocket-version", "13");
    if (!check_.cookie().empty()) fields.more.emplace_back("cookie", check_.cookie());
    if (!connection.submit(fields, *this)) return false;
    check_.begin();
    check_.expect(std::move(request.expected));
    connection_ = &connection;
    active_ = true;
    lost_ = refused_ = false;
    return true;
}

void H2WebSocket::tick() {
    if (!active_ || lost_) return;
    if (const std::string wrong = talk_.tick(); !wrong.empty()) return lose(wrong);
    connection_->resume(*this);
}

void H2WebSocket::connection_lost(const std::string& why) {
    if (active_ && !lost_) check_.lose("connection lost: " + why);
    talk_.over();
    active_ = false;
}

void H2WebSocket::on_head() {
    check_.head(head);
    const auto colour = parse_colour(head.colour);
    refused_ = head.status != check_.right_status() || !colour;
    if (refused_)
        connection_->resume(*this);  // which ends our side
    else
        talk_.opened(*colour);
}

std::size_t H2WebSocket::on_body(std::string_view piece) {
    if (lost_ || refused_) return piece.size();
    const std::string wrong = talk_.take(piece);
    if (!wrong.empty()) {
        lose(wrong);
    } else if (!talk_.out.empty() || talk_.all_said()) {
        connection_->resume(*this);
    }
    return piece.size();
}

void H2WebSocket::on_end() {
    if (lost_ || refused_) return;
    if (const std::string wrong = talk_.peer_ended("END_STREAM"); !wrong.empty()) lose(wrong);
}

/// Our side ends when both have said goodbye.
std::size_t H2WebSocket::next_body(char* room, std::size_t size, bool& last) {
    const std::size_t count = std::min(size, talk_.out.size());
    std::memcpy(room, talk_.out.data(), count);
    talk_.out.erase(0, count);
    last = refused_ || (talk_.out.empty() && talk_.all_said());
    return count;
}

void H2WebSocket::on_close(bool complete, std::uint32_t code) {
    active_ = false;
    std::string wrong;
    if (!complete) {
        wrong = "stream reset, code " + std::to_string(code);
        if (talk_.is_open() && !talk_.all_said()) wrong = talk_.peer_ended(wrong);
    }
    rests_until_ =
        now_ns() + (lost_ || refused_ || !complete ? kPauseAfterFailure : kPauseAfterEnd);
    if (!lost_ && wrong.empty()) {
        check_.finish(head, true);
    } else if (!lost_) {
        check_.lose(wrong);
    }
    talk_.over();
}

/// Nothing can follow: the stream is given up.
void H2WebSocket::lose(const std::string& why) {
    lost_ = true;
    check_.lose(why);
    talk_.over();
    connection_->cancel(*this);
}

}  // namespace switchyard::bench
