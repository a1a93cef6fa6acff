#include "net/tls_memory.hpp"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <malloc.h>
#include <new>

#include <openssl/crypto.h>

namespace switchyard::net {

namespace {

/// OpenSSL's buffers are a record (16 KiB) and what stands around it: 16584 and 16712 octets in
/// version 3.0. All blocks of this kind have the larger size, so that each serves for each.
constexpr std::size_t kSmallest = 16 * 1024 + 1;
constexpr std::size_t kBlock = 17 * 1024;
/// Where these blocks begin, and hardly any other.
constexpr std::size_t kAligned = 4096;
constexpr std::size_t kWhole = 20 * 1024;  ///< kBlock, as whole pages.
/// One request uses two; the rest is for connections whose record has come in part only.
constexpr unsigned kKept = 16;

/// Small blocks come in sizes of 16 k + 8 octets, which is what the C library makes of them anyway:
/// so the size of one that is freed, which it knows, says which list it belongs to. Not under a
/// sanitizer, which is to see each use of what was freed.
constexpr std::size_t kStep = 16;
constexpr std::size_t kOver = 8;
#if defined(SWITCHYARD_ASAN) || defined(SWITCHYARD_TSAN)
constexpr std::size_t kSizes = 0;
#else
constexpr std::size_t kSizes = 64;
#endif
constexpr std::size_t kSmallLargest = kSizes * kStep + kOver;
/// Of each size: as much as a handshake takes and gives back, about.
constexpr std::size_t kSmallOctets = 8 * 1024;
constexpr std::size_t kSmallMost = 128;

constexpr std::size_t size_index(std::size_t size) noexcept {
    return size <= kStep + kOver ? 0 : (size - kOver + kStep - 1) / kStep - 1;
}
constexpr std::size_t size_of_index(std::size_t index) noexcept {
    return (index + 1) * kStep + kOver;
}
constexpr std::size_t most_of_index(std::size_t index) noexcept {
    const std::size_t fit = kSmallOctets / size_of_index(index);
    return fit < kSmallMost ? fit : kSmallMost;
}

/// A block that is kept begins with the address of the next one.
struct Kept {
    Kept* next;
};

/// Last in, first out.
struct List {
    Kept* first = nullptr;
    std::size_t count = 0;

    void* take() noexcept {
        Kept* const block = first;
        if (block == nullptr) return nullptr;
        first = block->next;
        --count;
        return block;
    }
    void give(void* block) noexcept {
        first = new (block) Kept{first};
        ++count;
    }
};

/// Of one thread. OpenSSL frees things when a thread has ended, too, after the destructors of the
/// thread's objects: so this has none, and what is freed then goes to the C library.
struct Cache {
    List records;
    std::array<List, kSizes> small;
    bool kept = false;  ///< Something; then Emptied is there.
    bool over = false;
};
constinit thread_local Cache cache{};

/// Gives back what the thread has kept, at its end.
struct Emptied {
    ~Emptied() {
        cache.over = true;
        while (void* const block = cache.records.take())
            std::free(block);
        for (List& list : cache.small) {
            while (void* const block = list.take())
                std::free(block);
        }
    }
};

/// Whether the thread may keep a block.
bool may_keep() noexcept {
    if (cache.over) return false;
    if (!cache.kept) {
        thread_local const Emptied at_the_end;
        static_cast<void>(at_the_end);
        cache.kept = true;
    }
    return true;
}

void* small_block(std::size_t size) noexcept {
    const std::size_t index = size_index(size);
    void* const kept = cache.small[index].take();
    return kept != nullptr ? kept : std::malloc(size_of_index(index));
}

/// Whether it was kept.
bool keep_small(void* block, std::size_t usable) noexcept {
    if (kSizes == 0 || usable > kSmallLargest || usable < kStep + kOver) return false;
    const std::size_t index = (usable - kOver) / kStep - 1;
    List& list = cache.small[index];
    if (list.count >= most_of_index(index) || !may_keep()) return false;
    list.give(block);
    return true;
}

}  // namespace

void* tls_malloc(std::size_t size, const char*, int) noexcept {
    if (kSizes != 0 && size <= kSmallLargest) return small_block(size);
    if (size < kSmallest || size > kBlock) return std::malloc(size);
    void* const kept = cache.records.take();
    return kept != nullptr ? kept : std::aligned_alloc(kAligned, kWhole);
}

void tls_free(void* block, const char*, int) noexcept {
    if (block == nullptr) return;
    const std::size_t usable = ::malloc_usable_size(block);
    if (keep_small(block, usable)) return;
    const bool record = reinterpret_cast<std::uintptr_t>(block) % kAligned == 0 &&
                        usable >= kWhole && usable <= kWhole + 64;
    if (!record || cache.records.count >= kKept || !may_keep()) {
        std::free(block);
        return;
    }
    cache.records.give(block);
}

void* tls_realloc(void* old, std::size_t size, const char* file, int line) noexcept {
    if (old == nullptr) return tls_malloc(size, file, line);
    if (size == 0) {
        tls_free(old, file, line);
        return nullptr;
    }
    return std::realloc(old, size);
}

bool use_tls_memory() noexcept {
    return CRYPTO_set_mem_functions(tls_malloc, tls_realloc, tls_free) == 1;
}

}  // namespace switchyard::net
