#include "h2/server_stream.hpp"

#include "h2/server_session.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <nghttp2/nghttp2.h>

namespace switchyard::h2 {

using http::Fault;

void ServerStream::begin(ServerSession& session, std::int32_t id) {
    session_ = &session;
    options_ = session.options();
    id_ = id;
    started_ns_ = net::EventLoop::now_ns();
    reader_.start(options_->limits);
    head_.clear();
    verdict_ = {};
    trailer_fields_.clear();
    trailers_.clear();
    limit_ = options_->body_bytes;
    received_ = 0;
    piece_ = {};
    trailers_out_ = nullptr;
    heads_pending_ = 0;
    bytes_sent_ = 0;
    left_callback_ = nullptr;
    fault_ = Fault::none;
    has_head_ = remote_ended_ = finished_ = has_body_ = head_sent_ = local_ended_ = false;
    interrupted_ = closed_ = aborted_ = cancelled_ = false;
    may_be_tunnel_ = tunnel_ = torn_ = false;
}

void ServerStream::rest() noexcept {
    arriving_.release();
    given_.release();
    options_.reset();
}

// -- The request

bool ServerStream::add_field(std::string_view name, std::string_view value) {
    if (!has_head_) return reader_.add(name, value);
    trailer_fields_.weigh(name, value);
    if (trailer_fields_.weight() > options_->limits.head_bytes ||
        trailer_fields_.size() >= options_->limits.header_count) {
        return false;
    }
    trailer_fields_.add(name, value);
    return true;
}

void ServerStream::head_complete(bool end_stream) {
    verdict_ = reader_.finish(head_, end_stream);
    peer_ = session_->client().peer;
    has_head_ = true;
    may_be_tunnel_ = verdict_.accepted() && !head_.upgrade.empty();
}

/// With all that the client may still send of its body before anybody reads it.
std::size_t ServerStream::held_bytes() const {
    std::size_t body = arriving_.capacity() + given_.capacity();
    if (!remote_ended_) {
        std::size_t most = options_->http2.stream_window;
        if (head_.framing == http::Framing::length) {
            most = static_cast<std::size_t>(std::min<std::uint64_t>(most, head_.content_length));
        }
        body = std::max(body, most);
    }
    return sizeof(ServerStream) + reader_.bytes() + trailer_fields_.bytes() +
           head_.fields.capacity() * sizeof(http::Field) + body;
}

void ServerStream::receive(std::string_view octets) {
    // The window bounds what may come; blocks grow in steps of four.
    if (arriving_.room() < octets.size()) arriving_.reserve(arriving_.size() + octets.size());
    std::memcpy(arriving_.tail(), octets.data(), octets.size());
    arriving_.commit(octets.size());
    wake(body_waiter_);
}

void ServerStream::remote_ended() noexcept {
    remote_ended_ = true;
    wake(body_waiter_);
}

bool ServerStream::try_next(http::Chunk& chunk) {
    chunk = {};
    if (finished()) {
        chunk.last = true;
        return true;
    }
    if (cancelled_) {
        chunk.fault = Fault::cancelled;
        return true;
    }
    if (closed_ && (!remote_ended_ || fault_ != Fault::none)) {
        chunk.fault = fault_of_end();
        return true;
    }
    if (!given_.empty()) {
        const std::size_t accepted = given_.size();
        given_.release();
        if (!remote_ended_) session_->give_back(id_, accepted);
    }
    if (arriving_.empty() && !remote_ended_) return false;
    given_.swap(arriving_);
    chunk.data = given_.view();
    received_ += chunk.data.size();
    chunk.last = remote_ended_;
    if (limit_ != 0 && received_ > limit_) {
        chunk = {};
        chunk.fault = Fault::too_large;
    } else if (chunk.last && head_.has_content_length && received_ != head_.content_length) {
        // RFC 9113 §8.1.1. The library looks too; nothing must ever depend on that.
        chunk = {};
        chunk.fault = Fault::malformed;
    }
    if (chunk.last) {
        read_trailers(trailer_fields_, trailers_);
        finished_ = true;
    }
    return true;
}

Task<http::Chunk> ServerStream::next() {
    http::Chunk chunk;
    const auto limit = tunnel_ ? std::chrono::milliseconds(0) : options_->request_body;
    while (!try_next(chunk)) {
        if (std::exchange(interrupted_, false)) break;
        const bool late = co_await wait(body_waiter_, limit);
        if (late) {
            chunk.fault = Fault::timed_out;
            break;
        }
    }
    interrupted_ = false;  // A piece that came at the same moment ends the wait as well.
    co_return chunk;
}

void ServerStream::interrupt() noexcept {
    if (!body_waiter_.coroutine) return;
    interrupted_ = true;
    wake(body_waiter_);
}

// -- The response

Task<Fault> ServerStream::send_interim(const http::OutgoingResponse& head) {
    // RFC 9113 §8.6: there is no switching of protocols.
    if (head.status == 101) co_return Fault::none;
    if (closed_) co_return Fault::reset;
    if (!session_->submit_interim(id_, head)) co_return Fault::reset;
    ++heads_pending_;
    const Fault fault = co_await sent(write_limit());
    co_return fault;
}

Task<Fault> ServerStream::send_head(const http::OutgoingResponse& head, http::Chunk first,
                                    const http::Fields& trailers) {
    head_sent_ = true;
    if (closed_) co_return fault_of_end();
    has_body_ = head.framing != http::Framing::none;
    const bool ends = !has_body_ || (first.last && first.data.empty() && trailers.empty());
    if (!ends) {
        piece_ = first;
        trailers_out_ = &trailers;
    }
    if (!session_->submit_head(id_, head, ends)) {
        piece_ = {};
        co_return Fault::reset;
    }
    ++heads_pending_;
    const Fault fault = co_await sent(write_limit());
    co_return fault;
}

Task<Fault> ServerStream::send_body(http::Chunk piece, const http::Fields& trailers) {
    if (!has_body_ || (piece.data.empty() && !piece.last)) co_return Fault::none;
    if (closed_) co_return fault_of_end();
    piece_ = piece;
    trailers_out_ = &trailers;
    session_->resume(id_);
    const Fault fault = co_await sent(write_limit());
    co_return fault;
}

/// RFC 8441 §4: a 200, and from then on DATA carries the tunnel's octets. Whoever accepts what was
/// not asked for ends the stream.
Task<Fault> ServerStream::accept_upgrade(const http::OutgoingResponse& head,
                                         std::string_view /*protocol*/) {
    if (!may_be_tunnel_) {
        abort();
        co_return Fault::reset;
    }
    head_sent_ = true;
    if (closed_) co_return fault_of_end();
    if (!session_->submit_tunnel(id_, head)) co_return Fault::reset;
    ++heads_pending_;
    const Fault fault = co_await sent(options_->response_write);
    if (fault == Fault::none) {
        may_be_tunnel_ = false;
        tunnel_ = has_body_ = true;
        limit_ = 0;
    }
    co_return fault;
}

Task<void> ServerStream::end_tunnel() {
    if (closed_ || aborted_ || local_ended_) co_return;
    // What went out in part can't be taken for the whole.
    Fault fault = torn_ ? Fault::reset : Fault::none;
    if (fault == Fault::none) {
        piece_ = {};
        piece_.last = true;
        trailers_out_ = nullptr;
        session_->resume(id_);
        fault = co_await sent(options_->response_write);
    }
    if (fault != Fault::none) abort();
}

bool ServerStream::all_taken() const noexcept {
    return heads_pending_ == 0 && piece_.data.empty() && (!piece_.last || local_ended_);
}

Task<Fault> ServerStream::sent(std::chrono::milliseconds limit) {
    Fault fault = Fault::none;
    while (!all_taken()) {
        if (cancelled_) {
            fault = Fault::cancelled;
        } else if (closed_) {
            fault = fault_of_end();
        } else {
            const bool late = co_await wait(send_waiter_, limit);
            if (late) fault = Fault::timed_out;
        }
        if (fault != Fault::none) break;
    }
    torn_ = torn_ || !piece_.data.empty();
    // Whatever became of it: nobody looks at the caller's memory from here on.
    piece_ = {};
    trailers_out_ = nullptr;
    co_return fault;
}

ServerStream::Offer ServerStream::offer(std::size_t room) const noexcept {
    Offer out;
    if (piece_.data.empty() && !piece_.last) {
        out.nothing = true;
        return out;
    }
    out.size = std::min(room, piece_.data.size());
    out.last = piece_.last && out.size == piece_.data.size();
    out.trailers = out.last && trailers_out_ != nullptr && !trailers_out_->empty();
    return out;
}

void ServerStream::taken(std::size_t size, std::size_t wire) noexcept {
    bytes_sent_ += wire;
    piece_.data.remove_prefix(size);
    if (all_taken()) {
        wake(send_waiter_);
    } else if (send_waiter_.due != 0) {
        // The time counts from the last octet that was taken.
        send_waiter_.due = session_->loop().timers().after(options_->response_write);
    }
}

void ServerStream::head_taken(std::size_t wire) noexcept {
    bytes_sent_ += wire;
    if (heads_pending_ > 0) --heads_pending_;
    if (all_taken()) wake(send_waiter_);
}

void ServerStream::local_ended() noexcept {
    local_ended_ = true;
    if (all_taken()) wake(send_waiter_);
}

void ServerStream::abort() {
    abort_for(tunnel_ ? ResetReason::cut : ResetReason::failed);
}

/// Most codes speak of the origin's connection, and none may say that the response is complete
/// (NO_ERROR, C9) or that nothing was done (REFUSED_STREAM: clients would ask again).
void ServerStream::abort_with(std::uint32_t code) {
    if (code == NGHTTP2_CANCEL) {
        abort_for(ResetReason::cut);
    } else if (code == NGHTTP2_ENHANCE_YOUR_CALM) {
        abort_for(ResetReason::calm);
    } else {
        abort();
    }
}

void ServerStream::abort_for(ResetReason reason) {
    if (aborted_) return;
    aborted_ = true;
    if (closed_ || (local_ended_ && !tunnel_)) return;
    session_->reset(id_, reason);
}

// -- Its end

void ServerStream::closed(std::uint32_t code, Fault how) noexcept {
    closed_ = true;
    if (code != 0 || !local_ended_ || !remote_ended_) fault_ = how;
    wake(body_waiter_);
    wake(send_waiter_);
    if (left_callback_ != nullptr && !local_ended_ && !aborted_) {
        auto* const callback = std::exchange(left_callback_, nullptr);
        callback(left_context_);
    }
}

bool ServerStream::watch_client(void (*callback)(void*), void* context) {
    left_callback_ = callback;
    left_context_ = context;
    return callback != nullptr && closed_ && !local_ended_;
}

void ServerStream::cancel_io() {
    cancelled_ = true;
    wake(body_waiter_);
    wake(send_waiter_);
}

void ServerStream::dispatch() {
    peer_.trusted = session_->trusted();
    task_.start(
        answer(),
        [](void* self) {
            auto& stream = *static_cast<ServerStream*>(self);
            stream.session_->answered(stream);
        },
        this);
}

Task<void> ServerStream::answer() {
    http::Handler& handler = session_->handler();
    if (verdict_.accepted() && session_->refusing()) verdict_ = {503, "too_many_connections"};
    if (verdict_.accepted()) {
        co_await handler.handle(*this);
        if (tunnel_) co_await end_tunnel();
    } else {
        co_await handler.refuse(*this, verdict_.status, verdict_.code);
    }
}

// -- Waiting

void ServerStream::Awaiter::await_suspend(std::coroutine_handle<> self) const noexcept {
    net::TimerWheel& timers = stream.session_->loop().timers();
    waiter.coroutine = self;
    waiter.due = timers.after(timeout);
    if (waiter.due != 0) timers.schedule(stream, waiter.due);
}

void ServerStream::wake(Waiter& waiter) noexcept {
    if (waiter.coroutine) {
        session_->loop().resume_soon(std::exchange(waiter.coroutine, nullptr));
    }
}

std::uint64_t ServerStream::on_tick(std::uint64_t now) {
    std::uint64_t next_due = 0;
    for (Waiter* const waiter : {&body_waiter_, &send_waiter_}) {
        if (!waiter->coroutine || waiter->due == 0) continue;
        if (waiter->due <= now) {
            waiter->timed_out = true;
            wake(*waiter);
        } else if (next_due == 0 || waiter->due < next_due) {
            next_due = waiter->due;
        }
    }
    return next_due;
}

http::Ends ServerStream::ends() const {
    return session_ != nullptr ? session_->client().ends() : http::Exchange::ends();
}

}  // namespace switchyard::h2
