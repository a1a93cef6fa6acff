#include "h2/server_session.hpp"

#include "h2/callbacks.hpp"
#include "h2/library.hpp"
#include "h2/library_memory.hpp"
#include "h2/suspended.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <utility>

namespace switchyard::h2 {

namespace {

using namespace std::chrono_literals;
using net::IoStatus;
using observe::Http2Limit;

/// Answers that wait to be written, besides those that streams need.
constexpr std::size_t kQueuedFrames = 1000;
/// The second GOAWAY comes after a round trip, which takes no longer than this.
constexpr std::chrono::milliseconds kDrainStep = 1s;
constexpr std::chrono::milliseconds kLingerWait = 2s;
constexpr std::uint64_t kLingerBytes = 64 * 1024 * 1024;

constexpr std::uint32_t code_of(ResetReason reason) noexcept {
    switch (reason) {
        case ResetReason::answered:
            return NGHTTP2_NO_ERROR;
        case ResetReason::malformed:
            return NGHTTP2_PROTOCOL_ERROR;
        case ResetReason::refused:
            return NGHTTP2_REFUSED_STREAM;
        case ResetReason::cut:
            return NGHTTP2_CANCEL;
        case ResetReason::calm:
            return NGHTTP2_ENHANCE_YOUR_CALM;
        case ResetReason::failed:
            break;
    }
    return NGHTTP2_INTERNAL_ERROR;
}

}  // namespace

ServerSession::~ServerSession() {
    nghttp2_session_del(library_);
}

bool ServerSession::begin() {
    if (nghttp2_session_server_new3(&library_, server_callbacks(), this, server_behaviour(),
                                    library_memory()) != 0) {
        return false;
    }
    const session::ServerOptions& options = *host_.options();
    const session::Http2Options& http2 = options.http2;
    streams_limit_ = http2.max_concurrent_streams;
    continuations_limit_ = http2.continuations;
    guard_.start(http2, ticks());
    const std::array<nghttp2_settings_entry, 6> settings = {
        {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, http2.max_concurrent_streams},
         {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, http2.stream_window},
         {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
          static_cast<std::uint32_t>(options.limits.head_bytes)},
         {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, http2.header_table},
         {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},      // RFC 9218 §2.1
         {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1}}};  // RFC 8441 §3
    const std::size_t count = settings.size() - (http2.extended_connect ? 0 : 1);
    if (nghttp2_submit_settings(library_, NGHTTP2_FLAG_NONE, settings.data(), count) != 0 ||
        nghttp2_session_set_local_window_size(library_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow) !=
            0) {
        return false;
    }
    head_due_ = stream_.loop().timers().after(options.request_head);
    idle_due_ = stream_.loop().timers().after(options.keep_alive);
    settings_due_ = stream_.loop().timers().after(http2.settings_ack);
    look_again(head_due_);
    look_again(idle_due_);
    look_again(settings_due_);
    return true;
}

Task<void> ServerSession::run() {
    if (!begin()) {
        stream_.close();
        co_return;
    }
    host_.counters().http2_connections.add();
    writer_.start(write_loop());
    want_write();
    if (host_.draining()) drain();
    if (!received_.empty()) feed(received_.view());
    received_.release();

    unsigned reads = 0;
    while (!over_ && !broken_ && !stopping_) {
        static thread_local std::array<char, kRead> arrivals;
        std::size_t done = 0;
        IoStatus status = stream_.try_read(arrivals.data(), arrivals.size(), done);
        if (status == IoStatus::again) {
            status = co_await stream_.readable(0ms);
            if (status == IoStatus::ok) continue;
        }
        if (status != IoStatus::ok) break;
        feed({arrivals.data(), done});
        // Who sends without end must not keep the others waiting.
        if (++reads % kReadsInTurn == 0) co_await stream_.loop().yield();
    }
    const bool in_order = over_ && !broken_ && !stopping_;
    if (in_order) {
        stream_.clear_cancel();
        stream_.shutdown_send();
    } else {
        stream_.cancel();
    }
    co_await end_streams();
    closing_ = true;
    if (writer_waits_) stream_.loop().resume_soon(std::exchange(writer_waits_, nullptr));
    co_await writer_.join();
    if (in_order) co_await linger();
    if (!in_order) stream_.end_tls();
    stream_.close();
}

