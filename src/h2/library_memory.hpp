#pragma once

#include <nghttp2/nghttp2.h>

namespace switchyard::h2 {

/// What nghttp2 allocates for a session comes from the free lists of the calling thread
/// (base/frame_pool.hpp): a request costs it about a dozen small blocks, the same ones each time.
/// The session, and all that is freed of it, must stay on the thread that made it. Lives for ever.
[[nodiscard]] nghttp2_mem* library_memory() noexcept;

}  // namespace switchyard::h2
