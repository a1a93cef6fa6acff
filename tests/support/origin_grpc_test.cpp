// What the sample origin answers to calls of gRPC: the proof behind the proxy relies on it.
#include "support/grpc_messages.hpp"
#include "support/origin/grpc_call.hpp"

#include <gtest/gtest.h>

namespace switchyard::origin {
namespace {

std::string message_of(std::string_view text) {
    std::string out;
    test::append_grpc_message(out, text);
    return out;
}

class Calls : public testing::Test {
  protected:
    std::string sent() {
        std::string out(4096, '\0');
        out.resize(call_.send(out.data(), out.size()));
        return out;
    }
    GrpcCall call_{Colour::green};
};

TEST_F(Calls, EchoSendsEachMessageBackWithItsColour) {
    call_.path = test::kGrpcEcho;
    const std::string octets = message_of("one") + message_of("two");
    ASSERT_TRUE(call_.take(octets.substr(0, 11), false));
    EXPECT_EQ(sent(), message_of("green: one"));
    ASSERT_TRUE(call_.take(octets.substr(11), false));
    EXPECT_FALSE(call_.all_sent());
    ASSERT_TRUE(call_.take({}, true));
    EXPECT_FALSE(call_.all_sent());
    EXPECT_EQ(sent(), message_of("green: two"));
    EXPECT_TRUE(call_.all_sent());
}

TEST_F(Calls, WatchSendsItsMessagesWhenTheyAreDue) {
    call_.path = test::kGrpcWatch;
    ASSERT_TRUE(call_.take(message_of("2 1000 40"), true));
    const auto now = GrpcCall::Clock::now();
    EXPECT_TRUE(call_.produce(now));
    EXPECT_FALSE(call_.produce(now)) << "not yet";
    EXPECT_EQ(sent(), message_of(test::watch_message(Colour::green, 1, 40)));
    EXPECT_FALSE(call_.all_sent());
    EXPECT_TRUE(call_.produce(now + std::chrono::seconds(1)));
    EXPECT_EQ(sent(), message_of(test::watch_message(Colour::green, 2, 40)));
    EXPECT_TRUE(call_.all_sent());
    EXPECT_FALSE(call_.produce(now + std::chrono::seconds(9)));
}

TEST_F(Calls, WhatIsNoMessageIsRefused) {
    call_.path = test::kGrpcWatch;
    EXPECT_FALSE(call_.take(message_of("2 1000"), false));
    GrpcCall compressed(Colour::green);
    compressed.path = test::kGrpcEcho;
    EXPECT_FALSE(compressed.take("\1xxxx", false));
    GrpcCall cut(Colour::green);
    cut.path = test::kGrpcEcho;
    EXPECT_TRUE(cut.take(message_of("one").substr(0, 6), false));
    EXPECT_FALSE(cut.take({}, true));
}

}  // namespace
}  // namespace switchyard::origin
