// The judge of calls of gRPC (C11): what has to be a violation is one.
#include "bench/switch/grpc_check.hpp"

#include "support/grpc_messages.hpp"

#include <gtest/gtest.h>

namespace switchyard::bench {
namespace {

constexpr Colour kBlue = Colour::blue;
constexpr Colour kGreen = Colour::green;

class Calls : public testing::Test {
  protected:
    std::string message(std::string_view text) { return check_.message(text, 30, round_trip_); }

    GrpcCheck check_;
    std::int64_t round_trip_ = 0;
};

TEST_F(Calls, BothWaysAreRightWhenAllComesBackInOrder) {
    check_.begin_echo();
    check_.opened(kBlue);
    const auto first = check_.next_message(10, 3);
    const auto second = check_.next_message(20, 0);
    EXPECT_NE(first, second);
    EXPECT_EQ(message("blue: " + first), "");
    EXPECT_EQ(round_trip_, 20);
    EXPECT_NE(check_.ended(), "") << "one is missing";
    EXPECT_EQ(message("blue: " + second), "");
    EXPECT_EQ(check_.ended(), "");
    EXPECT_NE(message("blue: " + second), "") << "twice";
}

TEST_F(Calls, BothWaysAreWrongWithAMessageOfTheOtherSlotOrOutOfOrder) {
    check_.begin_echo();
    check_.opened(kBlue);
    const auto first = check_.next_message(10, 3);
    EXPECT_NE(message("green: " + first), "");
    check_.begin_echo();
    check_.next_message(10, 3);
    EXPECT_NE(message("blue: " + check_.next_message(10, 3)), "");
}

TEST_F(Calls, StreamsAreRightToTheLastMessage) {
    check_.begin_watch(2, 50);
    check_.opened(kGreen);
    EXPECT_NE(check_.ended(), "");
    EXPECT_EQ(message(test::watch_message(kGreen, 1, 50)), "");
    EXPECT_EQ(round_trip_, 0);
    EXPECT_NE(check_.ended(), "") << "one is missing";
    EXPECT_EQ(message(test::watch_message(kGreen, 2, 50)), "");
    EXPECT_EQ(check_.ended(), "");
    EXPECT_NE(message(test::watch_message(kGreen, 3, 50)), "") << "more than were asked for";
}

TEST_F(Calls, StreamsAreWrongWithAMessageOfTheOtherSlotOrAGap) {
    check_.begin_watch(5, 50);
    check_.opened(kGreen);
    EXPECT_NE(message(test::watch_message(kBlue, 1, 50)), "");
    check_.begin_watch(5, 50);
    EXPECT_NE(message(test::watch_message(kGreen, 2, 50)), "");
    check_.begin_watch(5, 50);
    std::string spliced = test::watch_message(kGreen, 1, 50);
    spliced.back() ^= 1;
    EXPECT_NE(message(spliced), "");
}

TEST(GrpcMessages, AreReadInPieces) {
    std::string octets;
    test::append_grpc_message(octets, "one");
    test::append_grpc_message(octets, "");
    std::string_view message;
    std::size_t size = 0;
    for (std::size_t i = 0; i < 8; ++i)
        EXPECT_EQ(test::read_grpc_message(octets.substr(0, i), message, size),
                  test::GrpcRead::need_more);
    ASSERT_EQ(test::read_grpc_message(octets, message, size), test::GrpcRead::complete);
    EXPECT_EQ(message, "one");
    EXPECT_EQ(size, 8U);
    ASSERT_EQ(test::read_grpc_message(std::string_view(octets).substr(size), message, size),
              test::GrpcRead::complete);
    EXPECT_EQ(message, "");
    EXPECT_EQ(test::read_grpc_message("\1xxxx", message, size), test::GrpcRead::bad);
    EXPECT_EQ(test::read_grpc_message(std::string_view("\0\xff\xff\xff\xff", 5), message, size),
              test::GrpcRead::bad);
}

}  // namespace
}  // namespace switchyard::bench