void ServerSession::feed(std::string_view octets) {
    if (terminated_) return;
    const ssize_t used = nghttp2_session_mem_recv(
        library_, reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size());
    if (used == NGHTTP2_ERR_FLOODED) {
        too_many(Http2Limit::responses);
    } else if (used == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
        // RFC 9113 §3.4
        end_with(NGHTTP2_PROTOCOL_ERROR, "no connection preface");
    } else if (used == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS) {
        // Of a block that was refused already: those are not shown to us.
        too_many(Http2Limit::continuations);
    } else if (used < 0) {
        end_with(NGHTTP2_INTERNAL_ERROR, nghttp2_strerror(static_cast<int>(used)));
    } else if (nghttp2_session_get_outbound_queue_size(library_) >
               kQueuedFrames + 4 * std::size_t{streams_limit_}) {
        too_many(Http2Limit::responses);
    }
    dispatch_ready();
    want_write();
}

/// Outside of the library: a handler may answer at once.
void ServerSession::dispatch_ready() {
    for (ServerStream* const stream : ready_) {
        // Opened and reset in one go: nobody has to hear of it.
        if (stream->is_closed()) {
            release(*stream);
        } else {
            stream->dispatch();
        }
    }
    ready_.clear();
}

// -- Writing

void ServerSession::want_write() {
    write_wanted_ = true;
    if (writer_waits_) stream_.loop().resume_soon(std::exchange(writer_waits_, nullptr));
}

void ServerSession::append(std::string_view octets) {
    if (out_.room() < octets.size()) {
        out_.reserve(std::max(out_.size() + octets.size(), 2 * out_.capacity()));
    }
    if (!octets.empty()) std::memcpy(out_.tail(), octets.data(), octets.size());
    out_.commit(octets.size());
}

void ServerSession::collect() {
    try {
        while (out_.size() < kBatch) {
            const std::uint8_t* data = nullptr;
            const ssize_t size = nghttp2_session_mem_send(library_, &data);
            if (size < 0) broken_ = true;
            if (size <= 0) break;
            append({reinterpret_cast<const char*>(data), static_cast<std::size_t>(size)});
        }
    } catch (const std::bad_alloc&) {
        broken_ = true;
    }
}

Task<void> ServerSession::write_loop() {
    for (;;) {
        while (!write_wanted_ && !closing_)
            co_await Suspended{writer_waits_};
        if (!write_wanted_ || closing_) co_return;
        // When all that this round of events brought was handled: one write for all of it.
        co_await stream_.loop().yield();
        write_wanted_ = false;
        collect();
        if (!out_.empty() && !broken_) {
            iovec piece{out_.data(), out_.size()};
            const net::Stream::Transfer sent =
                co_await stream_.write_all({&piece, 1}, host_.options()->response_write);
            out_.clear();
            if (sent.status != IoStatus::ok) broken_ = true;
            if (nghttp2_session_want_write(library_) != 0) write_wanted_ = true;
        }
        if (!write_wanted_ || broken_) out_.release();
        if (broken_) {
            stream_.cancel();
            co_return;
        }
        if (over() && !over_) {
            over_ = true;
            wake_reader();
        }
    }
}

bool ServerSession::over() const noexcept {
    return nghttp2_session_want_read(library_) == 0 && nghttp2_session_want_write(library_) == 0;
}

void ServerSession::wake_reader() {
    // Nobody writes: the writer itself asks.
    stream_.cancel();
}

// -- Streams

ServerStream* ServerSession::open_stream(std::int32_t id) {
    ServerStream* const stream = store_.acquire().release();
    stream->before = nullptr;
    stream->behind = streams_;
    if (streams_ != nullptr) streams_->before = stream;
    streams_ = stream;
    ++stream_count_;
    idle_due_ = 0;
    stream->begin(*this, id);
    return stream;
}

void ServerSession::release(ServerStream& stream) {
    if (stream.before != nullptr) {
        stream.before->behind = stream.behind;
    } else {
        streams_ = stream.behind;
    }
    if (stream.behind != nullptr) stream.behind->before = stream.before;
    store_.release(std::unique_ptr<ServerStream>(&stream));
    if (--stream_count_ > 0) return;
    idle_due_ = stream_.loop().timers().after(host_.options()->keep_alive);
    look_again(idle_due_);
    if (end_waits_) stream_.loop().resume_soon(std::exchange(end_waits_, nullptr));
}

