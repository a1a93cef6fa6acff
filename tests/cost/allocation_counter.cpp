// Loaded into a program by LD_PRELOAD: counts what it allocates, in a file that others can map
// while it runs (SWITCHYARD_ALLOCATIONS names it). Every block still comes from the C library.
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
}

namespace {

std::atomic<std::uint64_t>* count = nullptr;

/// Before main; what is allocated earlier is not counted.
__attribute__((constructor)) void begin() {
    const char* path = std::getenv("SWITCHYARD_ALLOCATIONS");
    if (path == nullptr) return;
    const int fd = ::open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void* place = ::mmap(nullptr, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    if (place != MAP_FAILED) count = static_cast<std::atomic<std::uint64_t>*>(place);
}

void add() {
    if (count != nullptr) count->fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

extern "C" {

void* malloc(std::size_t size) {
    add();
    return __libc_malloc(size);
}
void* calloc(std::size_t times, std::size_t size) {
    add();
    return __libc_calloc(times, size);
}
void* realloc(void* old, std::size_t size) {
    add();
    return __libc_realloc(old, size);
}
void* memalign(std::size_t alignment, std::size_t size) {
    add();
    return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
    add();
    return __libc_memalign(alignment, size);
}
int posix_memalign(void** place, std::size_t alignment, std::size_t size) {
    add();
    void* const block = __libc_memalign(alignment, size);
    if (block == nullptr) return ENOMEM;
    *place = block;
    return 0;
}
}
