#include "h2/client_session.hpp"

#include "h2/client_callbacks.hpp"
#include "h2/library.hpp"
#include "h2/library_memory.hpp"
#include "h2/suspended.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <new>
#include <sys/socket.h>
#include <utility>

namespace switchyard::h2 {

namespace {

using namespace std::chrono_literals;
using http::Fault;
using net::IoStatus;

/// Has the kernel find out that the other host is gone, without a frame of HTTP/2: origins of gRPC
/// take more than a PING in minutes for an attack. (Unix sockets know by themselves.)
void keep_alive(int fd) noexcept {
    const auto set = [fd](int level, int name, int value) {
        ::setsockopt(fd, level, name, &value, sizeof value);
    };
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, 20);
    set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
    set(IPPROTO_TCP, TCP_KEEPCNT, 3);
}

}  // namespace

ClientSession::~ClientSession() {
    release_all(Fault::reset);
    count_end(true);
    nghttp2_session_del(library_);
}

bool ClientSession::begin(std::chrono::milliseconds patience) {
    if (nghttp2_session_client_new3(&library_, client_callbacks(), this, client_behaviour(),
                                    library_memory()) != 0) {
        return false;
    }
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options_.stream_window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
         static_cast<std::uint32_t>(kResponseLimits.head_bytes)}};
    if (nghttp2_submit_settings(library_, NGHTTP2_FLAG_NONE, settings, std::size(settings)) != 0 ||
        nghttp2_session_set_local_window_size(library_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow) !=
            0) {
        return false;
    }
    keep_alive(stream_.fd());
    const net::TimerWheel& timers = stream_.loop().timers();
    heard_tick_ = timers.now();
    settings_due_ = timers.after(patience);
    idle_due_ = timers.after(options_.idle);
    look_due_ = timers.after(options_.ping_interval);
    look_again(settings_due_);
    look_again(idle_due_);
    look_again(look_due_);
    return true;
}

Task<void> ClientSession::run(std::chrono::milliseconds patience) {
    if (!begin(patience)) {
        refusal_ = Refusal::closed;
        closing_ = true;
        release_all(Fault::reset);
        stream_.close();
        co_return;
    }
    speaking_ = true;
    counts_.connections.add();
    writer_.start(write_loop());
    want_write();

    unsigned reads = 0;
    while (!over_ && !broken_) {
        static thread_local std::array<char, kRead> arrivals;
        std::size_t done = 0;
        IoStatus status = stream_.try_read(arrivals.data(), arrivals.size(), done);
        if (status == IoStatus::again) {
            status = co_await stream_.readable(0ms);
            if (status == IoStatus::ok) continue;
        }
        if (status != IoStatus::ok) {
            ended_ = status == IoStatus::eof;
            break;
        }
        feed({arrivals.data(), done});
        // Who sends without end must not keep the others waiting.
        if (++reads % kReadsInTurn == 0) co_await stream_.loop().yield();
    }
    if (!settled_ && refusal_ == Refusal::none) {
        refusal_ = malformed_ ? Refusal::not_http2 : Refusal::closed;
    }
    const bool in_order = over_ && !broken_;
    count_end(in_order);
    closing_ = true;
    release_all(fault_of_end());
    stream_.cancel();
    if (writer_waits_) stream_.loop().resume_soon(std::exchange(writer_waits_, nullptr));
    co_await writer_.join();
    stream_.end_tls();
    stream_.close();
}

Fault ClientSession::fault_of_end() const noexcept {
    if (malformed_) return Fault::malformed;
    return ended_ ? Fault::closed : Fault::reset;
}

void ClientSession::feed(std::string_view octets) {
    heard_tick_ = ticks();
    ping_due_ = 0;
    if (finished_ && open_ == 0) return;
    if (!settled_ && octets.starts_with("HTTP/1")) refusal_ = Refusal::http1;
    const ssize_t used = nghttp2_session_mem_recv(
        library_, reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size());
    if (used < 0) broken_ = true;
    want_write();
}

