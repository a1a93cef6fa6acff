#include "support/origin/connection.hpp"

#include "support/origin/loop.hpp"
#include "support/pattern.hpp"

#include <algorithm>
#include <charconv>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace switchyard::origin {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kPiece = 64 * 1024;
constexpr milliseconds kLinger{2000};

void append_number(std::string& text, std::uint64_t number, int base = 10) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, number, base).ptr;
    text.append(digits, end);
}

}  // namespace

void Connection::Pace::start(std::uint64_t bytes_per_second) {
    step = bytes_per_second == 0 ? 0 : std::max<std::uint64_t>(1, bytes_per_second / 100);
    tick_ms = bytes_per_second != 0 && bytes_per_second < 100
                  ? static_cast<int>(1000 / bytes_per_second)
                  : 10;
    left = step;
}

Connection::Connection(Loop& loop, int fd, std::uint64_t number)
    : loop_(loop), fd_(fd), number_(number) {
    loop_.books().connections.fetch_add(1, std::memory_order_relaxed);
    loop_.books().open.fetch_add(1, std::memory_order_relaxed);
}

Connection::~Connection() {
    kill();
    loop_.disarm(*this);
    ::close(fd_);
    loop_.books().open.fetch_sub(1, std::memory_order_relaxed);
}

bool Connection::on_events(std::uint32_t events) {
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) readable_ = true;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) hung_up_ = true;
    return run();
}

bool Connection::on_timer() {
    timer_fired_ = true;
    return run();
}

bool Connection::run() {
    while (phase_ != Phase::dead && step()) {
    }
    return phase_ != Phase::dead;
}

bool Connection::step() {
    switch (phase_) {
        case Phase::head:
            return step_head();
        case Phase::body:
            return step_body();
        case Phase::wait:
            return step_wait();
        case Phase::answer:
            return step_answer();
        case Phase::ending:
            return step_ending();
        case Phase::tunnel:
            return step_tunnel();
        case Phase::hang:
        case Phase::linger:
            return step_drain();
        case Phase::dead:
            break;
    }
    return false;
}

bool Connection::step_head() {
    if (gate_ != Gate::open && !input().empty()) {
        if (!flush()) return false;
        loop_.books().stale_hits.fetch_add(1, std::memory_order_relaxed);
        if (gate_ == Gate::reset_on_next) {
            reset();
        } else {
            kill();
        }
        return false;
    }
    std::size_t consumed = 0;
    switch (input().empty() ? Parsed::need_more : parse_head(input(), request_, consumed)) {
        case Parsed::complete:
            in_at_ += consumed;
            begin_request();
            return true;
        case Parsed::bad:
            refuse_malformed();
            return true;
        case Parsed::need_more:
            break;
    }
    if (!flush()) return false;
    if (peer_closed_) {
        if (!input().empty()) loop_.books().cut_heads.fetch_add(1, std::memory_order_relaxed);
        kill();
        return false;
    }
    return fill();
}

void Connection::begin_request() {
    ++requests_;
    timer_fired_ = false;
    tally_ = is_counted(request_) ? &loop_.books().tally(request_.path) : nullptr;
    count_current(&Tally::started);
    plan_ = plan_for(request_);
    received_ = {};
    crc_ = {};
    reader_.start(request_);
    pace_.start(plan_.rate);
    if (plan_.body == Plan::Body::ignore) {
        begin_answer();
        return;
    }
    const bool expected = request_.expects_continue && request_.has_body();
    if (request_.minor_version == 1 && (expected || plan_.always_continue)) {
        out_ += "HTTP/1.1 100 Continue\r\n\r\n";
        flush();
    }
    if (phase_ != Phase::dead) phase_ = Phase::body;
}

bool Connection::step_body() {
    auto view = input();
    if (pace_.step != 0) view = view.substr(0, pace_.left);
    const auto offered = view.size();
    const auto state = reader_.feed(view, [this](std::string_view piece) {
        received_.bytes += piece.size();
        crc_.feed(piece);
        const auto room = plan_.keep_bytes - std::min(plan_.keep_bytes, received_.kept.size());
        received_.kept.append(piece.substr(0, room));
    });
    const auto taken = offered - view.size();
    in_at_ += taken;
    if (pace_.step != 0) pace_.left -= taken;
    if (state == BodyReader::State::done) {
        count_current(&Tally::received);
        for (const auto& [name, value] : reader_.trailers()) {
            received_.trailers.append(name).append(": ").append(value).append("\r\n");
        }
        return begin_answer();
    }
    if (state == BodyReader::State::bad) {
        refuse_malformed();
        return true;
    }
    if (pace_.step != 0 && pace_.left == 0) return wait_paced(pace_);
    if (!input().empty()) return true;
    if (peer_closed_) {
        kill();
        return false;
    }
    return fill();
}

