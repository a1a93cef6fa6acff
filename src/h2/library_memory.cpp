#include "h2/library_memory.hpp"

#include "base/frame_pool.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

namespace switchyard::h2 {

namespace {

/// Stands before each block, as large as the strictest alignment.
struct alignas(std::max_align_t) Header {
    std::size_t whole;  ///< The octets of header and block.
};

Header* header_of(void* block) noexcept {
    return static_cast<Header*>(block) - 1;
}

// The library is C: no exception may pass through it.
void* take(std::size_t size, void*) noexcept {
    if (size > PTRDIFF_MAX - sizeof(Header)) return nullptr;
    const std::size_t whole = sizeof(Header) + size;
    try {
        return new (allocate_frame(whole)) Header{whole} + 1;
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

void give(void* block, void*) noexcept {
    if (block == nullptr) return;
    Header* const header = header_of(block);
    release_frame(header, header->whole);
}

void* take_zeroed(std::size_t count, std::size_t size, void*) noexcept {
    if (size != 0 && count > PTRDIFF_MAX / size) return nullptr;
    void* const block = take(count * size, nullptr);
    if (block != nullptr) std::memset(block, 0, count * size);
    return block;
}

void* resize(void* old, std::size_t size, void*) noexcept {
    void* const block = take(size, nullptr);
    if (old == nullptr || block == nullptr) return block;
    std::memcpy(block, old, std::min(size, header_of(old)->whole - sizeof(Header)));
    give(old, nullptr);
    return block;
}

}  // namespace

nghttp2_mem* library_memory() noexcept {
    static nghttp2_mem memory{nullptr, take, give, take_zeroed, resize};
    return &memory;
}

}  // namespace switchyard::h2
