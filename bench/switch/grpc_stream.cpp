#include "bench/switch/grpc_stream.hpp"

#include "bench/common/clock.hpp"
#include "bench/switch/pauses.hpp"
#include "support/grpc_messages.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace switchyard::bench {
namespace {

constexpr std::size_t kMostUnderWay = 4;

}  // namespace

GrpcStream::GrpcStream(World& world, Kind kind, bool tls, unsigned number)
    : world_(world),
      service_(*world.grpc),
      kind_(kind),
      tls_(tls),
      user_("user-" + std::to_string(number)),
      check_(world, service_, kind, tls ? Transport::h2_tls : Transport::h2c,
             AnswerCheck::Identity::name),
      maker_(kind, number, service_.host) {}

std::string GrpcStream::waits_for() const {
    return "the end of the call " + check_.expected().id;
}

bool GrpcStream::begin(H2Connection& connection, std::int64_t now) {
    if (active_ || now < rests_until_) return true;
    Request request = maker_.make();
    request.expected.began = request.expected.waited_since = now;
    prepare(now);
    H2Connection::Request fields;
    fields.method = "POST";
    fields.path = request.path;
    fields.authority = service_.host;
    fields.scheme = tls_ ? "https" : "http";
    fields.test_id = request.expected.id;
    fields.has_body = true;
    fields.more = {{"content-type", "application/grpc"}, {"te", "trailers"}, {"x-user-id", user_}};
    if (!connection.submit(fields, *this)) return false;
    check_.begin();
    check_.expect(std::move(request.expected));
    connection_ = &connection;
    active_ = true;
    lost_ = false;
    return true;
}

/// What the call is to be: both sorts last from a third of a second to two seconds and more.
void GrpcStream::prepare(std::int64_t now) {
    in_.clear();
    out_.clear();
    said_all_ = kind_ == Kind::grpc_watch;
    leaves_at_ = now + static_cast<std::int64_t>(300 + maker_.random(1700)) * kMillisecond;
    if (kind_ == Kind::grpc_echo) return messages_.begin_echo();
    const std::uint64_t messages = 20 + maker_.random(60);
    const std::uint64_t octets = maker_.random(4) == 0 ? maker_.random(40'000) : 200;
    messages_.begin_watch(messages, octets);
    test::append_grpc_message(out_, std::to_string(messages) + " " +
                                        std::to_string(10 + maker_.random(20)) + " " +
                                        std::to_string(octets));
}

void GrpcStream::tick() {
    if (!active_ || lost_ || said_all_) return;
    const std::int64_t now = now_ns();
    if (world_.stopping || now >= leaves_at_) {
        said_all_ = true;
    } else if (messages_.under_way() < kMostUnderWay) {
        const std::size_t filling =
            maker_.random(8) == 0 ? maker_.random(40'000) : maker_.random(200);
        test::append_grpc_message(out_, messages_.next_message(now, filling));
    }
    connection_->resume(*this);
}

void GrpcStream::connection_lost(const std::string& why) {
    if (active_ && !lost_) check_.lose("connection lost: " + why);
    active_ = false;
}

void GrpcStream::on_head() {
    check_.head(head);
    if (const auto colour = parse_colour(head.colour)) messages_.opened(*colour);
}

std::size_t GrpcStream::on_body(std::string_view piece) {
    if (lost_ || !parse_colour(head.colour)) return piece.size();
    in_ += piece;
    std::size_t taken = 0;
    for (;;) {
        std::string_view message;
        std::size_t size = 0;
        const auto read =
            test::read_grpc_message(std::string_view(in_).substr(taken), message, size);
        if (read == test::GrpcRead::need_more) break;
        std::int64_t round_trip = 0;
        const std::string wrong = read == test::GrpcRead::bad
                                      ? "octets that are no message"
                                      : messages_.message(message, now_ns(), round_trip);
        if (!wrong.empty()) {
            lose(wrong);
            return piece.size();
        }
        taken += size;
        ++world_.tally.grpc_messages;
        if (round_trip != 0) check_.took(round_trip);
    }
    in_.erase(0, taken);
    return piece.size();
}

std::size_t GrpcStream::next_body(char* room, std::size_t size, bool& last) {
    const std::size_t count = std::min(size, out_.size());
    std::memcpy(room, out_.data(), count);
    out_.erase(0, count);
    last = said_all_ && out_.empty();
    return count;
}

void GrpcStream::on_close(bool complete, std::uint32_t code) {
    active_ = false;
    if (lost_) {
        rests_until_ = now_ns() + kPauseAfterFailure;
        return;
    }
    std::string wrong;
    if (!complete) {
        wrong = "stream reset, code " + std::to_string(code);
    } else if (head.grpc_status == "0") {
        wrong = in_.empty() ? messages_.ended() : "the last message is not complete";
    }
    if (!wrong.empty()) {
        check_.lose(wrong);
    } else if (check_.finish(head, said_all_ && out_.empty())) {
        return;
    }
    rests_until_ = now_ns() + kPauseAfterFailure;
}

/// Nothing can follow: the stream is given up.
void GrpcStream::lose(const std::string& why) {
    lost_ = true;
    check_.lose(why);
    connection_->cancel(*this);
}

}  // namespace switchyard::bench
