#pragma once

#include <cstddef>

namespace switchyard {

/// Memory for coroutine frames: free lists of the calling thread, by size, in steps of 64 bytes up
/// to 4 KiB; larger frames come from the heap. Frames must be released on the thread that allocated
/// them. Under AddressSanitizer all frames come from the heap, so that it sees misuse.
[[nodiscard]] void* allocate_frame(std::size_t size);
void release_frame(void* frame, std::size_t size) noexcept;

}  // namespace switchyard
