// What the library calls while it reads and writes frames. Nothing here resumes a coroutine or runs
// a handler; an exception (out of memory) ends the connection.
#include "h2/callbacks.hpp"

#include "h2/library.hpp"
#include "h2/server_session.hpp"

#include <cstring>
#include <new>
#include <optional>

namespace switchyard::h2 {

namespace {

using observe::Http2Limit;

/// What a frame is counted as: those that carry no part of a message.
std::optional<Http2Limit> costs(const nghttp2_frame_hd& head) noexcept {
    switch (head.type) {
        case NGHTTP2_DATA:
            if ((head.flags & NGHTTP2_FLAG_END_STREAM) != 0) return std::nullopt;
            [[fallthrough]];
        case NGHTTP2_HEADERS:
        case NGHTTP2_CONTINUATION:
            if (head.length > 0) return std::nullopt;
            return Http2Limit::empty_frames;
        case NGHTTP2_SETTINGS:
            return Http2Limit::settings;
        case NGHTTP2_PING:
            return Http2Limit::pings;
        case NGHTTP2_RST_STREAM:
            return Http2Limit::resets;
        case NGHTTP2_WINDOW_UPDATE:
            return Http2Limit::window_updates;
        case NGHTTP2_GOAWAY:
            return std::nullopt;
        default:
            return Http2Limit::ignored_frames;
    }
}

}  // namespace

struct Callbacks {
    static ServerSession& session(void* user) noexcept {
        return *static_cast<ServerSession*>(user);
    }
    static ServerStream* stream(nghttp2_session* library, std::int32_t id) noexcept {
        return static_cast<ServerStream*>(nghttp2_session_get_stream_user_data(library, id));
    }

    static int begin_frame(nghttp2_session* library, const nghttp2_frame_hd* head,
                           void* user) noexcept {
        ServerSession& self = session(user);
        const bool continuation = head->type == NGHTTP2_CONTINUATION;
        if (!continuation) self.continuations_ = 0;
        if (!continuation && self.settled_) self.head_due_ = 0;
        if (continuation && ++self.continuations_ > self.continuations_limit_) {
            self.too_many(Http2Limit::continuations);
        }
        // RFC 9113 §5.1.1. After a reset of ours it may have been under way.
        if (head->type == NGHTTP2_HEADERS && head->stream_id <= self.last_opened_ &&
            !self.reset_sent_ && nghttp2_session_find_stream(library, head->stream_id) == nullptr) {
            self.end_with(NGHTTP2_PROTOCOL_ERROR, "the stream is closed");
        }
        // RFC 9113 §6.3. The library looks at no PRIORITY, as we have told it not to.
        if (head->type == NGHTTP2_PRIORITY && head->stream_id == 0) {
            self.end_with(NGHTTP2_PROTOCOL_ERROR, "PRIORITY of no stream");
        }
        if (head->type == NGHTTP2_SETTINGS) self.measure_windows();
        const std::optional<Http2Limit> kind = costs(*head);
        if (kind && !self.guard_.take(*kind, self.ticks())) self.too_many(*kind);
        // Once the end is decided nothing more is looked at.
        return self.terminated_ ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
    }

    static int begin_headers(nghttp2_session* library, const nghttp2_frame* frame,
                             void* user) noexcept {
        ServerSession& self = session(user);
        self.head_due_ = self.loop().timers().after(self.options()->request_head);
        self.look_again(self.head_due_);
        self.head_stream_ = frame->hd.stream_id;
        if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
        return guarded([&] {
            const std::int32_t id = frame->hd.stream_id;
            self.last_opened_ = id;
            // Those that the client has reset and whose handlers are not done yet count, too.
            if (self.stream_count_ >= 2 * std::size_t{self.streams_limit_}) {
                self.reset(id, ResetReason::refused);
                return static_cast<int>(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE);
            }
            nghttp2_session_set_stream_user_data(library, id, self.open_stream(id));
            // Every stream gets its turn: what the client says of priorities is not looked at.
            nghttp2_extpri fair{NGHTTP2_EXTPRI_DEFAULT_URGENCY, 1};
            nghttp2_session_change_extpri_stream_priority(library, id, &fair, 1);
            return 0;
        });
    }

    static int header(nghttp2_session* library, const nghttp2_frame* frame, nghttp2_rcbuf* name,
                      nghttp2_rcbuf* value, std::uint8_t, void* user) noexcept {
        ServerStream* const to = stream(library, frame->hd.stream_id);
        if (to == nullptr) return 0;
        return guarded([&] {
            if (to->add_field(text(name), text(value))) return 0;
            // RFC 9113 §10.5.1: what a few octets of HPACK can blow up to.
            session(user).too_many(Http2Limit::header_list);
            return static_cast<int>(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE);
        });
    }

