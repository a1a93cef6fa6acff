#include "base/buffer.hpp"

#include <array>
#include <cstring>
#include <new>
#include <utility>

namespace switchyard {

namespace {

constexpr std::array<std::size_t, 4> kSizes = {4 * 1024, 16 * 1024, 64 * 1024, 256 * 1024};
/// Free blocks kept of each size, so that a burst does not hold its memory for ever.
constexpr std::array<std::size_t, 4> kKeep = {1024, 256, 32, 16};

struct FreeBlock {
    FreeBlock* next;
};

struct FreeBlocks {
    struct List {
        FreeBlock* head = nullptr;
        std::size_t count = 0;
    };
    std::array<List, kSizes.size()> lists;
    ~FreeBlocks() {
        for (List& list : lists) {
            while (list.head != nullptr) {
                FreeBlock* block = list.head;
                list.head = block->next;
                ::operator delete(block);
            }
        }
    }
};

thread_local FreeBlocks free_blocks;

/// Index of the smallest size that fits, or kSizes.size().
std::size_t size_class(std::size_t size) noexcept {
    std::size_t index = 0;
    while (index < kSizes.size() && kSizes[index] < size)
        ++index;
    return index;
}

char* allocate_block(std::size_t size, std::size_t& capacity) {
    const std::size_t index = size_class(size);
    if (index == kSizes.size()) {
        capacity = size;
        return static_cast<char*>(::operator new(size));
    }
    capacity = kSizes[index];
    FreeBlocks::List& list = free_blocks.lists[index];
    if (list.head == nullptr) return static_cast<char*>(::operator new(capacity));
    FreeBlock* block = list.head;
    list.head = block->next;
    --list.count;
    return reinterpret_cast<char*>(block);
}

void release_block(char* memory, std::size_t capacity) noexcept {
    const std::size_t index = size_class(capacity);
#if defined(SWITCHYARD_ASAN) || defined(__SANITIZE_ADDRESS__)
    const bool keep = false;
#else
    const bool keep = index < kSizes.size() && kSizes[index] == capacity &&
                      free_blocks.lists[index].count < kKeep[index];
#endif
    if (!keep) {
        ::operator delete(memory);
        return;
    }
    FreeBlocks::List& list = free_blocks.lists[index];
    auto* block = reinterpret_cast<FreeBlock*>(memory);
    block->next = list.head;
    list.head = block;
    ++list.count;
}

}  // namespace

void Buffer::reserve(std::size_t capacity) {
    const std::size_t held = size();
    if (capacity <= capacity_) {
        if (begin_ != 0) {
            if (held != 0) std::memmove(block_, block_ + begin_, held);
            begin_ = 0;
            end_ = held;
        }
        return;
    }
    std::size_t real = 0;
    char* block = allocate_block(capacity, real);
    if (held != 0) std::memcpy(block, data(), held);
    if (block_ != nullptr) release_block(block_, capacity_);
    block_ = block;
    capacity_ = real;
    begin_ = 0;
    end_ = held;
}

void Buffer::release() noexcept {
    if (block_ != nullptr) release_block(block_, capacity_);
    block_ = nullptr;
    capacity_ = begin_ = end_ = 0;
}

void Buffer::swap(Buffer& other) noexcept {
    std::swap(block_, other.block_);
    std::swap(capacity_, other.capacity_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
}

}  // namespace switchyard
