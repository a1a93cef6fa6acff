// The judge of answers, whatever they come over: what has to be a violation is one.
#include "bench/switch/answer_check.hpp"

#include "bench/common/clock.hpp"

#include <gtest/gtest.h>

namespace switchyard::bench {
namespace {

class Answers : public testing::Test {
  protected:
    ResponseHead head_of(Colour colour, int status = 200) {
        ResponseHead head;
        head.status = status;
        head.colour = to_string(colour);
        head.test_id = "h1-1";
        return head;
    }
    /// A request for so many bytes begins now.
    void ask(AnswerCheck& check, std::uint64_t bytes) {
        Expected expected;
        expected.id = "h1-1";
        expected.bytes = bytes;
        expected.began = expected.waited_since = now_ns();
        check.begin();
        check.expect(std::move(expected));
    }
    std::string pattern(Colour colour, std::size_t bytes) {
        std::string body(bytes, '\0');
        test::fill_pattern(colour, 0, body);
        return body;
    }
    std::uint64_t violations(const std::string& guarantee) const {
        const auto& counts = world_.tally.violations.counts();
        const auto found = counts.find(guarantee);
        return found == counts.end() ? 0 : found->second;
    }
    void switch_to(Colour colour) {
        world_.app.timeline.sent(colour, now_ns());
        world_.app.timeline.acknowledged(now_ns());
    }

