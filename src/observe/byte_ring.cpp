#include "observe/byte_ring.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <sys/mman.h>
#include <system_error>
#include <unistd.h>

namespace switchyard::observe {
namespace {

Error failure(const char* what, int code) {
    return Error("cannot set up a log buffer: " + std::string(what) + ": " +
                 std::generic_category().message(code));
}

}  // namespace

Result<std::unique_ptr<ByteRing>> ByteRing::create(std::size_t capacity) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t size = std::bit_ceil(std::max(capacity, page));

    const int file = ::memfd_create("switchyard-log", MFD_CLOEXEC);
    if (file < 0) return failure("memfd_create", errno);
    if (::ftruncate(file, static_cast<off_t>(size)) != 0) {
        const int code = errno;
        ::close(file);
        return failure("ftruncate", code);
    }
    // Reserve the addresses of both views first, then put the file there twice.
    void* const base = ::mmap(nullptr, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) {
        const int code = errno;
        ::close(file);
        return failure("mmap", code);
    }
    char* const memory = static_cast<char*>(base);
    for (char* view : {memory, memory + size}) {
        if (::mmap(view, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) ==
            MAP_FAILED) {
            const int code = errno;
            ::munmap(base, 2 * size);
            ::close(file);
            return failure("mmap", code);
        }
    }
    ::close(file);
    return std::unique_ptr<ByteRing>(new ByteRing(memory, size));
}

ByteRing::~ByteRing() {
    ::munmap(memory_, 2 * capacity_);
}

}  // namespace switchyard::observe