void ServerSession::stream_closed(std::int32_t id, std::uint32_t code) {
    if (id == head_stream_ && settled_) head_due_ = 0;
    auto* const stream =
        static_cast<ServerStream*>(nghttp2_session_get_stream_user_data(library_, id));
    if (stream == nullptr) return;
    nghttp2_session_set_stream_user_data(library_, id, nullptr);
    if (stream->has_head()) {
        stream->closed(code, http::Fault::reset);
    } else {
        release(*stream);
    }
}

void ServerSession::answered(ServerStream& stream) {
    if (!stream.is_closed()) {
        if (!stream.answered()) {
            if (!stream.was_aborted()) reset(stream.id(), ResetReason::failed);
        } else if (stream.remote_open() && !(stream.is_tunnel() && stream.was_aborted())) {
            reset(stream.id(), ResetReason::answered);
        }
        nghttp2_session_set_stream_user_data(library_, stream.id(), nullptr);
    }
    if (refusing_) finish_drain();
    release(stream);
}

/// The connection is gone: so are its streams; their handlers are waited for.
Task<void> ServerSession::end_streams() {
    const http::Fault how = stopping_ ? http::Fault::cancelled : http::Fault::reset;
    for (ServerStream* stream = streams_; stream != nullptr;) {
        ServerStream* const after = stream->behind;
        // The writer may still be at work: it must find nobody where nobody is any more.
        if (!stream->is_closed()) {
            nghttp2_session_set_stream_user_data(library_, stream->id(), nullptr);
        }
        if (!stream->has_head()) {
            release(*stream);
        } else if (!stream->is_closed()) {
            stream->closed(NGHTTP2_CANCEL, how);
        }
        stream = after;
    }
    while (stream_count_ > 0)
        co_await Suspended{end_waits_};
}

bool ServerSession::submit_interim(std::int32_t id, const http::OutgoingResponse& head) {
    const auto pairs = fields_.head(head);
    const int result = nghttp2_submit_headers(library_, NGHTTP2_FLAG_NONE, id, nullptr,
                                              pairs.data(), pairs.size(), nullptr);
    want_write();
    return result == 0;
}

bool ServerSession::submit_head(std::int32_t id, const http::OutgoingResponse& head, bool ends) {
    const auto pairs = fields_.head(head);
    const int result = nghttp2_submit_response(library_, id, pairs.data(), pairs.size(),
                                               ends ? nullptr : body_provider());
    want_write();
    return result == 0;
}

bool ServerSession::submit_tunnel(std::int32_t id, const http::OutgoingResponse& head) {
    const auto pairs = fields_.tunnel_head(head);
    const int result =
        nghttp2_submit_response(library_, id, pairs.data(), pairs.size(), body_provider());
    want_write();
    return result == 0;
}

void ServerSession::resume(std::int32_t id) {
    // It fails where nothing was deferred: then the library asks by itself.
    nghttp2_session_resume_data(library_, id);
    want_write();
}

void ServerSession::give_back(std::int32_t id, std::size_t octets) {
    nghttp2_session_consume_stream(library_, id, octets);
    want_write();
}

void ServerSession::reset(std::int32_t id, ResetReason reason) {
    nghttp2_submit_rst_stream(library_, NGHTTP2_FLAG_NONE, id, code_of(reason));
    want_write();
}

// -- The end of the connection

void ServerSession::too_many(Http2Limit limit, std::uint32_t code) {
    if (terminated_) return;
    host_.http2_limit_passed(client_.text, limit);
    end_with(code, to_string(limit));
}

/// Before SETTINGS are applied: how far the widest window for sending is over the initial one.
void ServerSession::measure_windows() noexcept {
    const std::int64_t initial =
        nghttp2_session_get_remote_settings(library_, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE);
    widest_ = 0;
    for (const ServerStream* stream = streams_; stream != nullptr; stream = stream->behind) {
        const std::int64_t window =
            nghttp2_session_get_stream_remote_window_size(library_, stream->id());
        widest_ = std::max(widest_, window - initial);
    }
}