    World world_{Colour::blue};
    AnswerCheck check_{world_, world_.app, Kind::keep_alive, Transport::h2c};
    AnswerCheck neighbour_{world_, world_.app, Kind::keep_alive, Transport::h2c};
};

TEST_F(Answers, ThatAreRightAreEnteredOnce) {
    ask(check_, 100);
    const auto head = head_of(Colour::blue);
    check_.head(head);
    check_.body(head, pattern(Colour::blue, 100));
    EXPECT_TRUE(check_.finish(head, true));
    EXPECT_EQ(world_.tally.violations.total(), 0U);
    EXPECT_EQ(world_.app.books.accepted, 1U);
    EXPECT_EQ(world_.app.books.completed, 1U);
    EXPECT_EQ(world_.app.books.completed_by_slot[0], 1U);
}

TEST_F(Answers, OfTheOldSlotToAStreamThatBeganAfterCommittedAreAViolation) {
    ask(check_, 10);  // Under way when the switch is committed: its slot is still right.
    switch_to(Colour::green);
    ask(neighbour_, 10);
    for (AnswerCheck* const check : {&check_, &neighbour_}) {
        const auto head = head_of(Colour::blue);
        check->head(head);
        check->body(head, pattern(Colour::blue, 10));
        check->finish(head, true);
        EXPECT_EQ(violations("C1"), check == &check_ ? 0U : 1U);
    }
}

TEST_F(Answers, FromTwoSlotsInOneBodyAreAViolation) {
    ask(check_, 100);
    const auto head = head_of(Colour::blue);
    check_.head(head);
    check_.body(head, pattern(Colour::blue, 100).substr(0, 50));
    check_.body(head, pattern(Colour::green, 100).substr(50));
    EXPECT_FALSE(check_.finish(head, true));
    EXPECT_EQ(violations("C9"), 1U);
    EXPECT_EQ(world_.app.books.failed, 1U);
    EXPECT_EQ(world_.app.books.completed, 0U);
}

TEST_F(Answers, ThatAreTooShortAreAViolation) {
    ask(check_, 100);
    const auto head = head_of(Colour::blue);
    check_.body(head, pattern(Colour::blue, 99));
    EXPECT_FALSE(check_.finish(head, true));
    EXPECT_EQ(violations("C9"), 1U);
}

TEST_F(Answers, OfTheWrongRequestAreAViolation) {
    ask(check_, 0);
    auto head = head_of(Colour::blue);
    head.test_id = "h1-2";
    EXPECT_FALSE(check_.finish(head, true));
    EXPECT_EQ(violations("C9"), 1U);
}

TEST_F(Answers, ThatAreErrorsAreAViolation) {
    ask(check_, 10);
    EXPECT_FALSE(check_.finish(head_of(Colour::blue, 502), true));
    EXPECT_EQ(violations("C10"), 1U);
}

TEST_F(Answers, ThatDoNotComeAreAViolationByHowFarTheyWere) {
    ask(check_, 10);
    check_.lose("stream reset, code 2");
    EXPECT_EQ(violations("C5"), 1U);
    ask(check_, 10);
    check_.head(head_of(Colour::blue));
    check_.lose("stream reset, code 2");
    EXPECT_EQ(violations("C9"), 1U);
    EXPECT_EQ(world_.app.books.failed, 2U);
}

TEST_F(Answers, ThatNameAnotherSlotThanTheOneThatAnsweredAreAViolation) {
    world_.app.slot_names = {"blue-production", "green-production"};
    ask(check_, 0);
    auto head = head_of(Colour::blue);
    head.served_by = "green-production";
    check_.finish(head, true);
    EXPECT_EQ(violations("C2"), 1U);
}

TEST_F(Answers, ToAClientWithACookieAreHeldToItsSide) {
    AnswerCheck browser(world_, world_.app, Kind::keep_alive, Transport::http1,
                        AnswerCheck::Identity::cookie);
    const auto answer = [&](AnswerCheck& check, Colour colour, const char* cookie = "") {
        ask(check, 0);
        auto head = head_of(colour);
        head.canary_cookie = cookie;
        check.head(head);
        check.finish(head, true);
        return violations("C16");
    };
    const auto share = [&](unsigned percent) {
        world_.app.timeline.sent_share(percent, now_ns());
        world_.app.timeline.acknowledged(now_ns());
    };
    answer(browser, Colour::blue);
    EXPECT_EQ(browser.cookie(), "");
    share(20);
    answer(browser, Colour::green, "switchyard_canary=x");
    EXPECT_EQ(browser.cookie(), "switchyard_canary=x");
    share(40);
    EXPECT_EQ(answer(browser, Colour::green), 0U);
    EXPECT_EQ(answer(check_, Colour::blue), 0U) << "nothing tells this one";
    EXPECT_EQ(answer(browser, Colour::blue), 1U) << "moved back";
    // With a new cookie it is a new client.
    EXPECT_EQ(answer(browser, Colour::green, "switchyard_canary=y"), 1U);
    EXPECT_GT(world_.tally.placed, 0U);
    EXPECT_EQ(violations("C1"), 0U);
}

TEST_F(Answers, OfCallsNeedTheirStatus) {
    const auto end_with = [&](const char* status, Colour colour) {
        Expected expected;
        expected.id = "h1-1";
        expected.body = Expected::Body::messages;
        expected.began = now_ns();
        check_.begin();
        check_.expect(std::move(expected));
        auto head = head_of(colour);
        head.grpc_status = status;
        return check_.finish(head, true);
    };
    EXPECT_TRUE(end_with("0", Colour::blue));
    EXPECT_FALSE(end_with("", Colour::blue));
    EXPECT_FALSE(end_with("14", Colour::blue));
    EXPECT_EQ(violations("C11"), 2U);
    ask(check_, 0);
    auto head = head_of(Colour::blue);
    head.colour.clear();
    head.grpc_status = "14";
    EXPECT_FALSE(check_.finish(head, true));
    EXPECT_EQ(violations("C10"), 1U) << "the proxy's own";
}

TEST_F(Answers, ThatOpenATunnelHaveTheStatusOfTheirProtocol) {
    AnswerCheck old(world_, world_.app, Kind::websocket, Transport::http1);
    Expected expected;
    expected.body = Expected::Body::tunnel;
    old.expect(expected);
    check_.expect(expected);
    EXPECT_EQ(old.right_status(), 101);
    EXPECT_EQ(check_.right_status(), 200);
}

}  // namespace
}  // namespace switchyard::bench
