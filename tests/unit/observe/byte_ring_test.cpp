#include "observe/byte_ring.hpp"

#include <cstring>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace switchyard::observe {
namespace {

void put(ByteRing& ring, const std::string& text) {
    const auto space = ring.free_space(text.size());
    ASSERT_GE(space.size(), text.size());
    std::memcpy(space.data(), text.data(), text.size());
    ring.publish(text.size());
}

std::string take(ByteRing& ring, std::size_t size) {
    const std::string text(ring.filled().data(), size);
    ring.consume(size);
    return text;
}

TEST(ByteRing, RoundsItsCapacityUp) {
    EXPECT_EQ((*ByteRing::create(1))->capacity() % 4096, 0U);
    EXPECT_EQ((*ByteRing::create(100'000))->capacity(), 131'072U);
}

TEST(ByteRing, StaysInOnePieceAcrossItsEnd) {
    const auto ring = *ByteRing::create(4096);
    const std::size_t capacity = ring->capacity();
    put(*ring, std::string(capacity - 3, 'x'));
    EXPECT_EQ(take(*ring, capacity - 3).size(), capacity - 3);
    put(*ring, "across the end");
    EXPECT_EQ(ring->filled().size(), 14U);
    EXPECT_EQ(take(*ring, 14), "across the end");
}

TEST(ByteRing, IsFullAtItsCapacity) {
    const auto ring = *ByteRing::create(4096);
    put(*ring, std::string(ring->capacity(), 'x'));
    EXPECT_EQ(ring->free_space(1).size(), 0U);
    ring->consume(10);
    EXPECT_EQ(ring->free_space(1).size(), 10U);
}

TEST(ByteRing, KnowsWhenItIsPastHalf) {
    const auto ring = *ByteRing::create(4096);
    const std::size_t half = ring->capacity() / 2;
    put(*ring, std::string(half, 'x'));
    EXPECT_FALSE(ring->past_half());
    put(*ring, "y");
    EXPECT_TRUE(ring->past_half());
    ring->consume(1);
    EXPECT_FALSE(ring->past_half());
}

TEST(ByteRing, CarriesEveryByteFromThreadToThread) {
    const auto ring = *ByteRing::create(4096);
    constexpr std::uint32_t kNumbers = 200'000;
    std::thread writer([&ring] {
        for (std::uint32_t i = 0; i < kNumbers;) {
            const auto space = ring->free_space(sizeof(i));
            if (space.size() < sizeof(i)) {
                std::this_thread::yield();
                continue;
            }
            std::memcpy(space.data(), &i, sizeof(i));
            ring->publish(sizeof(i));
            ++i;
        }
    });
    std::uint32_t expected = 0;
    std::uint32_t wrong = 0;
    while (expected < kNumbers) {
        const auto filled = ring->filled();
        for (std::size_t at = 0; at + 4 <= filled.size(); at += 4) {
            std::uint32_t number = 0;
            std::memcpy(&number, filled.data() + at, 4);
            wrong += number != expected;
            ++expected;
        }
        ring->consume(filled.size());
        if (filled.empty()) std::this_thread::yield();
    }
    writer.join();
    EXPECT_EQ(wrong, 0U);
}

}  // namespace
}  // namespace switchyard::observe
