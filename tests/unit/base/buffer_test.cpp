#include "base/buffer.hpp"

#include <cstring>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace switchyard {
namespace {

void append(Buffer& buffer, std::string_view text) {
    ASSERT_LE(text.size(), buffer.room());
    std::memcpy(buffer.tail(), text.data(), text.size());
    buffer.commit(text.size());
}

TEST(Buffer, HoldsNoMemoryWhenNew) {
    const Buffer buffer;
    EXPECT_TRUE(buffer.empty());
    EXPECT_EQ(buffer.capacity(), 0U);
    EXPECT_EQ(buffer.view(), "");
}

TEST(Buffer, GivesWhatWasWrittenInOrder) {
    Buffer buffer;
    buffer.reserve(10);
    append(buffer, "GET ");
    append(buffer, "/path");
    EXPECT_EQ(buffer.view(), "GET /path");
    buffer.consume(4);
    EXPECT_EQ(buffer.view(), "/path");
    buffer.truncate(2);
    EXPECT_EQ(buffer.view(), "/p");
    buffer.clear();
    EXPECT_TRUE(buffer.empty());
}

TEST(Buffer, ConsumedBytesStayUntilSomethingIsRead) {
    Buffer buffer;
    buffer.reserve(10);
    append(buffer, "head body");
    const std::string_view head = buffer.view().substr(0, 4);
    buffer.consume(5);
    EXPECT_EQ(head, "head");
    EXPECT_EQ(buffer.view(), "body");
}

TEST(Buffer, ReserveMovesTheRestToTheFront) {
    Buffer buffer;
    buffer.reserve(10);
    append(buffer, std::string(buffer.capacity() - 4, 'x') + "rest");
    EXPECT_EQ(buffer.room(), 0U);
    buffer.consume(buffer.size() - 4);
    buffer.reserve(buffer.capacity());
    EXPECT_EQ(buffer.view(), "rest");
    EXPECT_EQ(buffer.room(), buffer.capacity() - 4);
}

TEST(Buffer, KeepsItsContentWhenItGrows) {
    Buffer buffer;
    buffer.reserve(1);
    std::string expected;
    for (std::size_t size = 1; size < 700'000; size *= 3) {
        buffer.reserve(buffer.size() + size);
        ASSERT_GE(buffer.room(), size);
        const std::string piece(size, static_cast<char>('a' + size % 26));
        append(buffer, piece);
        expected += piece;
    }
    EXPECT_EQ(buffer.view(), expected);
}

TEST(Buffer, ReleaseGivesTheMemoryBack) {
    Buffer buffer;
    buffer.reserve(20'000);
    append(buffer, "gone");
    buffer.release();
    EXPECT_EQ(buffer.capacity(), 0U);
    EXPECT_TRUE(buffer.empty());
    buffer.reserve(20'000);
    EXPECT_TRUE(buffer.empty());
    EXPECT_GE(buffer.capacity(), 20'000U);
}

TEST(Buffer, TheNextOneGetsReleasedMemoryButNotItsContent) {
    const char* first = nullptr;
    {
        Buffer buffer;
        buffer.reserve(4096);
        append(buffer, "secret");
        first = buffer.data();
    }
    Buffer next;
    next.reserve(4096);
#if !defined(SWITCHYARD_ASAN) && !defined(__SANITIZE_ADDRESS__)
    EXPECT_EQ(static_cast<const void*>(next.data()), static_cast<const void*>(first));
#else
    static_cast<void>(first);
#endif
    EXPECT_EQ(next.view(), "");
}

TEST(Buffer, MovesAndSwaps) {
    Buffer a;
    a.reserve(10);
    append(a, "a");
    Buffer b(std::move(a));
    EXPECT_EQ(b.view(), "a");
    Buffer c;
    c.reserve(10);
    append(c, "c");
    c.swap(b);
    EXPECT_EQ(b.view(), "c");
    EXPECT_EQ(c.view(), "a");
    b = std::move(c);
    EXPECT_EQ(b.view(), "a");
}

}  // namespace
}  // namespace switchyard
