#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <string_view>

#include <nghttp2/nghttp2.h>

/// Between nghttp2's C and ours, for the sides of a connection alike.
namespace switchyard::h2 {

/// RFC 9113 §4.1.
constexpr std::size_t kFrameHead = 9;
/// What is read at once, and how often before others have their turn.
constexpr std::size_t kRead = 64 * 1024;
constexpr unsigned kReadsInTurn = 16;
/// What is collected for one write: enough for full TLS records, little enough to be fair.
constexpr std::size_t kBatch = 64 * 1024;
/// Of all streams together, on the way: what arrives is given back at once.
constexpr std::int32_t kConnectionWindow = 1024 * 1024;

/// Valid as long as the library holds the buffer.
inline std::string_view text(nghttp2_rcbuf* buffer) noexcept {
    const nghttp2_vec vec = nghttp2_rcbuf_get_buf(buffer);
    return {reinterpret_cast<const char*>(vec.base), vec.len};
}

inline bool ends_stream(const nghttp2_frame& frame) noexcept {
    return (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
}

/// Calls it so that nothing is thrown into C.
template <class Body>
int guarded(Body body) noexcept {
    try {
        return body();
    } catch (const std::bad_alloc&) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
}

}  // namespace switchyard::h2
