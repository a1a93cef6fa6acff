#include "relay/tunnel.hpp"

#include "relay/fair_share.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace switchyard::relay {

namespace {

using http::Fault;
using namespace std::chrono_literals;

/// A Close waits so long for the end of a fragmented message; then only for that of a frame.
constexpr std::chrono::milliseconds kPatience = 2s;
/// For the client's answer to it.
constexpr std::chrono::milliseconds kAnswer = 5s;
/// For everything else that is missing once goodbye was said, or a side broke.
constexpr std::chrono::milliseconds kFarewell = 10s;
/// A WebSocket has no use for a half of a connection (RFC 6455 §7.1.1): less silence is borne then.
constexpr std::chrono::milliseconds kHalfClosed = 60s;

const http::Fields kNoTrailers;

double fraction(std::uint64_t random) noexcept {
    return static_cast<double>(random >> 11) * 0x1.0p-53;
}

}  // namespace

Tunnel::Tunnel(const Plan& plan)
    : plan_(plan),
      loop_(plan.origin.stream().loop()),
      up_(plan.client.request_body(), FrameTracker::Sender::client),
      down_(plan.origin.body(), FrameTracker::Sender::server),
      place_(fraction(plan.random)) {}

Task<Tunnel::End> Tunnel::run() {
    active_ = loop_.timers().now();
    loop_.timers().schedule(*this, idle_due());
    up_fork_.start(pump(up_));
    bool threw = false;
    try {
        co_await pump(down_);
    } catch (...) {
        // There was no memory for the pump itself.
        error_ = std::current_exception();
        threw = true;
    }
    if (threw) end_now();
    co_await up_fork_.join();
    ending_ = true;
    if (error_) std::rethrow_exception(error_);
    if (up_fork_.exception()) std::rethrow_exception(up_fork_.exception());
    co_return judge();
}

Task<void> Tunnel::pump(Way& way) {
    bool threw = false;
    try {
        co_await move(way);
    } catch (...) {
        error_ = std::current_exception();
        threw = true;
    }
    if (threw) end_now();
    look();
}

Task<void> Tunnel::move(Way& way) {
    const Side sender = &way == &up_ ? Side::client : Side::origin;
    const Side receiver = sender == Side::client ? Side::origin : Side::client;
    const auto fails = [this](Side side, Fault fault) {
        if (failed_ != Side::none || ending_) return;
        if (fault == Fault::cancelled) {
            cancelled_ = true;
        } else {
            failed_ = side;
        }
    };
    std::size_t moved = 0;
    for (;;) {
        if (close_is_due(way)) {
            const Fault fault = co_await put_close(way);
            if (fault != Fault::none) {
                fails(receiver, fault);
                end_within(kFarewell);
                co_return;
            }
        }
        http::Chunk piece;
        if (!way.from.try_next(piece)) piece = co_await way.from.next();
        if (piece.fault != Fault::none) {
            // What comes the other way could not be delivered any more.
            fails(sender, piece.fault);
            end_now();
            co_return;
        }
        if (piece.data.empty() && !piece.last) continue;  // Interrupted.
        active_ = loop_.timers().now();
        const std::size_t passing = follow(way, piece.data);
        const std::string_view rest = piece.data.substr(passing);
        Fault fault = Fault::none;
        if (passing != 0) {
            http::Chunk part;
            part.data = piece.data.substr(0, passing);
            fault = co_await send(way, part);
        }
        if (piece.last && going_) {
            // Without an answer: whoever waits for it gets ours.
            way.wants_close = impatient_ = true;
        }
        if (fault == Fault::none && close_is_due(way)) fault = co_await put_close(way);
        if (way.close_sent) way.frames.follow(rest, FrameTracker::Stop::nowhere);
        if (fault == Fault::none && piece.last) {
            http::Chunk end;
            end.last = true;
            fault = co_await send(way, end);
        }
        if (fault != Fault::none) {
            // The other way may still hold something that was sent before.
            fails(receiver, fault);
            end_within(kFarewell);
            co_return;
        }
        if (piece.last) {
            if (first_ == Side::none) first_ = sender;
            way.ended = true;
            loop_.timers().schedule(*this, std::max(idle_due(), loop_.timers().now() + 1));
            co_return;
        }
        look();
        moved += passing;
        if (moved > kFairShare) {
            moved = 0;
            co_await loop_.yield();
        }
    }
}

/// How much of what came may pass.
std::size_t Tunnel::follow(Way& way, std::string_view data) noexcept {
    if (!plan_.websocket) return data.size();
    if (way.close_sent) {
        way.frames.follow(data, FrameTracker::Stop::nowhere);
        return 0;
    }
    auto stop = FrameTracker::Stop::nowhere;
    if (way.wants_close) {
        stop = impatient_ ? FrameTracker::Stop::frame : FrameTracker::Stop::message;
    }
    const std::size_t followed = way.frames.follow(data, stop);
    return going_ ? followed : data.size();
}

bool Tunnel::close_is_due(const Way& way) const noexcept {
    if (!way.wants_close || way.close_sent || way.ended || ending_) return false;
    return impatient_ ? way.frames.between_frames() : way.frames.between_messages();
}