/// SETTINGS of the client were applied.
void ServerSession::settings_taken() {
    if (!settled_) {
        settled_ = true;
        head_due_ = 0;
    }
    // RFC 9113 §6.9.2: a setting that takes a window over the most is an error of the connection;
    // the library ends the streams concerned.
    constexpr std::int64_t kMostWindow = 0x7fffffff;
    const std::int64_t initial =
        nghttp2_session_get_remote_settings(library_, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE);
    if (initial + widest_ > kMostWindow) {
        end_with(NGHTTP2_FLOW_CONTROL_ERROR, "a window that is too large");
    }
}

void ServerSession::end_with(std::uint32_t code, std::string_view why) {
    if (terminated_) return;
    terminated_ = true;
    const std::int32_t last = nghttp2_session_get_last_proc_stream_id(library_);
    nghttp2_submit_goaway(library_, NGHTTP2_FLAG_NONE, last, code,
                          reinterpret_cast<const std::uint8_t*>(why.data()), why.size());
    nghttp2_session_terminate_session2(library_, last, code);
    want_write();
}

void ServerSession::drain() noexcept {
    if (draining_ || terminated_) return;
    draining_ = true;
    // RFC 9113 §6.8: what the client sends before it hears of it is still taken.
    nghttp2_submit_shutdown_notice(library_);
    nghttp2_submit_ping(library_, NGHTTP2_FLAG_NONE, kDrainPing);
    drain_due_ = stream_.loop().timers().after(kDrainStep);
    look_again(drain_due_);
    want_write();
}

void ServerSession::finish_drain() {
    if (drained_ || terminated_) return;
    drained_ = true;
    drain_due_ = 0;
    nghttp2_submit_goaway(library_, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(library_), NGHTTP2_NO_ERROR,
                          nullptr, 0);
    want_write();
}

void ServerSession::stop() noexcept {
    stopping_ = true;
    stream_.cancel();
}

void ServerSession::look_again(std::uint64_t tick) noexcept {
    if (tick != 0) stream_.loop().timers().schedule(*this, tick);
}

std::uint64_t ServerSession::on_tick(std::uint64_t now) {
    const auto due = [now](std::uint64_t& tick) {
        if (tick == 0 || tick > now) return false;
        tick = 0;
        return true;
    };
    if (library_ == nullptr || over_ || closing_) return 0;
    if (due(head_due_)) too_many(Http2Limit::request_head);
    if (due(settings_due_)) too_many(Http2Limit::settings_ack, NGHTTP2_SETTINGS_TIMEOUT);
    if (due(drain_due_)) finish_drain();
    if (due(idle_due_) && !terminated_) {
        nghttp2_session_terminate_session2(
            library_, nghttp2_session_get_last_proc_stream_id(library_), NGHTTP2_NO_ERROR);
        want_write();
    }
    std::uint64_t next = 0;
    for (const std::uint64_t tick : {head_due_, idle_due_, drain_due_, settings_due_}) {
        if (tick != 0 && (next == 0 || tick < next)) next = tick;
    }
    return next;
}

/// As in HTTP/1: a close while the client still sends would reset the connection, and the reset may
/// overtake what was said last.
Task<void> ServerSession::linger() {
    const std::uint64_t deadline = stream_.loop().timers().after(kLingerWait);
    std::uint64_t discarded = 0;
    unsigned reads = 0;
    while (discarded <= kLingerBytes && !stream_.is_cancelled()) {
        static thread_local std::array<char, kRead> rubbish;
        std::size_t done = 0;
        const IoStatus status = stream_.try_read(rubbish.data(), rubbish.size(), done);
        if (status != IoStatus::ok && status != IoStatus::again) break;
        const net::TimerWheel& timers = stream_.loop().timers();
        if (timers.now() >= deadline) break;
        discarded += done;
        if (status == IoStatus::ok) {
            if (++reads % kReadsInTurn == 0) co_await stream_.loop().yield();
            continue;
        }
        const IoStatus waited = co_await stream_.readable(timers.left(deadline));
        if (waited != IoStatus::ok) break;
    }
}

}  // namespace switchyard::h2
