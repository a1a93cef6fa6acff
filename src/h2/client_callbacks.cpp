// What the library calls while it reads and writes frames of a connection to an origin. Nothing
// here resumes a coroutine; an exception (out of memory) ends the connection.
#include "h2/client_callbacks.hpp"

#include "h2/client_session.hpp"
#include "h2/library.hpp"

#include <new>

namespace switchyard::h2 {

struct ClientCallbacks {
    static ClientSession& session(void* user) noexcept {
        return *static_cast<ClientSession*>(user);
    }
    static ClientStream* stream(nghttp2_session* library, std::int32_t id) noexcept {
        return static_cast<ClientStream*>(nghttp2_session_get_stream_user_data(library, id));
    }
    /// The response is none: whoever waits for it is told, and the origin, too.
    static int refuse(ClientSession& self, ClientStream* of, std::int32_t id) noexcept {
        if (of != nullptr) of->found_malformed();
        self.reset(id, NGHTTP2_PROTOCOL_ERROR);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }

    static int begin_headers(nghttp2_session* library, const nghttp2_frame* frame, void*) noexcept {
        ClientStream* const to = stream(library, frame->hd.stream_id);
        if (to != nullptr) to->block_begins();
        return 0;
    }

    static int header(nghttp2_session* library, const nghttp2_frame* frame, nghttp2_rcbuf* name,
                      nghttp2_rcbuf* value, std::uint8_t, void* user) noexcept {
        ClientStream* const to = stream(library, frame->hd.stream_id);
        if (to == nullptr) return 0;
        return guarded([&] {
            if (to->add_field(text(name), text(value))) return 0;
            return refuse(session(user), to, frame->hd.stream_id);
        });
    }

    /// RFC 9113 §8.2.1: a field that is none makes the whole response malformed; the library would
    /// leave it out.
    static int invalid_header(nghttp2_session* library, const nghttp2_frame* frame, nghttp2_rcbuf*,
                              nghttp2_rcbuf*, std::uint8_t, void* user) noexcept {
        const std::int32_t id = frame->hd.stream_id;
        return refuse(session(user), stream(library, id), id);
    }

    static int frame_received(nghttp2_session* library, const nghttp2_frame* frame,
                              void* user) noexcept {
        ClientSession& self = session(user);
        ClientStream* const to =
            frame->hd.stream_id != 0 ? stream(library, frame->hd.stream_id) : nullptr;
        switch (frame->hd.type) {
            case NGHTTP2_HEADERS:
                if (to == nullptr) break;
                return guarded([&] {
                    if (!to->block_complete(ends_stream(*frame))) {
                        refuse(self, to, frame->hd.stream_id);
                    } else if (ends_stream(*frame)) {
                        to->remote_ended();
                    }
                    return 0;
                });
            case NGHTTP2_DATA:
                if (to != nullptr && ends_stream(*frame)) to->remote_ended();
                break;
            case NGHTTP2_RST_STREAM:
                if (to == nullptr) break;
                to->reset_by_peer(frame->rst_stream.error_code);
                if (!to->response_complete()) self.counts_.resets.add();
                break;
            case NGHTTP2_SETTINGS:
                if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0 && !self.settled_) {
                    self.settled_ = true;
                    self.settings_due_ = 0;
                    return guarded([&] {
                        self.owner_.settled();
                        return 0;
                    });
                }
                break;
            case NGHTTP2_GOAWAY:
                // RFC 9113 §6.8: the library closes the streams above the last one, as refused.
                self.told_to_go(frame->goaway.error_code);
                break;
            default:
                break;
        }
        return 0;
    }

    static int data_received(nghttp2_session* library, std::uint8_t, std::int32_t id,
                             const std::uint8_t* data, std::size_t size, void* user) noexcept {
        // What waits for a slow client is bounded by its stream's window; the connection's is for
        // all of them, and must not be held by one.
        nghttp2_session_consume_connection(library, size);
        session(user).write_wanted_ = true;
        ClientStream* const to = stream(library, id);
        if (to == nullptr) return 0;
        return guarded([&] {
            to->receive({reinterpret_cast<const char*>(data), size});
            return 0;
        });
    }

    static int stream_closed(nghttp2_session* library, std::int32_t id, std::uint32_t code,
                             void* user) noexcept {
        if (ClientStream* const of = stream(library, id)) {
            nghttp2_session_set_stream_user_data(library, id, nullptr);
            of->closed(code);
        }
        session(user).stream_over();
        return 0;
    }

