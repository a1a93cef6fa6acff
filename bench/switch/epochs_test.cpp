#include "bench/switch/epochs.hpp"

#include "bench/switch/timeline.hpp"
#include "support/deadline.hpp"
#include "support/temp_dir.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace switchyard::bench {
namespace {

constexpr const char* kOne = "00000000000000010000000000000000";
constexpr const char* kTwo = "00000000000000020000000000000000";

std::map<std::string, std::uint64_t> compare(const Epochs& epochs,
                                             const std::vector<LoggedRequest>& log) {
    Violations violations;
    epochs.compare(log, 7, violations);
    return violations.counts();
}

TEST(Epochs, ThatExplainTheAnswersAreNoViolation) {
    Epochs epochs;
    epochs.answered(kOne, Colour::blue, 0, 0);
    epochs.answered(kTwo, Colour::green, 1, 3);
    EXPECT_TRUE(
        compare(epochs, {{1, 7, Colour::blue}, {2, 9, Colour::green}, {3, 9, Colour::green}})
            .empty());
}

TEST(Epochs, AStaleOneIsAViolationAlsoOnTheRightSlot) {
    Epochs epochs;
    epochs.answered(kOne, Colour::blue, 2, 2);
    EXPECT_EQ(compare(epochs, {{1, 7, Colour::blue}}).at("C1"), 1U);
    EXPECT_EQ(compare(epochs, {{1, 11, Colour::blue}}).at("C1"), 1U);
}

TEST(Epochs, AnotherSlotThanTheLoggedOneIsAViolation) {
    Epochs epochs;
    epochs.answered(kOne, Colour::blue, 0, 0);
    EXPECT_EQ(compare(epochs, {{1, 7, Colour::green}}).at("C2"), 1U);
}

TEST(Epochs, EveryAnswerIsLoggedOnce) {
    Epochs epochs;
    epochs.answered(kOne, Colour::blue, 0, 0);
    EXPECT_EQ(compare(epochs, {}).at("C18"), 1U);
    EXPECT_EQ(compare(epochs, {{1, 7, Colour::blue}, {1, 7, Colour::blue}}).at("C18"), 1U);
}

TEST(Timeline, TellsWhichStepsExplainAnAnswer) {
    Timeline timeline(Colour::blue);
    ASSERT_TRUE(timeline.allows(Colour::blue, 10, 20));
    EXPECT_EQ(timeline.first_step(), 0U);
    EXPECT_EQ(timeline.last_step(), 0U);
    timeline.sent(Colour::green, 30);
    timeline.acknowledged(40);
    timeline.sent(Colour::blue, 50);
    timeline.acknowledged(60);
    // Under way since before both: either blue.
    ASSERT_TRUE(timeline.allows(Colour::blue, 35, 70));
    EXPECT_EQ(timeline.first_step(), 0U);
    EXPECT_EQ(timeline.last_step(), 2U);
    ASSERT_TRUE(timeline.allows(Colour::blue, 65, 70));
    EXPECT_EQ(timeline.first_step(), 2U);
}

TEST(LogReader, ReadsLinesInPieces) {
    const test::TempDir dir;
    LogReader reader(dir.file("log"));
    const int fd = ::open(dir.file("log").c_str(), O_WRONLY | O_CLOEXEC);
    const std::string line =
        R"({"slot":"green","epoch":8,"request_id":"00000000000000010000000000000000"})"
        "\n{\"slot\":\"\",\"epoch\":0,\"request_id\":\"x\"}\n";
    for (const char octet : line)
        ASSERT_EQ(::write(fd, &octet, 1), 1);
    ::close(fd);
    ASSERT_TRUE(test::eventually([&] { return reader.count() == 1; }));
    const auto requests = reader.finish();
    ASSERT_EQ(requests.size(), 1U);
    EXPECT_EQ(requests[0].id, 1U);
    EXPECT_EQ(requests[0].epoch, 8U);
    EXPECT_EQ(requests[0].slot, Colour::green);
}

}  // namespace
}  // namespace switchyard::bench
