#include "base/frame_pool.hpp"

#include <array>
#include <new>

namespace switchyard {

#if defined(SWITCHYARD_ASAN) || defined(__SANITIZE_ADDRESS__)

void* allocate_frame(std::size_t size) {
    return ::operator new(size);
}
void release_frame(void* frame, std::size_t) noexcept {
    ::operator delete(frame);
}

#else

namespace {

constexpr std::size_t kStep = 64;
constexpr std::size_t kClasses = 64;
/// Octets of free frames kept per class; more go back to the heap, so a burst doesn't hold memory
/// for ever.
constexpr std::size_t kKeepBytes = 512 * 1024;

struct FreeFrame {
    FreeFrame* next;
};

struct FreeLists {
    struct List {
        FreeFrame* head = nullptr;
        std::size_t count = 0;
    };
    std::array<List, kClasses> lists;

    ~FreeLists() {
        for (List& list : lists) {
            while (list.head != nullptr) {
                FreeFrame* frame = list.head;
                list.head = frame->next;
                ::operator delete(frame);
            }
        }
    }
};

thread_local FreeLists free_lists;

}  // namespace

void* allocate_frame(std::size_t size) {
    const std::size_t index = (size - 1) / kStep;
    if (index >= kClasses) return ::operator new(size);
    FreeLists::List& list = free_lists.lists[index];
    if (list.head == nullptr) return ::operator new((index + 1) * kStep);
    FreeFrame* frame = list.head;
    list.head = frame->next;
    --list.count;
    return frame;
}

void release_frame(void* frame, std::size_t size) noexcept {
    const std::size_t index = (size - 1) / kStep;
    if (index >= kClasses || free_lists.lists[index].count >= kKeepBytes / ((index + 1) * kStep)) {
        ::operator delete(frame);
        return;
    }
    FreeLists::List& list = free_lists.lists[index];
    auto* entry = static_cast<FreeFrame*>(frame);
    entry->next = list.head;
    list.head = entry;
    ++list.count;
}

#endif

}  // namespace switchyard
