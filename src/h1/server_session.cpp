#include "h1/server_session.hpp"

#include "h1/serialize.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace switchyard::h1 {

namespace {

using namespace std::chrono_literals;
using net::IoStatus;

constexpr std::size_t kReadOfRequest = 64 * 1024;
/// What is left of a request body after its response is read and thrown away up to here, so that
/// the connection can go on; more, and it is closed.
constexpr std::uint64_t kDiscardBytes = 256 * 1024;
constexpr std::chrono::milliseconds kDiscardWait = 2s;
constexpr std::chrono::milliseconds kLingerWait = 2s;
/// What a client may still send after the last response: more than socket buffers on the way hold,
/// or the connection would be reset under a client that only then starts to read.
constexpr std::uint64_t kLingerBytes = 64 * 1024 * 1024;
constexpr std::uint64_t kLingerTurn = 1024 * 1024;  ///< Then the other connections get a turn.
constexpr unsigned kRequestsInTurn = 64;            ///< The same.
/// While the worker drains: a client that has just connected has its first request on the way.
constexpr std::chrono::milliseconds kFirstRequest = 1s;
}  // namespace

void ServerSession::begin_with(Buffer received) {
    context_ = contexts_.acquire();
    context_->input.swap(received);
}

void ServerSession::drain() noexcept {
    keep_alive_ = false;
    if (idle_) {
        leaving_ = true;
        stream_.cancel();
    }
}

void ServerSession::stop() noexcept {
    stopping_ = true;
    keep_alive_ = false;
    stream_.cancel();
}

void ServerSession::release_context() {
    if (context_) contexts_.release(std::move(context_));
}

Task<void> ServerSession::run() {
    unsigned in_turn = 0;
    for (;;) {
        const Next step = co_await read_head();
        if (step == Next::end) break;
        served_ = true;
        // Who pipelines without end must not keep the others waiting.
        if (++in_turn % kRequestsInTurn == 0) co_await stream_.loop().yield();
        co_await host_.handler().handle(*this);
        if (aborted_) {
            stream_.reset();
            break;
        }
        const bool go_on = co_await finish_body();
        if (!go_on) break;
    }
    release_context();
    if (!aborted_) stream_.end_tls();
    stream_.close();
}

