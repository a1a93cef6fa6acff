#include "h2/requester.hpp"

#include "h2/library.hpp"
#include "h2/response_reader.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include <nghttp2/nghttp2.h>

namespace switchyard::h2 {

namespace {

nghttp2_nv pair(std::string_view name, std::string_view value) noexcept {
    const auto octets = [](std::string_view text) {
        return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
    };
    return {octets(name), octets(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

struct RequesterCallbacks {
    static Requester& self(void* user) noexcept { return *static_cast<Requester*>(user); }

    static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) noexcept {
        Requester& requester = self(user);
        if (frame->hd.stream_id == requester.stream_ && requester.answer_.status < 200) {
            requester.answer_ = {};
        }
        return 0;
    }

    static int header(nghttp2_session*, const nghttp2_frame* frame, nghttp2_rcbuf* name,
                      nghttp2_rcbuf* value, std::uint8_t, void* user) noexcept {
        Requester& requester = self(user);
        if (frame->hd.stream_id != requester.stream_) return 0;
        try {
            const std::string_view field = text(name);
            const std::string_view content = text(value);
            if (field == ":status" && content.size() == 3) {
                // The library has checked that these are digits.
                unsigned status = 0;
                for (const char c : content)
                    status = status * 10 + static_cast<unsigned>(c - '0');
                requester.answer_.status = status;
            }
            if (requester.answer_.fields.size() >= kResponseLimits.header_count) {
                requester.failure_ = "too many fields";
                return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
            }
            requester.answer_.fields.emplace_back(field, content);
        } catch (const std::bad_alloc&) {
            return NGHTTP2_ERR_CALLBACK_FAILURE;
        }
        return 0;
    }

    static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user) noexcept {
        Requester& requester = self(user);
        const bool ack = (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
        if (frame->hd.type == NGHTTP2_SETTINGS && !ack) requester.settled_ = true;
        if (frame->hd.type == NGHTTP2_GOAWAY) requester.going_away_ = true;
        return 0;
    }

    static int data_received(nghttp2_session*, std::uint8_t, std::int32_t id,
                             const std::uint8_t* data, std::size_t size, void* user) noexcept {
        Requester& requester = self(user);
        if (id != requester.stream_) return 0;
        std::string& body = requester.answer_.body;
        const std::size_t room = requester.kept_ - std::min(requester.kept_, body.size());
        try {
            body.append(reinterpret_cast<const char*>(data), std::min(room, size));
        } catch (const std::bad_alloc&) {
            return NGHTTP2_ERR_CALLBACK_FAILURE;
        }
        return 0;
    }

    static int stream_closed(nghttp2_session*, std::int32_t id, std::uint32_t code,
                             void* user) noexcept {
        Requester& requester = self(user);
        if (id != requester.stream_) return 0;
        requester.stream_ = 0;
        if (code == NGHTTP2_NO_ERROR && requester.answer_.status >= 200) {
            requester.answer_.complete = true;
        } else if (requester.failure_.empty()) {
            requester.failure_ = "the stream was reset (";
            requester.failure_ += nghttp2_http2_strerror(code);
            requester.failure_ += ')';
        }
        return 0;
    }

    static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* to, std::size_t room,
                             std::uint32_t* flags, nghttp2_data_source*, void* user) noexcept {
        std::string& body = self(user).body_;
        const std::size_t size = std::min(room, body.size());
        std::memcpy(to, body.data(), size);
        body.erase(0, size);
        if (body.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
        return static_cast<ssize_t>(size);
    }
};

std::string_view Requester::Answer::value(std::string_view name) const noexcept {
    std::string_view found;
    for (const auto& [field, content] : fields) {
        if (field == name) found = content;
    }
    return found;
}

Requester::Requester(std::size_t kept) : kept_(kept) {
    nghttp2_session_callbacks* callbacks = nullptr;
    if (nghttp2_session_callbacks_new(&callbacks) != 0) throw std::bad_alloc();
    using C = RequesterCallbacks;
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, C::begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, C::header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, C::frame_received);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, C::data_received);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, C::stream_closed);
    const int made = nghttp2_session_client_new(&library_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
    if (made != 0 || nghttp2_submit_settings(library_, NGHTTP2_FLAG_NONE, settings, 1) != 0) {
        nghttp2_session_del(library_);
        throw std::bad_alloc();
    }
}

Requester::~Requester() {
    nghttp2_session_del(library_);
}

bool Requester::ask(const Request& request) {
    answer_ = {};
    failure_.clear();
    body_ = request.body;
    std::vector<nghttp2_nv> pairs = {
        pair(":method", request.method), pair(":scheme", request.scheme),
        pair(":authority", request.authority), pair(":path", request.path)};
    for (const auto& [name, value] : request.fields)
        pairs.push_back(pair(name, value));
    nghttp2_data_provider provider{};
    provider.read_callback = RequesterCallbacks::read_body;
    stream_ = nghttp2_submit_request(library_, nullptr, pairs.data(), pairs.size(),
                                     body_.empty() ? nullptr : &provider, nullptr);
    if (stream_ > 0) return true;
    failure_ = nghttp2_strerror(stream_);
    return false;
}

std::string Requester::take_output() {
    std::string out;
    for (;;) {
        const std::uint8_t* data = nullptr;
        const ssize_t size = nghttp2_session_mem_send(library_, &data);
        if (size <= 0) break;
        out.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
    }
    return out;
}

bool Requester::feed(std::string_view octets) {
    if (!settled_ && octets.starts_with("HTTP/1")) {
        failure_ = "the target speaks HTTP/1, not HTTP/2";
        return false;
    }
    const ssize_t used = nghttp2_session_mem_recv(
        library_, reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size());
    if (used < 0) {
        failure_ = nghttp2_strerror(static_cast<int>(used));
    } else if (nghttp2_session_want_read(library_) == 0 && !answer_.complete && failure_.empty()) {
        failure_ = "not valid HTTP/2";
        if (settled_) failure_ = "the connection ended before the answer";
    }
    return failure_.empty();
}

bool Requester::reusable() const noexcept {
    return !going_away_ && failure_.empty() && nghttp2_session_want_read(library_) != 0;
}

}  // namespace switchyard::h2
