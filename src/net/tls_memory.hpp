#pragma once

#include <cstddef>

/// OpenSSL's memory: of its record buffers, and of the some hundred small blocks that a handshake
/// takes and gives back. A connection gives its two buffers of about 16 KiB back
/// whenever they are empty (SSL_MODE_RELEASE_BUFFERS), so an idle one costs little; but then every
/// request takes and gives them anew, and the C library is slow with blocks of this size. Here each
/// thread keeps a few of them, last in, first out: the next record finds memory that is still in
/// the processor's cache. Of small blocks the C library itself keeps seven of a size and thread
/// only, and searches and merges beyond these.
namespace switchyard::net {

/// Has OpenSSL allocate in this way, in all threads. Before anything of OpenSSL is used; false if
/// it was too late, which costs speed and nothing else.
bool use_tls_memory() noexcept;

/// What OpenSSL then calls. Any thread may free what another one has allocated. Out of memory:
/// null. `file` and `line` are not looked at.
void* tls_malloc(std::size_t size, const char* file, int line) noexcept;
void* tls_realloc(void* old, std::size_t size, const char* file, int line) noexcept;
void tls_free(void* block, const char* file, int line) noexcept;

}  // namespace switchyard::net
