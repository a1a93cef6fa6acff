#include "h2/client_stream.hpp"

#include "h2/client_session.hpp"
#include "h2/request_reader.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <nghttp2/nghttp2.h>

namespace switchyard::h2 {

using http::Fault;

namespace {
/// Interim responses that may wait for whoever reads them.
constexpr std::size_t kWaitingHeads = 16;
}  // namespace

ClientStream::~ClientStream() {
    if (session_ != nullptr) session_->give_up(*this);
    store_.give(std::move(response_));
}

Task<Fault> ClientStream::wait_for_session(std::chrono::milliseconds timeout) {
    if (cancelled_) co_return Fault::cancelled;
    const bool late = co_await wait(reader_, timeout);
    if (cancelled_) co_return Fault::cancelled;
    if (late) co_return Fault::timed_out;
    co_return Fault::none;
}

// -- The request

Task<Fault> ClientStream::send_head(const http::OutgoingRequest& head, http::Chunk first,
                                    const http::Fields& trailers,
                                    std::chrono::milliseconds timeout) {
    write_timeout_ = timeout;
    if (cancelled_) co_return Fault::cancelled;
    if (session_ == nullptr) co_return fault_of_end();
    has_body_ = head.framing != http::Framing::none;
    const bool ends = !has_body_ || (first.last && first.data.empty() && trailers.empty());
    if (!ends) {
        piece_ = first;
        trailers_out_ = &trailers;
    }
    sent_tick_ = loop_.timers().now();
    head_pending_ = true;
    id_ = session_->submit(*this, head, ends);
    if (id_ <= 0) {
        head_pending_ = false;
        piece_ = {};
        trailers_out_ = nullptr;
        co_return Fault::reset;
    }
    const Fault fault = co_await sent();
    co_return fault;
}

Task<Fault> ClientStream::send_body(http::Chunk piece, const http::Fields& trailers) {
    if (!has_body_ || local_ended_ || (piece.data.empty() && !piece.last)) co_return Fault::none;
    if (cancelled_) co_return Fault::cancelled;
    if (closed_ || session_ == nullptr) co_return fault_of_end();
    piece_ = piece;
    trailers_out_ = &trailers;
    session_->resume(id_);
    const Fault fault = co_await sent();
    co_return fault;
}

bool ClientStream::all_taken() const noexcept {
    return !head_pending_ && piece_.data.empty() && (!piece_.last || local_ended_);
}

Task<Fault> ClientStream::sent() {
    Fault fault = Fault::none;
    while (!all_taken()) {
        if (cancelled_) {
            fault = Fault::cancelled;
        } else if (closed_) {
            fault = fault_of_end();
        } else {
            const bool late = co_await wait(sender_, write_timeout_);
            if (late) fault = Fault::timed_out;
        }
        if (fault != Fault::none) break;
    }
    // Whatever became of it: nobody looks at the caller's memory from here on.
    piece_ = {};
    trailers_out_ = nullptr;
    sent_tick_ = loop_.timers().now();
    co_return fault;
}

ClientStream::Offer ClientStream::offer(std::size_t room) const noexcept {
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

void ClientStream::taken(std::size_t size) noexcept {
    piece_.data.remove_prefix(size);
    if (all_taken()) {
        wake(sender_);
    } else if (sender_.due != 0) {
        // The time counts from the last octet that was taken.
        sender_.due = loop_.timers().after(write_timeout_);
    }
}

void ClientStream::head_taken() noexcept {
    head_pending_ = false;
    head_written_ = true;
    if (all_taken()) wake(sender_);
}

void ClientStream::local_ended() noexcept {
    local_ended_ = true;
    if (all_taken()) wake(sender_);
}

bool ClientStream::unprocessed() const noexcept {
    if (refused_ || unflushed_ || !head_written_) return true;
    return session_ != nullptr && session_->flushed() <= head_at_;
}

// -- The response

void ClientStream::block_begins() noexcept {
    received_anything_ = true;
    if (!final_head_) response_.reading.start();
}

bool ClientStream::add_field(std::string_view name, std::string_view value) {
    if (!final_head_) return response_.reading.add(name, value);
    response_.trailer_fields.weigh(name, value);
    if (response_.trailer_fields.weight() > kResponseLimits.head_bytes ||
        response_.trailer_fields.size() >= kResponseLimits.header_count) {
        return false;
    }
    response_.trailer_fields.add(name, value);
    return true;
}

bool ClientStream::block_complete(bool end_stream) {
    if (final_head_) return true;
    response_.reading.complete(end_stream);
    if (response_.waiting.size() >= kWaitingHeads) return false;
    final_head_ = !response_.reading.is_interim();
    response_.waiting.push_back(std::move(response_.reading));
    response_.reading = {};
    wake(reader_);
    return true;
}

Task<Fault> ClientStream::read_head(http::ResponseHead& head, http::Verb request,
                                    std::string_view /*upgrade*/, std::chrono::milliseconds timeout,
                                    std::chrono::milliseconds body_timeout) {
    body_timeout_ = body_timeout;
    for (;;) {
        if (cancelled_) co_return Fault::cancelled;
        if (!response_.waiting.empty()) break;
        if (malformed_) co_return Fault::malformed;
        if (closed_ || session_ == nullptr) co_return fault_of_end();
        const bool late = co_await wait(reader_, timeout);
        if (late && response_.waiting.empty() && !closed_ && !cancelled_) {
            // Slow, or a connection that swallows everything?
            if (session_ != nullptr) session_->doubt(sent_tick_);
            co_return Fault::timed_out;
        }
    }
    response_.handed_out = std::move(response_.waiting.front());
    response_.waiting.erase(response_.waiting.begin());
    if (!response_.handed_out.finish(head, request)) {
        malformed_ = true;
        co_return Fault::malformed;
    }
    if (head.status >= 200) {
        finished_ = head.framing == http::Framing::none;
        has_length_ = head.framing == http::Framing::length;
        length_ = head.content_length;
    }
    co_return Fault::none;
}

void ClientStream::receive(std::string_view octets) {
    // The window bounds what may come; blocks grow in steps of four.
    if (arriving_.room() < octets.size()) arriving_.reserve(arriving_.size() + octets.size());
    std::memcpy(arriving_.tail(), octets.data(), octets.size());
    arriving_.commit(octets.size());
    wake(reader_);
}

void ClientStream::remote_ended() noexcept {
    remote_ended_ = true;
    wake(reader_);
}

bool ClientStream::try_next(http::Chunk& chunk) {
    chunk = {};
    if (finished_) {
        chunk.last = true;
        return true;
    }
    if (cancelled_) {
        chunk.fault = Fault::cancelled;
        return true;
    }
    if (malformed_) {
        chunk.fault = Fault::malformed;
        return true;
    }
    if (closed_ && !remote_ended_) {
        chunk.fault = fault_of_end();
        return true;
    }
    if (!given_.empty()) {
        const std::size_t accepted = given_.size();
        given_.release();
        if (!remote_ended_ && session_ != nullptr) session_->give_back(id_, accepted);
    }
    if (arriving_.empty() && !remote_ended_) return false;
    given_.swap(arriving_);
    chunk.data = given_.view();
    received_ += chunk.data.size();
    chunk.last = remote_ended_;
    // RFC 9113 §8.1.1. The library looks too; nothing must ever depend on that.
    if (has_length_ && (received_ > length_ || (chunk.last && received_ != length_))) {
        chunk = {};
        chunk.fault = Fault::malformed;
        malformed_ = true;
        return true;
    }
    if (chunk.last) {
        read_trailers(response_.trailer_fields, response_.trailers);
        finished_ = true;
    }
    return true;
}

Task<http::Chunk> ClientStream::next() {
    http::Chunk chunk;
    while (!try_next(chunk)) {
        if (std::exchange(interrupted_, false)) break;
        const std::uint64_t began = loop_.timers().now();
        const bool late = co_await wait(reader_, body_timeout_);
        if (late) {
            if (session_ != nullptr) session_->doubt(began);
            chunk.fault = Fault::timed_out;
            break;
        }
    }
    interrupted_ = false;  // A piece that came at the same moment ends the wait as well.
    co_return chunk;
}

void ClientStream::interrupt() noexcept {
    if (!reader_.coroutine) return;
    interrupted_ = true;
    wake(reader_);
}

// -- Its end

void ClientStream::closed(std::uint32_t code) noexcept {
    closed_ = true;
    refused_ = code == NGHTTP2_REFUSED_STREAM && !received_anything_;
    if (!remote_ended_) {
        fault_ = Fault::reset;
        // Not the origin's: the library or we found what makes it so.
        if (!reset_code_ && (code == NGHTTP2_PROTOCOL_ERROR || code == NGHTTP2_FLOW_CONTROL_ERROR ||
                             code == NGHTTP2_FRAME_SIZE_ERROR)) {
            malformed_ = true;
        }
    }
    wake(reader_);
    wake(sender_);
}

void ClientStream::detached(Fault how) noexcept {
    if (!closed_) {
        closed_ = true;
        if (!remote_ended_) {
            fault_ = how;
            malformed_ = malformed_ || how == Fault::malformed;
        }
    }
    unflushed_ = !head_written_ || session_->flushed() <= head_at_;
    session_ = nullptr;
    wake(reader_);
    wake(sender_);
}

Fault ClientStream::fault_of_end() const noexcept {
    if (malformed_) return Fault::malformed;
    if (fault_ != Fault::none) return fault_;
    return Fault::closed;
}

void ClientStream::cancel() noexcept {
    cancelled_ = true;
    wake(reader_);
    wake(sender_);
}

// -- Waiting

void ClientStream::Awaiter::await_suspend(std::coroutine_handle<> self) const noexcept {
    net::TimerWheel& timers = stream.loop_.timers();
    waiter.coroutine = self;
    waiter.due = timers.after(timeout);
    if (waiter.due != 0) timers.schedule(stream, waiter.due);
}

void ClientStream::wake(Waiter& waiter) noexcept {
    if (waiter.coroutine) loop_.resume_soon(std::exchange(waiter.coroutine, nullptr));
}

std::uint64_t ClientStream::on_tick(std::uint64_t now) {
    std::uint64_t next_due = 0;
    for (Waiter* const waiter : {&reader_, &sender_}) {
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

}  // namespace switchyard::h2
