#include "net/tls_memory.hpp"

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
/// Where these blocks begin, and hardly any other: so that most of what is freed is seen to be none
/// of them without a question to the C library.
constexpr std::size_t kAligned = 4096;
constexpr std::size_t kWhole = 20 * 1024;  ///< kBlock, as whole pages.
/// One request uses two; the rest is for connections whose record has come in part only.
constexpr unsigned kKept = 16;

/// A block that is kept begins with the address of the next one.
struct Kept {
    Kept* next;
};

/// Of one thread. What is freed after the thread's end of it goes to the C library.
struct Cache {
    Kept* first = nullptr;
    unsigned count = 0;

    ~Cache() {
        count = kKept;
        while (first != nullptr) {
            Kept* const block = first;
            first = block->next;
            std::free(block);
        }
    }
};
thread_local Cache cache;

}  // namespace

void* tls_malloc(std::size_t size, const char*, int) noexcept {
    if (size < kSmallest || size > kBlock) return std::malloc(size);
    Kept* const block = cache.first;
    if (block == nullptr) return std::aligned_alloc(kAligned, kWhole);
    cache.first = block->next;
    --cache.count;
    return block;
}

void tls_free(void* block, const char*, int) noexcept {
    if (block == nullptr) return;
    const bool ours = reinterpret_cast<std::uintptr_t>(block) % kAligned == 0 &&
                      ::malloc_usable_size(block) >= kWhole &&
                      ::malloc_usable_size(block) <= kWhole + 64;
    if (!ours || cache.count >= kKept) {
        std::free(block);
        return;
    }
    cache.first = new (block) Kept{cache.first};
    ++cache.count;
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
