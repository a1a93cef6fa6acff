#include "support/origin/grpc_connection.hpp"

#include <array>
#include <cerrno>
#include <stdexcept>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

#include <nghttp2/nghttp2.h>

namespace switchyard::origin {
namespace {

constexpr std::size_t kEnoughOutput = 64 * 1024;

std::string_view text_of(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

nghttp2_nv field(std::string_view name, std::string_view value) {
    const auto octets = [](std::string_view text) {
        return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
    };
    return {octets(name), octets(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

void count(const GrpcCall& call, std::atomic<std::uint64_t> Tally::*outcome) {
    if (call.tally != nullptr) (call.tally->*outcome).fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

/// What nghttp2 calls. The user data is the connection.
struct GrpcCallbacks {
    static GrpcCall* find(void* data, std::int32_t stream) {
        auto& calls = static_cast<GrpcConnection*>(data)->calls_;
        const auto found = calls.find(stream);
        return found == calls.end() ? nullptr : &found->second;
    }

    static int on_begin(nghttp2_session*, const nghttp2_frame* frame, void* data) {
        auto& connection = *static_cast<GrpcConnection*>(data);
        if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
        const auto stream = frame->hd.stream_id;
        connection.calls_.try_emplace(stream, connection.world_.colour).first->second.stream =
            stream;
        return 0;
    }

    static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                         std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                         std::uint8_t, void* data) {
        GrpcCall* const call = find(data, frame->hd.stream_id);
        if (call == nullptr) return 0;
        const std::string_view what = text_of(name, name_size);
        if (what == ":path") call->path = text_of(value, value_size);
        if (what == "x-test-id") call->test_id = text_of(value, value_size);
        return 0;
    }

    static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* data) {
        if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
        auto& connection = *static_cast<GrpcConnection*>(data);
        GrpcCall* const call = find(data, frame->hd.stream_id);
        if (call == nullptr) return 0;
        const bool is_head = frame->hd.type == NGHTTP2_HEADERS;
        if (is_head && frame->headers.cat == NGHTTP2_HCAT_REQUEST) connection.answer(*call);
        if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
        count(*call, &Tally::received);
        if (!call->take({}, true)) connection.refuse(*call);
        connection.resume(*call);
        return 0;
    }

    static int on_data(nghttp2_session*, std::uint8_t, std::int32_t stream,
                       const std::uint8_t* octets, std::size_t size, void* data) {
        auto& connection = *static_cast<GrpcConnection*>(data);
        GrpcCall* const call = find(data, stream);
        if (call == nullptr || !call->known()) return 0;
        if (!call->take(text_of(octets, size), false)) connection.refuse(*call);
        connection.resume(*call);
        return 0;
    }

    static int on_close(nghttp2_session*, std::int32_t stream, std::uint32_t code, void* data) {
        auto& connection = *static_cast<GrpcConnection*>(data);
        GrpcCall* const call = find(data, stream);
        if (call == nullptr) return 0;
        const bool answered = call->trailers_sent && code == NGHTTP2_NO_ERROR;
        count(*call, answered ? &Tally::answered : &Tally::aborted);
        connection.calls_.erase(stream);
        return 0;
    }

    static ssize_t next_body(nghttp2_session* session, std::int32_t stream, std::uint8_t* room,
                             std::size_t size, std::uint32_t* flags, nghttp2_data_source*,
                             void* data) {
        GrpcCall* const call = find(data, stream);
        if (call == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        const std::size_t sent = call->send(reinterpret_cast<char*>(room), size);
        if (call->all_sent()) {
            *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
            const std::array<nghttp2_nv, 1> trailers{field("grpc-status", "0")};
            nghttp2_submit_trailer(session, stream, trailers.data(), trailers.size());
            call->trailers_sent = true;
        } else if (sent == 0) {
            call->waits = true;
            return NGHTTP2_ERR_DEFERRED;
        }
        return static_cast<ssize_t>(sent);
    }
};

GrpcConnection::GrpcConnection(World& world, Books& books, int fd)
    : world_(world), books_(books), fd_(fd) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, GrpcCallbacks::on_begin);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, GrpcCallbacks::on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, GrpcCallbacks::on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, GrpcCallbacks::on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, GrpcCallbacks::on_close);
    const int made = nghttp2_session_server_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    if (made != 0) {
        ::close(fd_);
        throw std::runtime_error("no HTTP/2 session");
    }
    const std::array<nghttp2_settings_entry, 1> settings{
        {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 256}}};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    books_.connections.fetch_add(1, std::memory_order_relaxed);
    books_.open.fetch_add(1, std::memory_order_relaxed);
}

GrpcConnection::~GrpcConnection() {
    for (const auto& [stream, call] : calls_)
        count(call, &Tally::aborted);
    nghttp2_session_del(session_);
    ::close(fd_);
    books_.open.fetch_sub(1, std::memory_order_relaxed);
}

bool GrpcConnection::has_timers() const noexcept {
    for (const auto& [stream, call] : calls_)
        if (call.goes_on()) return true;
    return false;
}

bool GrpcConnection::go_on() {
    return read() && write();
}

bool GrpcConnection::on_time() {
    const auto now = GrpcCall::Clock::now();
    for (auto& [stream, call] : calls_)
        if (call.produce(now)) resume(call);
    return write();
}

void GrpcConnection::resume(GrpcCall& call) {
    if (!call.waits) return;
    call.waits = false;
    nghttp2_session_resume_data(session_, call.stream);
}

/// The head goes out at once, as servers of gRPC do it; the messages when they are due.
void GrpcConnection::answer(GrpcCall& call) {
    const std::string_view colour = to_string(world_.colour);
    if (call.known() && !call.is_health_check()) {
        call.tally = &books_.tally(call.path);
        count(call, &Tally::started);
    }
    std::array<nghttp2_nv, 5> fields{};
    std::size_t size = 0;
    const auto health = world_.health.get();
    const std::string status = call.is_health_check() ? std::to_string(health.status) : "200";
    fields[size++] = field(":status", status);
    fields[size++] = field("x-origin-colour", colour);
    if (!call.test_id.empty()) fields[size++] = field("x-test-id", call.test_id);
    if (call.is_health_check() || !call.known()) {
        if (!call.known()) fields[size++] = field("grpc-status", "12");
        nghttp2_submit_response(session_, call.stream, fields.data(), size, nullptr);
        return;
    }
    fields[size++] = field("content-type", "application/grpc");
    nghttp2_data_provider body{};
    body.read_callback = GrpcCallbacks::next_body;
    nghttp2_submit_response(session_, call.stream, fields.data(), size, &body);
}

/// What came is no message.
void GrpcConnection::refuse(GrpcCall& call) {
    books_.malformed.fetch_add(1, std::memory_order_relaxed);
    count(call, &Tally::spoilt);
    call.tally = nullptr;
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, call.stream, NGHTTP2_PROTOCOL_ERROR);
}

bool GrpcConnection::read() {
    std::array<std::uint8_t, 64 * 1024> buffer;
    for (;;) {
        const auto got = ::recv(fd_, buffer.data(), buffer.size(), 0);
        if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
        if (got == 0) return false;
        if (nghttp2_session_mem_recv(session_, buffer.data(), static_cast<std::size_t>(got)) >= 0)
            continue;
        books_.malformed.fetch_add(1, std::memory_order_relaxed);
        return false;
    }
}

bool GrpcConnection::write() {
    for (;;) {
        if (sent_ == out_.size()) {
            out_.clear();
            sent_ = 0;
            while (out_.size() < kEnoughOutput) {
                const std::uint8_t* data = nullptr;
                const ssize_t size = nghttp2_session_mem_send(session_, &data);
                if (size < 0) return false;
                if (size == 0) break;
                out_ += text_of(data, static_cast<std::size_t>(size));
            }
            if (out_.empty()) break;
        }
        const auto sent = ::send(fd_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
        sent_ += static_cast<std::size_t>(sent);
    }
    return nghttp2_session_want_read(session_) != 0 || nghttp2_session_want_write(session_) != 0;
}

}  // namespace switchyard::origin
