#include "net/tls_memory.hpp"

#include <cstring>
#include <malloc.h>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::net {
namespace {

void* take(std::size_t size) {
    return tls_malloc(size, __FILE__, __LINE__);
}
void give(void* block) {
    tls_free(block, __FILE__, __LINE__);
}

/// With memory that nothing else of the test's thread has used.
template <class Test>
void on_a_thread(Test test) {
    std::thread(test).join();
}

TEST(TlsMemory, ARecordBufferIsTheOneThatWasGivenBackLast) {
    on_a_thread([] {
        void* const first = take(16'712);
        void* const second = take(16'584);
        EXPECT_NE(first, second);
        give(first);
        give(second);
        // Each serves for each, and is as large as the largest.
        EXPECT_EQ(take(17'408), second);
        std::memset(second, 1, 17'408);
        EXPECT_EQ(take(16'385), first);
        give(first);
        give(second);
    });
}

TEST(TlsMemory, OtherSizesAreTheCLibrarys) {
    on_a_thread([] {
        for (const std::size_t size : {0, 1, 40, 16'384, 17'409, 1'000'000}) {
            void* const block = take(size);
            if (size != 0) std::memset(block, 1, size);
            give(block);
        }
        give(nullptr);
        void* const buffer = take(16'712);
        void* const other = take(100);
        EXPECT_NE(buffer, other);
        give(other);
        give(buffer);
    });
}

#if !defined(SWITCHYARD_ASAN) && !defined(SWITCHYARD_TSAN)
TEST(TlsMemory, ASmallBlockIsTheOneOfItsSizeThatWasGivenBackLast) {
    on_a_thread([] {
        std::vector<void*> blocks;
        std::vector<void*> larger;  // Than asked for, of a rest: they belong to another size.
        while (blocks.size() < 20) {
            void* const block = take(33);
            (::malloc_usable_size(block) == 40 ? blocks : larger).push_back(block);
        }
        for (void* const block : blocks)
            give(block);
        EXPECT_NE(take(41), blocks[19]);
        for (std::size_t i = blocks.size(); i-- > 0;) {
            EXPECT_EQ(take(25 + i % 16), blocks[i]);
            std::memset(blocks[i], 1, 40);
        }
        for (void* const block : blocks)
            give(block);
        for (void* const block : larger)
            give(block);
    });
}

TEST(TlsMemory, KeepsNoMoreSmallBlocksThanAHandshakeNeeds) {
    on_a_thread([] {
        for (const std::size_t size : {24, 1'032}) {
            std::vector<void*> blocks;
            for (int i = 0; i < 1'000; ++i)
                blocks.push_back(take(size));
            // The C library makes some larger than they have to be, out of rests.
            void* last = nullptr;
            for (std::size_t room = size == 24 ? 128 : 7; void* const block : blocks) {
                if (room > 0 && ::malloc_usable_size(block) == size) {
                    --room;
                    last = block;
                }
                give(block);
            }
            EXPECT_EQ(take(size), last);
            give(last);
        }
    });
}
#endif

TEST(TlsMemory, ASmallBlockGrowsWithItsContent) {
    on_a_thread([] {
        for (std::size_t size = 1; size < 20'000; size += size / 3 + 1) {
            auto* block = static_cast<unsigned char*>(take(size));
            std::memset(block, 7, size);
            const std::size_t more = size * 3;
            block = static_cast<unsigned char*>(tls_realloc(block, more, __FILE__, __LINE__));
            for (std::size_t i = 0; i < size; ++i)
                ASSERT_EQ(block[i], 7);
            std::memset(block, 8, more);
            give(block);
            block = static_cast<unsigned char*>(take(more));
            std::memset(block, 9, more);
            give(block);
        }
    });
}

TEST(TlsMemory, KeepsNoMoreThanAFew) {
    on_a_thread([] {
        std::vector<void*> blocks;
        for (int i = 0; i < 100; ++i)
            blocks.push_back(take(16'712));
        EXPECT_EQ(std::set<void*>(blocks.begin(), blocks.end()).size(), blocks.size());
        for (void* const block : blocks)
            give(block);
        // The last ones that there was room for come first.
        EXPECT_EQ(take(16'712), blocks[15]);
        give(blocks[15]);
    });
}

TEST(TlsMemory, AnotherThreadMayGiveBack) {
    on_a_thread([] {
        void* const block = take(16'712);
        on_a_thread([block] {
            give(block);
            EXPECT_EQ(take(16'712), block);
            give(block);
        });
    });
}

TEST(TlsMemory, GrowsAndShrinks) {
    on_a_thread([] {
        void* block = tls_realloc(nullptr, 10, __FILE__, __LINE__);
        std::memcpy(block, "0123456789", 10);
        block = tls_realloc(block, 16'712, __FILE__, __LINE__);
        EXPECT_EQ(std::memcmp(block, "0123456789", 10), 0);
        block = tls_realloc(block, 5, __FILE__, __LINE__);
        EXPECT_EQ(std::memcmp(block, "01234", 5), 0);
        EXPECT_EQ(tls_realloc(block, 0, __FILE__, __LINE__), nullptr);
    });
}

}  // namespace
}  // namespace switchyard::net