bool Connection::begin_answer() {
    received_.crc32 = crc_.value();
    answer_ = answer_for(request_, received_, {number_, requests_}, loop_.world());
    if (answer_.delay.count() > 0) {
        timer_fired_ = false;
        loop_.arm(*this, answer_.delay);
        phase_ = Phase::wait;
        return true;
    }
    start_answer();
    return true;
}

bool Connection::step_wait() {
    if (timer_fired_) {
        start_answer();
        return true;
    }
    if (!flush()) return false;
    if (peer_gone()) kill();
    return false;
}

void Connection::start_answer() {
    body_at_ = 0;
    no_body_ = false;
    timer_fired_ = false;
    pace_.start(answer_.rate);
    phase_ = Phase::answer;
    if (answer_.silent) {
        phase_ = Phase::ending;
        return;
    }
    body_limit_ = answer_.pattern_bytes.value_or(answer_.text.size());
    if (answer_.verbatim) {
        pace_ = {answer_.piece, answer_.piece, 2};
        return;
    }
    out_ += answer_.interim;
    write_head();
    if (no_body_) {
        body_limit_ = 0;
        answer_.stop_after.reset();
    } else if (answer_.stop_after) {
        body_limit_ = std::min(body_limit_, *answer_.stop_after);
    }
}

void Connection::write_head() {
    using Framing = Answer::Framing;
    using Ending = Answer::Ending;
    const bool empty_by_status =
        answer_.status == 101 || answer_.status == 204 || answer_.status == 304;
    no_body_ = empty_by_status || request_.method == "HEAD";
    if (request_.minor_version == 0 && answer_.framing == Framing::chunked) {
        answer_.framing = Framing::until_close;
        answer_.trailers.clear();
    }
    const bool unread = plan_.body == Plan::Body::ignore && request_.has_body();
    const bool last = !request_.keep_alive || unread || answer_.framing == Framing::until_close;
    if (answer_.ending == Ending::keep && last) answer_.ending = Ending::close;

    out_ += "HTTP/1.1 ";
    append_number(out_, answer_.status);
    out_.append(" ").append(reason_phrase(answer_.status));
    out_.append("\r\nX-Origin-Colour: ").append(to_string(loop_.world().colour)).append("\r\n");
    if (!request_.test_id.empty()) {
        out_.append("X-Test-Id: ").append(request_.test_id).append("\r\n");
    }
    out_ += answer_.fields;
    if (!empty_by_status) {
        out_.append("Content-Type: ").append(answer_.type).append("\r\n");
        if (answer_.framing == Framing::length) {
            out_ += "Content-Length: ";
            append_number(out_, body_limit_);
            out_ += "\r\n";
        } else if (answer_.framing == Framing::chunked) {
            out_ += "Transfer-Encoding: chunked\r\n";
        }
    }
    if (answer_.ending == Ending::close) {
        out_ += "Connection: close\r\n";
    } else if (request_.minor_version == 0 && answer_.ending == Ending::keep) {
        out_ += "Connection: keep-alive\r\n";
    }
    out_ += "\r\n";
}

bool Connection::step_answer() {
    while (body_at_ < body_limit_) {
        auto n = std::min<std::uint64_t>(kPiece, body_limit_ - body_at_);
        if (pace_.step != 0) {
            if (pace_.left == 0) {
                if (!flush()) return false;
                if (!timer_fired_ && peer_gone()) {
                    kill();
                    return false;
                }
                return wait_paced(pace_);
            }
            n = std::min(n, pace_.left);
            pace_.left -= n;
        }
        produce(static_cast<std::size_t>(n));
        if (out_.size() - out_at_ < kEnoughOutput) continue;
        if (flush()) continue;
        if (phase_ != Phase::dead && peer_gone()) kill();
        return false;
    }
    if (answer_.framing == Answer::Framing::chunked && !no_body_ && !answer_.stop_after &&
        !answer_.verbatim) {
        out_.append("0\r\n").append(answer_.trailers).append("\r\n");
    }
    phase_ = Phase::ending;
    return true;
}

