#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace switchyard::origin {

/// What the connection shall do with a request's body before it is answered.
struct Plan {
    enum class Body {
        read,    ///< Read it all, then answer.
        ignore,  ///< Answer at once, without reading it; the connection ends after the answer.
    };
    Body body = Body::read;
    std::size_t keep_bytes = 0;    ///< How much of the body the answer wants to see.
    bool always_continue = false;  ///< Send 100 even if the client did not ask for it.
    std::uint64_t rate = 0;        ///< Read the body at this many bytes a second; 0: no limit.
};

/// What arrived of a request's body.
struct Received {
    std::uint64_t bytes = 0;
    std::uint32_t crc32 = 0;
    std::string kept;
    std::string trailers;  ///< "name: value\r\n" each.
};

/// How one request is answered: well or badly, at once or late.
struct Answer {
    enum class Framing { length, chunked, until_close };
    enum class Ending {
        keep,           ///< As HTTP says: keep-alive unless the client said otherwise.
        close,          ///< "Connection: close", then an orderly close.
        stale,          ///< Says nothing, but closes right after the answer.
        stale_on_next,  ///< Says nothing, and closes when the next request comes in.
        reset_on_next,  ///< The same with a TCP reset.
        reset,          ///< TCP reset after what was sent.
        cut,            ///< Orderly TCP close after what was sent, whatever was promised.
        websocket,      ///< The connection is a WebSocket from here on (websocket.hpp).
        hang,           ///< Sends no more, and waits for the peer to go.
    };

    unsigned status = 200;
    std::string_view type = "text/plain";
    std::string fields;   ///< More field lines, each with CRLF.
    std::string interim;  ///< Sent before the head, as it stands ("HTTP/1.1 103 ...").
    std::string text;     ///< The body; unless pattern_bytes is given.
    std::optional<std::uint64_t> pattern_bytes;  ///< The body is so much of the pattern.
    Framing framing = Framing::length;
    std::string trailers;                     ///< Field lines after a chunked body.
    std::uint64_t rate = 0;                   ///< Body bytes a second; 0: no limit.
    std::optional<std::uint64_t> stop_after;  ///< `ending` happens after so many body bytes.
    Ending ending = Ending::keep;
    std::chrono::milliseconds delay{0};  ///< Before the first byte of the answer.
    bool silent = false;                 ///< Not one byte, just the ending (close, reset, hang).
    bool verbatim = false;               ///< `text` is all that is sent: no head.
    std::size_t piece = 0;  ///< With verbatim: send it in pieces of so many bytes; 0: at once.
};

}  // namespace switchyard::origin