Task<Fault> Tunnel::send(Way& way, http::Chunk piece) {
    Fault fault = Fault::none;
    if (&way == &up_) {
        fault = co_await plan_.origin.send_body(piece, kNoTrailers);
        if (fault == Fault::none) plan_.cell.tunnel_bytes_received.add(piece.data.size());
    } else {
        fault = co_await plan_.client.send_body(piece, kNoTrailers);
        if (fault == Fault::none) {
            plan_.cell.tunnel_bytes_sent.add(piece.data.size());
            sent_ += piece.data.size();
        }
    }
    co_return fault;
}

Task<Fault> Tunnel::put_close(Way& way) {
    CloseFrame frame = CloseFrame::to_client();
    if (&way == &up_) frame = CloseFrame::to_server(static_cast<std::uint32_t>(plan_.random));
    // From here on, also while it waits to be taken.
    way.close_sent = true;
    http::Chunk piece;
    piece.data = frame.view();
    const Fault fault = co_await send(way, piece);
    if (fault != Fault::none) {
        way.close_sent = false;
        way.wants_close = false;
        co_return fault;
    }
    if (&way == &down_) answer_due_ = loop_.timers().after(kAnswer);
    end_within(kFarewell);
    look();
    co_return fault;
}

void Tunnel::ask_for_close(Way& way) noexcept {
    if (way.close_sent || way.ended || way.frames.closed()) return;
    way.wants_close = true;
    if (patience_due_ == 0 && !impatient_) {
        patience_due_ = loop_.timers().after(kPatience);
        loop_.timers().schedule(*this, patience_due_);
    }
    way.from.interrupt();
}

void Tunnel::go_away() noexcept {
    if (!plan_.websocket || going_ || ending_) return;
    if (up_.frames.broken() || down_.frames.broken()) return;
    going_ = true;
    if (up_.frames.closed() || down_.frames.closed()) {
        end_within(kFarewell);  // They are saying goodbye already.
    } else {
        ask_for_close(down_);
    }
}

void Tunnel::look() noexcept {
    if (ending_ || !plan_.websocket) return;
    const bool client_done = up_.frames.closed() || up_.ended;
    const bool origin_done = down_.frames.closed() || down_.ended;
    if (client_done) answer_due_ = 0;
    // After the last frame of each side the connections only have to be closed, which is the
    // server's part; when it was us who said goodbye, it is ours.
    if (!client_done || !origin_done) return;
    if (up_.close_sent || down_.close_sent) {
        end_now();
    } else if (up_.frames.closed() && down_.frames.closed()) {
        end_within(kFarewell);
    }
}

void Tunnel::end_within(std::chrono::milliseconds limit) noexcept {
    const std::uint64_t due = loop_.timers().after(limit);
    if (over_due_ != 0 && over_due_ <= due) return;
    over_due_ = due;
    loop_.timers().schedule(*this, std::min(due, answer_due_ != 0 ? answer_due_ : due));
}

void Tunnel::end_now() noexcept {
    ending_ = true;
    plan_.client.cancel_io();
    plan_.origin.stream().cancel();
}

std::uint64_t Tunnel::idle_due() const noexcept {
    std::chrono::milliseconds idle = plan_.idle;
    if (plan_.websocket && (up_.ended || down_.ended)) idle = std::min(idle, kHalfClosed);
    const net::TimerWheel& timers = loop_.timers();
    if (idle.count() <= 0) return std::numeric_limits<std::uint64_t>::max();
    return active_ + (timers.after(idle) - timers.now());
}

std::uint64_t Tunnel::on_tick(std::uint64_t now) {
    if (ending_) return 0;
    if (over_due_ != 0 && now >= over_due_) {
        end_now();
        return 0;
    }
    if (answer_due_ != 0 && now >= answer_due_) {
        answer_due_ = 0;
        ask_for_close(up_);
    }
    if (patience_due_ != 0 && now >= patience_due_) {
        patience_due_ = 0;
        impatient_ = true;
        up_.from.interrupt();
        down_.from.interrupt();
    }
    if (!expired_ && now >= idle_due()) {
        expired_ = true;
        go_away();
        if (!going_) {
            end_now();
            return 0;
        }
        end_within(kFarewell);
    }
    std::uint64_t next = expired_ ? 0 : idle_due();
    for (const std::uint64_t due : {over_due_, answer_due_, patience_due_}) {
        if (due != 0 && (next == 0 || due < next)) next = due;
    }
    return next;
}

Tunnel::End Tunnel::judge() const noexcept {
    if (down_.close_sent) return End::closed;
    const bool both_said_goodbye = up_.frames.closed() && down_.frames.closed();
    if (plan_.websocket && both_said_goodbye) return End::completed;
    if (expired_) return End::expired;
    if (cancelled_) return End::cancelled;
    if (failed_ == Side::origin && !down_.ended) return End::origin_failed;
    if (failed_ == Side::client && !down_.ended) return End::client_failed;
    const bool without_a_word = plan_.websocket && first_ == Side::origin &&
                                !down_.frames.closed() && !down_.frames.broken();
    return without_a_word ? End::origin_failed : End::completed;
}

}  // namespace switchyard::relay