/// Waits for a request and reads its head. After Next::request the context holds it.
Task<ServerSession::Next> ServerSession::read_head() {
    started_ns_ = 0;
    head_sent_ = false;
    keep_alive_ = !host_.draining();
    std::uint64_t deadline = 0;

    // What a client pipelined is here already.
    if (context_ && context_->input.empty()) release_context();
    bool fresh = context_ == nullptr;
    bool tried = false;  // In vain, e.g. with only a part of a TLS record there.
    // One for the whole of it: half a TLS record now and then prolongs nothing.
    std::uint64_t idle_until = 0;
    bool last_wait = false;
    for (;;) {
        if (fresh && (tried || !stream_.may_read())) {
            if (stopping_ || (host_.draining() && (served_ || last_wait))) co_return Next::end;
            const net::TimerWheel& timers = stream_.loop().timers();
            if (host_.draining()) {
                last_wait = true;
                idle_until = timers.after(kFirstRequest);
            } else if (idle_until == 0) {
                idle_until = timers.after(host_.options()->keep_alive);
            }
            IoStatus waited = IoStatus::timed_out;
            if (idle_until == 0 || timers.now() < idle_until) {
                idle_ = true;
                waited = co_await stream_.readable(timers.left(idle_until));
                idle_ = false;
            }
            tried = false;
            if (waited == IoStatus::cancelled && leaving_ && !stopping_) {
                leaving_ = false;
                stream_.look_once_more();
            } else if (waited != IoStatus::ok) {
                co_return Next::end;
            }
        }
        if (!context_) context_ = contexts_.acquire();
        RequestContext& context = *context_;
        if (started_ns_ == 0) {
            context.options = host_.options();
            client_.peer.trusted = host_.trusts(client_.address);
            context.writer.start(stream_, context.options->response_write);
            context.writer.reset_count();
            context.parser.start(context.head, context.options->limits);
            deadline = stream_.loop().timers().after(context.options->request_head);
        }
        if (!context.input.empty() && started_ns_ == 0) {
            started_ns_ = net::EventLoop::now_ns();
        } else {
            // Read into memory of the thread, large enough for a head with a fair upload behind it,
            // and keep what came in a block of its size.
            static thread_local std::array<char, kReadOfRequest> arrivals;
            std::size_t done = 0;
            const IoStatus status = stream_.try_read(arrivals.data(), arrivals.size(), done);
            if (status == IoStatus::again) {
                if (context.input.empty()) {
                    release_context();
                    fresh = tried = true;
                    continue;
                }
                const net::TimerWheel& timers = stream_.loop().timers();
                IoStatus waited = IoStatus::timed_out;
                if (deadline == 0 || timers.now() < deadline) {
                    waited = co_await stream_.readable(timers.left(deadline));
                }
                if (waited == IoStatus::timed_out) {
                    co_await refuse({408, "request_head_timeout"});
                    co_return Next::end;
                }
                if (waited != IoStatus::ok) co_return Next::end;
                continue;
            }
            if (status != IoStatus::ok) co_return Next::end;
            if (context.input.room() < done) context.input.reserve(context.input.size() + done);
            std::memcpy(context.input.tail(), arrivals.data(), done);
            context.input.commit(done);
            if (started_ns_ == 0) started_ns_ = net::EventLoop::now_ns();
        }
        fresh = false;

        const ParseResult parsed = context.parser.parse(context.input.data(), context.input.size());
        if (parsed.status == ParseStatus::need_more) continue;
        http::Verdict verdict = parsed.verdict;
        if (parsed.status == ParseStatus::done) verdict = http::validate_request(context.head);
        if (refusing_ && verdict.accepted()) verdict = {503, "too_many_connections"};
        if (!verdict.accepted()) {
            co_await refuse(verdict);
            co_return Next::end;
        }
        context.input.consume(parsed.consumed);
        if (!context.head.keep_alive) keep_alive_ = false;
        context.body.start(stream_, context.input, context.body_input, context.head.framing,
                           context.head.content_length, context.options->body_bytes,
                           context.options->request_body);
        co_return Next::request;
    }
}

Task<void> ServerSession::refuse(http::Verdict verdict) {
    keep_alive_ = false;
    // Whatever follows can't be told from a body: nothing of it is used.
    context_->body.start(stream_, context_->input, context_->body_input, http::Framing::none, 0, 0,
                         0ms);
    co_await host_.handler().refuse(*this, verdict.status, verdict.code);
    if (aborted_) {
        stream_.reset();
        co_return;
    }
    co_await linger();
}

/// After a response: makes the connection ready for the next request. False: it ends.
Task<bool> ServerSession::finish_body() {
    stream_.watch_hang_up(nullptr, nullptr);
    RequestContext& context = *context_;
    if (!keep_alive_ || !head_sent_ || stopping_) {
        const bool unread =
            !context.body.finished() || !context.input.empty() || !context.body_input.empty();
        if (head_sent_ && unread) co_await linger();
        co_return false;
    }
    std::uint64_t discarded = 0;
    const net::TimerWheel& timers = stream_.loop().timers();
    const std::uint64_t discard_until = timers.after(kDiscardWait);
    while (!context.body.finished()) {
        http::Chunk chunk;
        if (!context.body.try_next(chunk)) {
            IoStatus waited = IoStatus::timed_out;
            if (timers.now() < discard_until) {
                waited = co_await stream_.readable(timers.left(discard_until));
            }
            if (waited != IoStatus::ok) {
                co_await linger();
                co_return false;
            }
            continue;
        }
        discarded += chunk.data.size();
        if (chunk.fault != http::Fault::none || discarded > kDiscardBytes) {
            co_await linger();
            co_return false;
        }
    }
    if (!context.body_input.empty()) {
        // The next request came with the end of this body: heads are read from `input`.
        context.input.swap(context.body_input);
    }
    context.body_input.release();
    context.head.clear();
    if (!context.input.empty()) context.input.reserve(context.input.capacity());
    co_return true;
}

