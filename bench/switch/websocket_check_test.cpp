// The judge of WebSockets (C11): what has to be a violation is one.
#include "bench/switch/websocket_check.hpp"

#include <gtest/gtest.h>

namespace switchyard::bench {
namespace {

constexpr Colour kBlue = Colour::blue;
constexpr Colour kGreen = Colour::green;
constexpr std::int64_t kSecond = 1000 * kMillisecond;

class WebSocketJudge : public testing::Test {
  protected:
    WebSocketJudge() {
        tunnels_.policy = Tunnels::Policy::close;
        check_.opened(kBlue, 1 * kSecond);
    }
    std::string message(std::string_view text) {
        std::int64_t round_trip = 0;
        return check_.message(text, 2 * kSecond, round_trip);
    }
    std::string closed(int code, std::int64_t now) {
        bool told = false;
        return check_.closed(code, timeline_, tunnels_, now, told);
    }
    void switch_to(Colour colour, std::int64_t at) {
        timeline_.sent(colour, at);
        timeline_.acknowledged(at + 1);
    }

    Timeline timeline_{kBlue};
    Tunnels tunnels_;
    WebSocketCheck check_;
};

TEST_F(WebSocketJudge, TakesWhatComesBackInOrderFromItsSlot) {
    EXPECT_EQ(message("blue sample"), "");
    const auto first = check_.next_message(0, 3);
    const auto second = check_.next_message(0, 0);
    EXPECT_EQ(message("blue: " + first), "");
    EXPECT_EQ(message("blue: " + second), "");
    EXPECT_EQ(check_.under_way(), 0U);
}

TEST_F(WebSocketJudge, FindsAMessageOfTheOtherSlot) {
    EXPECT_EQ(message("blue sample"), "");
    const auto text = check_.next_message(0, 0);
    EXPECT_NE(message("green: " + text), "");
}

TEST_F(WebSocketJudge, FindsAGreetingOfTheOtherSlot) {
    EXPECT_NE(message("green sample"), "");
}

TEST_F(WebSocketJudge, FindsMessagesOutOfOrderLostAndDoubled) {
    EXPECT_EQ(message("blue sample"), "");
    const auto first = check_.next_message(0, 0);
    const auto second = check_.next_message(0, 0);
    EXPECT_NE(message("blue: " + second), "");
    EXPECT_NE(message("blue: " + first), "");
    EXPECT_NE(message("blue: " + first), "") << "nobody asked for it";
}

TEST_F(WebSocketJudge, AllowsAGoodbyeAfterItsSlotWasLeft) {
    switch_to(kGreen, 5 * kSecond);
    EXPECT_EQ(closed(1001, 6 * kSecond), "");
    EXPECT_EQ(closed(1001, 25 * kSecond), "") << "the other slot is live all the time";
}

TEST_F(WebSocketJudge, FindsAGoodbyeWithoutASwitch) {
    EXPECT_NE(closed(1001, 6 * kSecond), "");
}

TEST_F(WebSocketJudge, FindsAGoodbyeForASwitchBeforeItsTime) {
    Timeline timeline(kGreen);
    timeline.sent(kBlue, kSecond / 2);
    timeline.acknowledged(kSecond / 2 + 1);
    bool told = false;
    EXPECT_NE(check_.closed(1001, timeline, tunnels_, 2 * kSecond, told), "");
}

TEST_F(WebSocketJudge, FindsAGoodbyeLongAfterARollback) {
    switch_to(kGreen, 5 * kSecond);
    switch_to(kBlue, 6 * kSecond);
    EXPECT_EQ(closed(1001, 7 * kSecond), "") << "it may have been on its way";
    EXPECT_NE(closed(1001, 12 * kSecond), "") << "live again: nobody may be told (C13)";
}

TEST_F(WebSocketJudge, FindsAGoodbyeThatThePolicyForbids) {
    switch_to(kGreen, 5 * kSecond);
    tunnels_.policy = Tunnels::Policy::keep;
    EXPECT_NE(closed(1001, 6 * kSecond), "");
    tunnels_.policy = Tunnels::Policy::cut;
    EXPECT_NE(closed(1001, 6 * kSecond), "");
}

TEST_F(WebSocketJudge, FindsAnotherCodeAndACutWithoutAGoodbye) {
    switch_to(kGreen, 5 * kSecond);
    EXPECT_NE(closed(1006, 6 * kSecond), "");
    EXPECT_NE(closed(1000, 6 * kSecond), "") << "we did not say goodbye";
    EXPECT_NE(check_.vanished("closed"), "");
}

TEST_F(WebSocketJudge, FindsMessagesThatItsOwnGoodbyeOvertook) {
    check_.leaves();
    EXPECT_EQ(closed(1000, 2 * kSecond), "");
    check_.next_message(0, 0);
    EXPECT_NE(closed(1000, 2 * kSecond), "");
}

}  // namespace
}  // namespace switchyard::bench