void Connection::produce(std::size_t bytes) {
    const bool chunk = answer_.framing == Answer::Framing::chunked && !answer_.verbatim;
    if (chunk) {
        append_number(out_, bytes, 16);
        out_ += "\r\n";
    }
    if (answer_.pattern_bytes) {
        const auto old = out_.size();
        out_.resize(old + bytes);
        test::fill_pattern(loop_.world().colour, body_at_, {out_.data() + old, bytes});
    } else {
        out_.append(answer_.text, static_cast<std::size_t>(body_at_), bytes);
    }
    if (chunk) out_ += "\r\n";
    body_at_ += bytes;
}

bool Connection::step_ending() {
    using Ending = Answer::Ending;
    if (answer_.ending == Ending::websocket) {
        echo_.open(loop_.world().colour, loop_.world().name, out_);
        phase_ = Phase::tunnel;
        return true;
    }
    if (answer_.silent || answer_.stop_after) {
        count_current(&Tally::spoilt);
    } else if (tally_ != nullptr) {
        unsettled_.push_back({sent_ + out_.size() - out_at_, tally_});
    }
    tally_ = nullptr;
    switch (answer_.ending) {
        case Ending::stale_on_next:
            gate_ = Gate::close_on_next;
            break;
        case Ending::reset_on_next:
            gate_ = Gate::reset_on_next;
            break;
        default:
            break;
    }
    switch (answer_.ending) {
        case Ending::keep:
        case Ending::stale_on_next:
        case Ending::reset_on_next:
            phase_ = Phase::head;
            return out_.size() - out_at_ < kEnoughOutput || flush();
        case Ending::hang:
            phase_ = Phase::hang;
            return true;
        default:
            phase_ = Phase::linger;
            timer_fired_ = false;
            return true;
    }
}

/// A WebSocket is answered when both have said goodbye, and aborted when the peer just goes.
bool Connection::step_tunnel() {
    std::size_t consumed = 0;
    const auto end = echo_.feed(input(), consumed, out_);
    in_at_ += consumed;
    if (end != WebSocketEcho::End::none) {
        if (end == WebSocketEcho::End::closed && tally_ != nullptr) {
            unsettled_.push_back({sent_ + out_.size() - out_at_, tally_});
        } else {
            count_current(&Tally::spoilt);
        }
        tally_ = nullptr;
        timer_fired_ = false;
        phase_ = Phase::linger;
        return true;
    }
    if (!flush()) return false;
    if (peer_closed_) {
        kill();
        return false;
    }
    return fill();
}

bool Connection::step_drain() {
    if (!flush()) return false;
    if (phase_ == Phase::linger) {
        if (answer_.ending == Answer::Ending::reset) {
            reset();
            return false;
        }
        if (answer_.ending == Answer::Ending::stale || timer_fired_) {
            kill();
            return false;
        }
        // An orderly end: the peer gets everything, even if it is still sending.
        if (!shut_) {
            shut_ = true;
            ::shutdown(fd_, SHUT_WR);
            loop_.arm(*this, kLinger);
        }
    }
    in_at_ = in_end_ = 0;
    if (peer_closed_) {
        kill();
        return false;
    }
    return fill();
}

void Connection::refuse_malformed() {
    loop_.books().malformed.fetch_add(1, std::memory_order_relaxed);
    count_current(&Tally::spoilt);
    tally_ = nullptr;
    out_ += "HTTP/1.1 400 Bad Request\r\nX-Origin-Colour: ";
    out_.append(to_string(loop_.world().colour));
    out_ += "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    answer_ = {};
    answer_.ending = Answer::Ending::close;
    timer_fired_ = false;
    phase_ = Phase::linger;
}

bool Connection::wait_paced(Pace& pace) {
    if (timer_fired_) {
        timer_fired_ = false;
        pace.left = pace.step;
        return true;
    }
    loop_.arm(*this, milliseconds(pace.tick_ms));
    return false;
}

}  // namespace switchyard::origin