/// Closing while the client still sends would reset the connection, and the reset may overtake the
/// response: send our end, then read what comes until theirs (RFC 9112 §9.6), within bounds.
Task<void> ServerSession::linger() {
    stream_.shutdown_send();
    Buffer& buffer = context_->body_input;
    buffer.reserve(64 * 1024);
    const std::uint64_t deadline = stream_.loop().timers().after(kLingerWait);
    std::uint64_t discarded = 0;
    std::uint64_t turn = 0;
    while (discarded <= kLingerBytes && !stream_.is_cancelled()) {
        buffer.clear();
        std::size_t done = 0;
        const IoStatus status = stream_.try_read(buffer.tail(), buffer.room(), done);
        if (status != IoStatus::ok && status != IoStatus::again) break;
        const std::uint64_t now = stream_.loop().timers().now();
        if (now >= deadline) break;
        if (status == IoStatus::ok) {
            discarded += done;
            turn += done;
            if (turn > kLingerTurn) {
                turn = 0;
                co_await stream_.loop().yield();
            }
            continue;
        }
        const auto left = net::TimerWheel::kTick * static_cast<int>(deadline - now);
        const IoStatus waited = co_await stream_.readable(left);
        if (waited != IoStatus::ok) break;
    }
}

bool ServerSession::watch_client(void (*callback)(void*), void* context) {
    stream_.watch_hang_up(callback, context);
    // One that closed its sending side together with its request may still wait for the answer.
    return callback != nullptr && stream_.broken();
}

Task<http::Fault> ServerSession::send_interim(const http::OutgoingResponse& head) {
    if (context_->head.version == 10) co_return http::Fault::none;
    std::string& out = context_->output;
    out.clear();
    append_response(out, head, false, ConnectionLine::none);
    const http::Fault fault = co_await context_->writer.send_raw(out);
    co_return fault;
}

Task<http::Fault> ServerSession::send_head(const http::OutgoingResponse& head, http::Chunk first,
                                           const http::Fields& trailers) {
    const bool http10 = context_->head.version == 10;
    const bool unknown =
        head.framing == http::Framing::chunked || head.framing == http::Framing::close;
    if (unknown && http10) keep_alive_ = false;
    if (host_.draining()) keep_alive_ = false;
    // The whole answer, and more of the request to come than finish_body() throws away.
    if (first.last && context_->body.rest() > kDiscardBytes) keep_alive_ = false;
    ConnectionLine connection = ConnectionLine::none;
    if (!keep_alive_) {
        connection = ConnectionLine::close;
    } else if (http10) {
        connection = ConnectionLine::keep_alive;
    }
    const bool chunked = unknown && !http10;
    std::string& out = context_->output;
    out.clear();
    append_response(out, head, chunked, connection);
    head_sent_ = true;
    const bool body = head.framing != http::Framing::none;
    // When all that this round of events brought was read: sends right behind one another find
    // their way through the kernel warm, and wake a peer on this machine once instead of once each.
    co_await stream_.loop().yield();
    const http::Fault fault =
        co_await context_->writer.send_head(out, body, chunked, first, trailers);
    co_return fault;
}

Task<http::Fault> ServerSession::accept_upgrade(const http::OutgoingResponse& head,
                                                std::string_view protocol) {
    keep_alive_ = false;  // This connection never speaks HTTP again.
    std::string& out = context_->output;
    out.clear();
    append_switching(out, head, protocol);
    head_sent_ = true;
    co_await stream_.loop().yield();
    const http::Fault fault = co_await context_->writer.send_raw(out);
    if (fault == http::Fault::none) {
        context_->writer.start_tunnel();
        context_->body.start(stream_, context_->input, context_->body_input, http::Framing::tunnel,
                             0, 0, 0ms);
    }
    co_return fault;
}

Task<http::Fault> ServerSession::send_body(http::Chunk piece, const http::Fields& trailers) {
    return context_->writer.send_body(piece, trailers);
}

bool ServerSession::takes_pipe() const noexcept {
    return context_->writer.takes_pipe();
}

Task<http::Fault> ServerSession::send_body(Pipe& pipe, bool more) {
    return context_->writer.send_body(pipe, more);
}

}  // namespace switchyard::h1