    static int before_frame(nghttp2_session* library, const nghttp2_frame* frame,
                            void* user) noexcept {
        if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
            return 0;
        }
        if (ClientStream* const of = stream(library, frame->hd.stream_id)) {
            of->head_goes(session(user).queued_);
        }
        return 0;
    }

    static int frame_sent(nghttp2_session* library, const nghttp2_frame* frame,
                          void* user) noexcept {
        ClientSession& self = session(user);
        if (frame->hd.type == NGHTTP2_GOAWAY) {
            if (frame->goaway.error_code != NGHTTP2_NO_ERROR) self.malformed_ = true;
            return 0;
        }
        if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
        ClientStream* const of = stream(library, frame->hd.stream_id);
        if (of == nullptr) return 0;
        if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
            of->head_taken();
        }
        if (ends_stream(*frame)) of->local_ended();
        return 0;
    }

    /// Trailers that the library can't send (they are too large): the origin must not wait for
    /// them. A request's head that it can't send closes its stream.
    static int frame_not_sent(nghttp2_session*, const nghttp2_frame* frame, int error,
                              void* user) noexcept {
        if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat == NGHTTP2_HCAT_REQUEST ||
            error == NGHTTP2_ERR_STREAM_CLOSED || error == NGHTTP2_ERR_STREAM_CLOSING) {
            return 0;
        }
        session(user).reset(frame->hd.stream_id, NGHTTP2_INTERNAL_ERROR);
        return 0;
    }

    static ssize_t read_body(nghttp2_session* library, std::int32_t id, std::uint8_t*,
                             std::size_t room, std::uint32_t* flags, nghttp2_data_source*,
                             void* user) noexcept {
        ClientSession& self = session(user);
        ClientStream* const from = stream(library, id);
        // Given up: its RST_STREAM goes out before anything else of it.
        if (from == nullptr) return NGHTTP2_ERR_DEFERRED;
        if (self.out_.size() >= kBatch) return NGHTTP2_ERR_PAUSE;
        const ClientStream::Offer offer = from->offer(room);
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
        ClientSession& self = session(user);
        ClientStream* const from = stream(library, frame->hd.stream_id);
        if (from == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        return guarded([&] {
            self.append({reinterpret_cast<const char*>(head), kFrameHead});
            self.append(from->piece(size));
            from->taken(size);
            return 0;
        });
    }
};

const nghttp2_session_callbacks* client_callbacks() {
    static const nghttp2_session_callbacks* const instance = [] {
        using C = ClientCallbacks;
        nghttp2_session_callbacks* made = nullptr;
        if (nghttp2_session_callbacks_new(&made) != 0) throw std::bad_alloc();
        nghttp2_session_callbacks_set_on_begin_headers_callback(made, C::begin_headers);
        nghttp2_session_callbacks_set_on_header_callback2(made, C::header);
        nghttp2_session_callbacks_set_on_invalid_header_callback2(made, C::invalid_header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(made, C::frame_received);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, C::data_received);
        nghttp2_session_callbacks_set_on_stream_close_callback(made, C::stream_closed);
        nghttp2_session_callbacks_set_before_frame_send_callback(made, C::before_frame);
        nghttp2_session_callbacks_set_on_frame_send_callback(made, C::frame_sent);
        nghttp2_session_callbacks_set_on_frame_not_send_callback(made, C::frame_not_sent);
        nghttp2_session_callbacks_set_send_data_callback(made, C::send_data);
        return made;
    }();
    return instance;
}

const nghttp2_option* client_behaviour() {
    static const nghttp2_option* const instance = [] {
        nghttp2_option* made = nullptr;
        if (nghttp2_option_new(&made) != 0) throw std::bad_alloc();
        nghttp2_option_set_no_auto_window_update(made, 1);
        nghttp2_option_set_no_closed_streams(made, 1);
        // The largest head that a client may send passes.
        nghttp2_option_set_max_send_header_block_length(made, 2 * 1024 * 1024);
        return made;
    }();
    return instance;
}

const nghttp2_data_provider* request_body_provider() {
    static const nghttp2_data_provider instance = [] {
        nghttp2_data_provider made{};
        made.read_callback = ClientCallbacks::read_body;
        return made;
    }();
    return &instance;
}

}  // namespace switchyard::h2