    /// RFC 9113 §8.2.1: a field that is none makes the whole request malformed; the library would
    /// leave it out.
    static int invalid_header(nghttp2_session*, const nghttp2_frame* frame, nghttp2_rcbuf*,
                              nghttp2_rcbuf*, std::uint8_t, void* user) noexcept {
        session(user).reset(frame->hd.stream_id, ResetReason::malformed);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }

    static int frame_received(nghttp2_session* library, const nghttp2_frame* frame,
                              void* user) noexcept {
        ServerSession& self = session(user);
        switch (frame->hd.type) {
            case NGHTTP2_HEADERS:
                self.head_due_ = 0;
                return guarded([&] {
                    headers_received(self, stream(library, frame->hd.stream_id), *frame);
                    return 0;
                });
            case NGHTTP2_DATA:
                if (ServerStream* const to = stream(library, frame->hd.stream_id);
                    to != nullptr && ends_stream(*frame)) {
                    to->remote_ended();
                }
                break;
            case NGHTTP2_SETTINGS:
                if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
                    self.settings_due_ = 0;
                } else {
                    self.settings_taken();
                }
                break;
            case NGHTTP2_PING:
                if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 && self.draining_ &&
                    std::memcmp(frame->ping.opaque_data, kDrainPing, sizeof kDrainPing) == 0) {
                    self.finish_drain();
                }
                break;
            default:
                break;
        }
        return 0;
    }

    static void headers_received(ServerSession& self, ServerStream* to,
                                 const nghttp2_frame& frame) {
        if (to == nullptr) return;
        if (frame.headers.cat == NGHTTP2_HCAT_REQUEST) {
            to->head_complete(ends_stream(frame));
            self.ready_.push_back(to);
        }
        if (ends_stream(frame)) to->remote_ended();
    }

    // Frames of types that RFC 9113 does not know are nobody's business, but have to be counted:
    // the library tells of them only when it thinks that we want them.
    static int unknown_octets(nghttp2_session*, const nghttp2_frame_hd*, const std::uint8_t*,
                              std::size_t, void*) noexcept {
        return NGHTTP2_ERR_CANCEL;
    }
    static int unknown_frame(nghttp2_session*, void**, const nghttp2_frame_hd*, void*) noexcept {
        return NGHTTP2_ERR_CANCEL;
    }

    static int data_received(nghttp2_session* library, std::uint8_t, std::int32_t id,
                             const std::uint8_t* data, std::size_t size, void* user) noexcept {
        ServerSession& self = session(user);
        // What waits for a slow stream is bounded by that stream's window; the connection's is for
        // all of them, and must not be held by one.
        nghttp2_session_consume_connection(library, size);
        self.write_wanted_ = true;
        ServerStream* const to = stream(library, id);
        if (to == nullptr) return 0;
        return guarded([&] {
            to->receive({reinterpret_cast<const char*>(data), size});
            return 0;
        });
    }

    static int stream_closed(nghttp2_session*, std::int32_t id, std::uint32_t code,
                             void* user) noexcept {
        session(user).stream_closed(id, code);
        return 0;
    }

    static int frame_sent(nghttp2_session* library, const nghttp2_frame* frame,
                          void* user) noexcept {
        ServerSession& self = session(user);
        if (frame->hd.type == NGHTTP2_RST_STREAM) {
            const std::uint32_t code = frame->rst_stream.error_code;
            self.reset_sent_ = true;
            // What a client makes us reset costs as much as what it resets itself; these come from
            // elsewhere.
            if (code != NGHTTP2_NO_ERROR && code != NGHTTP2_INTERNAL_ERROR &&
                code != NGHTTP2_CANCEL && code != NGHTTP2_ENHANCE_YOUR_CALM) {
                if (code == NGHTTP2_REFUSED_STREAM) self.host_.counters().http2_refused.add();
                if (code == NGHTTP2_PROTOCOL_ERROR) self.host_.counters().http2_malformed.add();
                if (!self.guard_.take(Http2Limit::resets, self.ticks())) {
                    self.too_many(Http2Limit::resets);
                }
            }
            return 0;
        }
        if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
        ServerStream* const of = stream(library, frame->hd.stream_id);
        if (of == nullptr) return 0;
        if (frame->hd.type == NGHTTP2_HEADERS) {
            of->head_taken(frame->hd.length + kFrameHead);
        }
        if (ends_stream(*frame)) {
            of->local_ended();
            self.guard_.answered();
        }
        return 0;
    }

    /// A head that the library can't send (it is too large): the client must not wait for it.
    static int frame_not_sent(nghttp2_session*, const nghttp2_frame* frame, int error,
                              void* user) noexcept {
        if (frame->hd.type != NGHTTP2_HEADERS || error == NGHTTP2_ERR_STREAM_CLOSED ||
            error == NGHTTP2_ERR_STREAM_CLOSING) {
            return 0;
        }
        session(user).reset(frame->hd.stream_id, ResetReason::failed);
        return 0;
    }

    static ssize_t read_body(nghttp2_session* library, std::int32_t id, std::uint8_t*,
                             std::size_t room, std::uint32_t* flags, nghttp2_data_source*,
                             void* user) noexcept {
        ServerSession& self = session(user);
        ServerStream* const from = stream(library, id);
        if (from == nullptr || from->was_aborted()) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        if (self.out_.size() >= kBatch) return NGHTTP2_ERR_PAUSE;
        const ServerStream::Offer offer = from->offer(room);
        if (offer.nothing) return NGHTTP2_ERR_DEFERRED;
        *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
        if (offer.last) *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (offer.trailers) {
            const int submitted = guarded([&] {
                const auto pairs = self.fields_.trailers(from->outgoing_trailers());
                return nghttp2_submit_trailer(library, id, pairs.data(), pairs.size());
            });
            if (submitted != 0) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        }
        return static_cast<ssize_t>(offer.size);
    }

    static int send_data(nghttp2_session* library, nghttp2_frame* frame, const std::uint8_t* head,
                         std::size_t size, nghttp2_data_source*, void* user) noexcept {
        ServerSession& self = session(user);
        ServerStream* const from = stream(library, frame->hd.stream_id);
        if (from == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        return guarded([&] {
            self.append({reinterpret_cast<const char*>(head), kFrameHead});
            self.append(from->piece(size));
            self.guard_.sent(size);
            from->taken(size, size + kFrameHead);
            return 0;
        });
    }
};

