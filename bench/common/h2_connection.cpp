#include "bench/common/h2_connection.hpp"

#include <array>
#include <charconv>
#include <stdexcept>
#include <string>

#include <nghttp2/nghttp2.h>

namespace switchyard::bench {
namespace {

std::string_view text_of(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

nghttp2_nv field(std::string_view name, std::string_view value) {
    const auto octets = [](std::string_view text) {
        return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
    };
    return {octets(name), octets(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

struct H2Connection::Session {
    nghttp2_session* state = nullptr;
    Session() = default;
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session() { nghttp2_session_del(state); }
};

/// What nghttp2 calls. The user data is the connection, a stream's is its exchange.
struct H2Callbacks {
    static H2Exchange* exchange(nghttp2_session* session, std::int32_t stream) {
        return static_cast<H2Exchange*>(nghttp2_session_get_stream_user_data(session, stream));
    }

    static int on_header(nghttp2_session* session, const nghttp2_frame* frame,
                         const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                         std::size_t value_size, std::uint8_t, void*) {
        H2Exchange* const one = exchange(session, frame->hd.stream_id);
        if (!one) return 0;
        const std::string_view what = text_of(name, name_size);
        const std::string_view text = text_of(value, value_size);
        if (what == ":status") {
            std::from_chars(text.data(), text.data() + text.size(), one->head.status);
        } else {
            note_field(one->head, what, text);
        }
        return 0;
    }

    static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* data) {
        auto& connection = *static_cast<H2Connection*>(data);
        if (frame->hd.type == NGHTTP2_GOAWAY) {
            connection.goaway_ = true;
            connection.error_ =
                "GOAWAY, code " + std::to_string(frame->goaway.error_code) + " " +
                std::string(text_of(frame->goaway.opaque_data, frame->goaway.opaque_data_len));
        }
        if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
        H2Exchange* const one = exchange(session, frame->hd.stream_id);
        if (!one) return 0;
        const bool is_head =
            frame->hd.type == NGHTTP2_HEADERS && (frame->headers.cat == NGHTTP2_HCAT_RESPONSE ||
                                                  frame->headers.cat == NGHTTP2_HCAT_HEADERS);
        if (is_head && one->head.status >= 200 && !one->headed_) {
            one->headed_ = true;
            one->on_head();
        }
        if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
        one->ended_ = true;
        one->on_end();
        return 0;
    }

    static int on_data(nghttp2_session* session, std::uint8_t, std::int32_t stream,
                       const std::uint8_t* data, std::size_t size, void*) {
        nghttp2_session_consume_connection(session, size);
        H2Exchange* const one = exchange(session, stream);
        const std::size_t back = one ? one->on_body(text_of(data, size)) : size;
        if (back > 0) nghttp2_session_consume_stream(session, stream, back);
        return 0;
    }

    static int on_close(nghttp2_session* session, std::int32_t stream, std::uint32_t code, void*) {
        H2Exchange* const one = exchange(session, stream);
        if (!one) return 0;
        nghttp2_session_set_stream_user_data(session, stream, nullptr);
        one->on_close(one->ended_, code);
        return 0;
    }

    static ssize_t next_body(nghttp2_session* session, std::int32_t stream, std::uint8_t* room,
                             std::size_t size, std::uint32_t* flags, nghttp2_data_source*, void*) {
        H2Exchange* const one = exchange(session, stream);
        if (!one) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        bool last = false;
        const std::size_t count = one->next_body(reinterpret_cast<char*>(room), size, last);
        if (last) *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (count == 0 && !last) return NGHTTP2_ERR_DEFERRED;
        return static_cast<ssize_t>(count);
    }
};

H2Connection::H2Connection(const Options& options) : session_(std::make_unique<Session>()) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_option* settings = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_option_new(&settings);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, H2Callbacks::on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, H2Callbacks::on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, H2Callbacks::on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, H2Callbacks::on_close);
    nghttp2_option_set_no_auto_window_update(settings, 1);
    const int made = nghttp2_session_client_new2(&session_->state, callbacks, this, settings);
    nghttp2_option_del(settings);
    nghttp2_session_callbacks_del(callbacks);
    if (made != 0) throw std::runtime_error("no HTTP/2 session");
    const std::array<nghttp2_settings_entry, 2> entries{{
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options.stream_window},
    }};
    nghttp2_submit_settings(session_->state, NGHTTP2_FLAG_NONE, entries.data(), entries.size());
    nghttp2_session_set_local_window_size(session_->state, NGHTTP2_FLAG_NONE, 0,
                                          options.connection_window);
}

H2Connection::~H2Connection() = default;

bool H2Connection::submit(const Request& request, H2Exchange& exchange) {
    std::array<nghttp2_nv, 12> fields{};
    std::size_t count = 0;
    fields[count++] = field(":method", request.method);
    fields[count++] = field(":scheme", request.scheme);
    fields[count++] = field(":authority", request.authority);
    fields[count++] = field(":path", request.path);
    if (!request.protocol.empty()) fields[count++] = field(":protocol", request.protocol);
    if (!request.test_id.empty()) fields[count++] = field("x-test-id", request.test_id);
    std::string length;
    if (request.content_length >= 0) {
        length = std::to_string(request.content_length);
        fields[count++] = field("content-length", length);
    }
    for (const auto& [name, value] : request.more) {
        if (count == fields.size()) return false;
        fields[count++] = field(name, value);
    }
    exchange.head = {};
    exchange.ended_ = exchange.headed_ = false;
    nghttp2_data_provider body{};
    body.read_callback = H2Callbacks::next_body;
    exchange.stream = nghttp2_submit_request(session_->state, nullptr, fields.data(), count,
                                             request.has_body ? &body : nullptr, &exchange);
    return exchange.stream > 0;
}

void H2Connection::resume(const H2Exchange& exchange) {
    nghttp2_session_resume_data(session_->state, exchange.stream);
}

void H2Connection::give_window(const H2Exchange& exchange, std::size_t bytes) {
    nghttp2_session_consume_stream(session_->state, exchange.stream, bytes);
}

void H2Connection::cancel(const H2Exchange& exchange) {
    nghttp2_submit_rst_stream(session_->state, NGHTTP2_FLAG_NONE, exchange.stream, NGHTTP2_CANCEL);
}

bool H2Connection::takes_tunnels() const noexcept {
    return nghttp2_session_get_remote_settings(session_->state,
                                               NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

bool H2Connection::feed(std::string_view bytes) {
    const ssize_t taken = nghttp2_session_mem_recv(
        session_->state, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    if (taken >= 0) return true;
    error_ = std::string("HTTP/2: ") + nghttp2_strerror(static_cast<int>(taken));
    return false;
}

std::string_view H2Connection::output() {
    const std::uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_->state, &data);
    return size > 0 ? text_of(data, static_cast<std::size_t>(size)) : std::string_view();
}

}  // namespace switchyard::bench