std::size_t ClientSession::limit() const noexcept {
    const std::size_t theirs =
        nghttp2_session_get_remote_settings(library_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    return std::min<std::size_t>(theirs, options_.max_concurrent_streams);
}

// -- Writing

void ClientSession::want_write() noexcept {
    write_wanted_ = true;
    if (writer_waits_) stream_.loop().resume_soon(std::exchange(writer_waits_, nullptr));
}

void ClientSession::append(std::string_view octets) {
    if (out_.room() < octets.size()) {
        out_.reserve(std::max(out_.size() + octets.size(), 2 * out_.capacity()));
    }
    if (!octets.empty()) std::memcpy(out_.tail(), octets.data(), octets.size());
    out_.commit(octets.size());
    queued_ += octets.size();
}

void ClientSession::collect() {
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

Task<void> ClientSession::write_loop() {
    for (;;) {
        while (!write_wanted_ && !closing_)
            co_await Suspended{writer_waits_};
        if (closing_) co_return;
        // When all that this round of events brought was handled: one write for all of it.
        co_await stream_.loop().yield();
        if (closing_) co_return;
        write_wanted_ = false;
        collect();
        if (!out_.empty() && !broken_) {
            iovec piece{out_.data(), out_.size()};
            const net::Stream::Transfer sent =
                co_await stream_.write_all({&piece, 1}, options_.write_timeout);
            flushed_ += sent.bytes;
            out_.clear();
            if (sent.status != IoStatus::ok) broken_ = true;
            if (sent.status == IoStatus::timed_out) silent_ = true;
            if (nghttp2_session_want_write(library_) != 0) write_wanted_ = true;
        }
        if (!write_wanted_ || broken_) out_.release();
        if (over()) over_ = true;
        if (broken_ || over_) {
            // The reader ends.
            stream_.cancel();
            co_return;
        }
    }
}

bool ClientSession::over() const noexcept {
    return nghttp2_session_want_read(library_) == 0 && nghttp2_session_want_write(library_) == 0;
}

// -- Streams

void ClientSession::attach(ClientStream& stream) {
    stream.before = nullptr;
    stream.behind = streams_;
    if (streams_ != nullptr) streams_->before = &stream;
    streams_ = &stream;
    ++reserved_;
    idle_due_ = 0;
    stream.attached(*this);
    count_streams();
}

void ClientSession::unlink(ClientStream& stream) noexcept {
    if (stream.before != nullptr) {
        stream.before->behind = stream.behind;
    } else {
        streams_ = stream.behind;
    }
    if (stream.behind != nullptr) stream.behind->before = stream.before;
    stream.before = stream.behind = nullptr;
}

std::int32_t ClientSession::submit(ClientStream& stream, const http::OutgoingRequest& head,
                                   bool ends) {
    const std::string_view scheme = options_.tls ? "https" : "http";
    const auto pairs = fields_.head(head, scheme);
    const std::int32_t id =
        nghttp2_submit_request(library_, nullptr, pairs.data(), pairs.size(),
                               ends ? nullptr : request_body_provider(), &stream);
    if (id <= 0) {
        // Most likely the numbers have run out.
        leaving_ = true;
        return id;
    }
    --reserved_;
    ++open_;
    want_write();
    return id;
}

void ClientSession::resume(std::int32_t id) {
    // It fails where nothing was deferred: then the library asks by itself.
    nghttp2_session_resume_data(library_, id);
    want_write();
}

void ClientSession::give_back(std::int32_t id, std::size_t octets) {
    nghttp2_session_consume_stream(library_, id, octets);
    want_write();
}

void ClientSession::reset(std::int32_t id, std::uint32_t code) noexcept {
    nghttp2_submit_rst_stream(library_, NGHTTP2_FLAG_NONE, id, code);
    want_write();
}

void ClientSession::give_up(ClientStream& stream) noexcept {
    unlink(stream);
    if (stream.id() <= 0) {
        --reserved_;
        count_streams();
        if (used() == 0) stream_over();
        return;
    }
    // Whose HEADERS still wait to be sent the library knows, too, but does not tell.
    if (stream.is_closed()) return;
    nghttp2_session_set_stream_user_data(library_, stream.id(), nullptr);
    reset(stream.id(), NGHTTP2_CANCEL);
}

/// One is over, for the library, or before the library knew it.
void ClientSession::stream_over() noexcept {
    if (open_ > 0) --open_;
    count_streams();
    if (used() > 0) return;
    if (leaving_) {
        finish();
        return;
    }
    idle_due_ = stream_.loop().timers().after(options_.idle);
    look_again(idle_due_);
}

void ClientSession::count_streams() noexcept {
    if (!speaking_) return;
    counts_.streams.add(used() - counted_);  // Modulo 2^64: it may be less.
    counted_ = used();
}

void ClientSession::release_all(Fault how) noexcept {
    while (streams_ != nullptr) {
        ClientStream& stream = *streams_;
        unlink(stream);
        if (stream.id() > 0 && !stream.is_closed()) {
            nghttp2_session_set_stream_user_data(library_, stream.id(), nullptr);
        }
        stream.detached(how);
    }
}

// -- The end of the connection

/// While the streams are still there that it leaves without an answer.
void ClientSession::count_end(bool in_order) noexcept {
    if (!speaking_) return;
    speaking_ = false;
    counts_.connections.subtract();
    counts_.streams.subtract(counted_);
    using Failure = observe::UpstreamHttp2Failure;
    const auto failed = [this](Failure how) {
        counts_.failures[static_cast<std::size_t>(how)].add();
    };
    if (refusal_ == Refusal::http1 || refusal_ == Refusal::not_http2) {
        failed(Failure::not_http2);
    } else if (silent_) {
        failed(Failure::timeout);
    } else if (malformed_) {
        failed(Failure::protocol_error);
    } else if (rejected_) {
        failed(Failure::rejected);
    } else if (!in_order && !stopped_ && (!settled_ || leaves_someone())) {
        failed(Failure::closed);
    }
}

/// Somebody waits for a response that will never be whole.
bool ClientSession::leaves_someone() const noexcept {
    for (const ClientStream* stream = streams_; stream != nullptr; stream = stream->behind) {
        if (!stream->is_closed() && !stream->response_complete()) return true;
    }
    return false;
}

/// RFC 9113 §6.8: it may be said twice, first with the highest id.
void ClientSession::told_to_go(std::uint32_t code) noexcept {
    if (!told_) counts_.goaways.add();
    told_ = true;
    if (code != NGHTTP2_NO_ERROR) rejected_ = true;
    leave();
}

void ClientSession::give_up_waiting() noexcept {
    silent_ = true;
    broken_ = true;
    stream_.cancel();
}

void ClientSession::leave() noexcept {
    leaving_ = true;
    if (library_ != nullptr && used() == 0) finish();
}

/// Says GOAWAY; with that written the connection is over.
void ClientSession::finish() noexcept {
    if (finished_) return;
    leaving_ = finished_ = true;
    nghttp2_session_terminate_session(library_, NGHTTP2_NO_ERROR);
    want_write();
}

void ClientSession::stop() noexcept {
    stopped_ = true;
    broken_ = true;
    stream_.cancel();
}

void ClientSession::farewell() noexcept {
    if (library_ == nullptr || closing_ || broken_ || !stream_.is_open() || !out_.empty()) return;
    nghttp2_session_terminate_session(library_, NGHTTP2_NO_ERROR);
    collect();
    const iovec piece{out_.data(), out_.size()};
    std::size_t done = 0;
    stream_.try_write({&piece, 1}, done);
    stream_.shutdown_send();
}

void ClientSession::doubt(std::uint64_t tick) noexcept {
    // What came in the next tick is most likely no answer to it; one PING too many does no harm.
    if (heard_tick_ <= tick + 1) ask_for_life();
}

void ClientSession::ask_for_life() noexcept {
    if (ping_due_ != 0 || finished_ || closing_) return;
    nghttp2_submit_ping(library_, NGHTTP2_FLAG_NONE, nullptr);
    ping_due_ = stream_.loop().timers().after(options_.ping_timeout);
    look_again(ping_due_);
    want_write();
}

void ClientSession::look_again(std::uint64_t tick) noexcept {
    if (tick != 0) stream_.loop().timers().schedule(*this, tick);
}

std::uint64_t ClientSession::on_tick(std::uint64_t now) {
    const auto due = [now](std::uint64_t& tick) {
        if (tick == 0 || tick > now) return false;
        tick = 0;
        return true;
    };
    if (library_ == nullptr || over_ || closing_) return 0;
    if (due(settings_due_)) {
        refusal_ = Refusal::silent;
        give_up_waiting();
        return 0;
    }
    if (ping_due_ != 0 && ping_due_ <= now) {
        give_up_waiting();
        return 0;
    }
    if (due(idle_due_)) finish();
    if (due(look_due_)) {
        const std::uint64_t silent_at =
            heard_tick_ + stream_.loop().timers().after(options_.ping_interval) - now;
        if (silent_at <= now && used() > 0) ask_for_life();
        look_due_ = std::max(silent_at, now + 1);
        if (used() == 0 || silent_at <= now) {
            look_due_ = stream_.loop().timers().after(options_.ping_interval);
        }
    }
    std::uint64_t next = 0;
    for (const std::uint64_t tick : {settings_due_, idle_due_, look_due_, ping_due_}) {
        if (tick != 0 && (next == 0 || tick < next)) next = tick;
    }
    return next;
}

}  // namespace switchyard::h2