const nghttp2_session_callbacks* server_callbacks() {
    static const nghttp2_session_callbacks* const instance = [] {
        nghttp2_session_callbacks* made = nullptr;
        if (nghttp2_session_callbacks_new(&made) != 0) throw std::bad_alloc();
        nghttp2_session_callbacks_set_on_begin_frame_callback(made, Callbacks::begin_frame);
        nghttp2_session_callbacks_set_on_begin_headers_callback(made, Callbacks::begin_headers);
        nghttp2_session_callbacks_set_on_header_callback2(made, Callbacks::header);
        nghttp2_session_callbacks_set_on_invalid_header_callback2(made, Callbacks::invalid_header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(made, Callbacks::frame_received);
        nghttp2_session_callbacks_set_on_extension_chunk_recv_callback(made,
                                                                       Callbacks::unknown_octets);
        nghttp2_session_callbacks_set_unpack_extension_callback(made, Callbacks::unknown_frame);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, Callbacks::data_received);
        nghttp2_session_callbacks_set_on_stream_close_callback(made, Callbacks::stream_closed);
        nghttp2_session_callbacks_set_on_frame_send_callback(made, Callbacks::frame_sent);
        nghttp2_session_callbacks_set_on_frame_not_send_callback(made, Callbacks::frame_not_sent);
        nghttp2_session_callbacks_set_send_data_callback(made, Callbacks::send_data);
        return made;
    }();
    return instance;
}

const nghttp2_option* server_behaviour() {
    static const nghttp2_option* const instance = [] {
        nghttp2_option* made = nullptr;
        if (nghttp2_option_new(&made) != 0) throw std::bad_alloc();
        nghttp2_option_set_no_auto_window_update(made, 1);
        nghttp2_option_set_no_closed_streams(made, 1);
        // The largest head that an origin may send passes.
        nghttp2_option_set_max_send_header_block_length(made, 2 * 1024 * 1024);
        // These are ours to count (flood_guard), so that they are told and configured alike.
        nghttp2_option_set_stream_reset_rate_limit(made, 1'000'000'000, 1'000'000);
        nghttp2_option_set_max_continuations(made, 10'000);
        for (unsigned type = NGHTTP2_CONTINUATION + 1; type < 256; ++type) {
            nghttp2_option_set_user_recv_extension_type(made, static_cast<std::uint8_t>(type));
        }
        return made;
    }();
    return instance;
}

const nghttp2_data_provider* body_provider() {
    static const nghttp2_data_provider instance = [] {
        nghttp2_data_provider made{};
        made.read_callback = Callbacks::read_body;
        return made;
    }();
    return &instance;
}

}  // namespace switchyard::h2
