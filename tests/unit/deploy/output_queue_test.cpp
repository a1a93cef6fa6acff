#include "deploy/output_queue.hpp"

#include <gtest/gtest.h>

namespace switchyard::deploy {
namespace {

TEST(OutputQueue, TellsOnceUntilItWasEmptied) {
    OutputQueue queue;
    EXPECT_TRUE(queue.push({"h", false, "1"}));
    EXPECT_FALSE(queue.push({"h", true, "2"}));
    EXPECT_EQ(queue.take(1).size(), 1u);
    EXPECT_FALSE(queue.push({"h", false, "3"}));
    const auto rest = queue.take(10);
    ASSERT_EQ(rest.size(), 2u);
    EXPECT_EQ(rest[0].line, "2");
    EXPECT_TRUE(rest[0].from_stderr);
    EXPECT_EQ(rest[1].line, "3");
    EXPECT_FALSE(queue.push({"h", false, "4"})) << "the taker has not seen that it was empty";
    EXPECT_EQ(queue.take(10).size(), 1u);
    EXPECT_TRUE(queue.take(10).empty());
    EXPECT_TRUE(queue.push({"h", false, "5"}));
}

TEST(OutputQueue, DropsTheOldestAndSaysHowMany) {
    OutputQueue queue;
    const std::size_t more = 7;
    for (std::size_t i = 0; i < OutputQueue::kMaxLines + more; ++i)
        (void)queue.push({"h", false, std::to_string(i)});
    EXPECT_EQ(queue.dropped(), more);
    const auto first = queue.take(2);
    ASSERT_EQ(first.size(), 2u);
    EXPECT_EQ(first[0].line, "[7 lines left out: they came faster than they could be passed on]");
    EXPECT_EQ(first[1].line, "7");
    const auto rest = queue.take(OutputQueue::kMaxLines);
    EXPECT_EQ(rest.size(), OutputQueue::kMaxLines - 1);
    EXPECT_EQ(rest.back().line, std::to_string(OutputQueue::kMaxLines + more - 1));
}

TEST(OutputQueue, BytesAreLimitedToo) {
    OutputQueue queue;
    const std::string line(4096, 'x');
    for (int i = 0; i < 1000; ++i)
        (void)queue.push({"h", false, line});
    std::size_t bytes = 0;
    for (const Output& output : queue.take(2'000))
        bytes += output.line.size();
    EXPECT_LE(bytes, OutputQueue::kMaxBytes + 100);
    EXPECT_EQ(queue.dropped(), 1000 - OutputQueue::kMaxBytes / line.size());
}

}  // namespace
}  // namespace switchyard::deploy
