// The reserved IP over real processes: the daemon, the command line, and the fake API. At the end
// of every fault the IP is where it should be, with no more moves asked for than needed.
#include "integration/reserved_ip.hpp"

#include <gmock/gmock.h>

namespace switchyard::test {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(ReservedIpTest, AnIpThatIsThereIsNotTouched) {
    start_following();
    ASSERT_TRUE(looked_at(5));
    EXPECT_EQ(api().count("assign"), 0u);
    EXPECT_EQ(api().holder(), kBlue);
}

TEST_F(ReservedIpTest, FollowsASwitchAndARollback) {
    start_following();
    switch_to(Colour::green);
    ASSERT_TRUE(follows(2)) << show();
    EXPECT_EQ(api().holder(), kGreen);
    const auto back = daemon().cli({"rollback", "app"});
    EXPECT_EQ(back.exit.code, 0) << back.out << back.err;
    EXPECT_EQ(api().holder(), kBlue);
    EXPECT_EQ(api().count("assign"), 2u);
}

TEST_F(ReservedIpTest, AnUnassignedIpIsAssigned) {
    api().reset(0);
    start(ip_config());
    ASSERT_TRUE(follows(1)) << show();
    EXPECT_EQ(api().holder(), kBlue);
    EXPECT_EQ(api().count("assign"), 1u);
}

// Faults of looking. After them one move is enough.

TEST_F(ReservedIpTest, LooksThatFailDelayAMoveAndNothingElse) {
    for (const char* fault :
         {R"({"on":"get_ip","kind":"status","status":401,"times":2})",
          R"({"on":"get_ip","kind":"status","status":403,"times":2})",
          R"({"on":"get_ip","kind":"status","status":404,"times":2})",
          R"({"on":"get_ip","kind":"status","status":422,"times":2})",
          R"({"on":"get_ip","kind":"status","status":500,"times":3})",
          R"({"on":"get_ip","kind":"html","times":2})",
          R"({"on":"get_ip","kind":"garbage","times":2})",
          R"({"on":"get_ip","kind":"huge","times":1})",
          R"({"on":"get_ip","kind":"redirect","times":1})",
          R"({"on":"get_ip","kind":"reset","times":2})",
          R"({"on":"get_ip","kind":"no_droplet","times":3})",
          R"({"on":"get_ip","kind":"status","status":429,"headers":{"retry-after":1}})",
          R"({"on":"get_ip","kind":"status","status":429,"reset_in":1})",
          R"({"on":"get_ip","kind":"status","status":429,"reset_in":false})"}) {
        expect_move(fault, 1);
    }
}

// Faults of the request that moves.

TEST_F(ReservedIpTest, AMoveThatIsRefusedIsAskedForAgain) {
    for (const char* fault :
         {R"({"on":"assign","kind":"status","status":401})",
          R"({"on":"assign","kind":"status","status":403})",
          R"({"on":"assign","kind":"status","status":404})",
          R"({"on":"assign","kind":"status","status":422})",
          R"({"on":"assign","kind":"status","status":422,"message":"wrong region"})",
          R"({"on":"assign","kind":"status","status":429,"headers":{"retry-after":1}})",
          R"({"on":"assign","kind":"status","status":500})", R"({"on":"assign","kind":"html"})",
          R"({"on":"assign","kind":"reset"})"}) {
        expect_move(fault, 2);
    }
}

TEST_F(ReservedIpTest, AMoveWhoseAnswerIsLostIsNotAskedForTwice) {
    for (const char* fault : {R"({"on":"assign","kind":"reset_after"})",
                              R"({"on":"assign","kind":"status_after","status":500})",
                              R"({"on":"assign","kind":"status_after","status":503})",
                              R"({"on":"assign","kind":"html_after"})"}) {
        expect_move(fault, 1);
    }
}

TEST_F(ReservedIpTest, ADrippingAnswerEndsAtTheTimeOut) {
    start_following("  request_timeout: 200ms\n");
    api().fault(R"({"on":"get_ip","kind":"drip"})");
    switch_to(Colour::green);
    ASSERT_TRUE(follows(2)) << show();
    EXPECT_EQ(api().count("assign"), 1u);
    EXPECT_TRUE(logged("no answer within 200 ms"));
}

// Faults of actions.

TEST_F(ReservedIpTest, TheWordsOfAnActionAreOnlyAHint) {
    for (const char* fault :
         {R"({"on":"assign","kind":"ordinary","first_word":"new","last_word":"done"})",
          R"({"on":"assign","kind":"ordinary","first_word":"pondering"})",
          R"({"on":"get_action","kind":"word","word":"pondering","times":3})",
          R"({"on":"get_action","kind":"word","word":"new"})",
          R"({"on":"get_action","kind":"garbage"})",
          R"({"on":"get_action","kind":"status","status":500,"times":2})",
          R"({"on":"get_action","kind":"status","status":429,"headers":{"retry-after":1}})",
          R"({"on":"get_action","kind":"reset"})", R"({"on":"assign","kind":"action_404"})",
          R"({"on":"assign","kind":"unlocked","looks":3})",
          R"({"on":"assign","kind":"completed_early","lag":4})",
          R"({"on":"assign","kind":"ordinary","looks":0})",
          R"({"on":"assign","kind":"ordinary","looks":25})"}) {
        expect_move(fault, 1);
    }
}

TEST_F(ReservedIpTest, AnErroredActionIsTriedAgain) {
    expect_move(R"({"on":"assign","kind":"errored","times":2})", 3);
    EXPECT_TRUE(logged("ended as"));
}

TEST_F(ReservedIpTest, AnActionThatNeverEndsIsWaitedForAndTold) {
    start_following("  slow_after: 100ms\n");
    api().fault(R"({"on":"assign","kind":"never_ends"})");
    switch_to(Colour::green);
    ASSERT_TRUE(logged("event=reserved_ip_slow"));
    ASSERT_TRUE(looked_at(5));
    EXPECT_EQ(api().count("assign"), 1u);
    EXPECT_EQ(state(), "moving");
    api().release();
    ASSERT_TRUE(follows(2)) << show();
    EXPECT_EQ(api().holder(), kGreen);
    EXPECT_EQ(api().count("assign"), 1u);
}

// Others, and newer wishes.

TEST_F(ReservedIpTest, ADriftIsMovedBack) {
    start_following();
    api().reassign(kOther);
    ASSERT_TRUE(eventually([&] { return api().holder() == kBlue; })) << show();
    ASSERT_TRUE(becomes("following"));
    EXPECT_EQ(api().count("assign"), 1u);
    EXPECT_TRUE(logged("event=reserved_ip_drift"));
}

TEST_F(ReservedIpTest, ADriftIsOnlyToldWithThePolicyAlert) {
    start_following("  drift: alert\n");
    api().reassign(kOther);
    ASSERT_TRUE(becomes("drifted")) << show();
    ASSERT_TRUE(looked_at(3));
    EXPECT_EQ(api().count("assign"), 0u);
    const auto sync = daemon().cli({"ip", "sync"});
    EXPECT_EQ(sync.exit.code, 0) << sync.out << sync.err;
    EXPECT_EQ(api().holder(), kBlue);
    EXPECT_EQ(api().count("assign"), 1u);
}

TEST_F(ReservedIpTest, AForeignChangeInTheMiddleOfAMoveIsUndone) {
    expect_move(R"({"on":"assign","kind":"foreign_after","droplet":77})", 2);
    EXPECT_TRUE(logged("event=reserved_ip_drift"));
}

TEST_F(ReservedIpTest, AFightIsGivenUpAndASwitchBeginsAnew) {
    start_following();
    for (int round = 0; round < 2; ++round) {
        api().reassign(kOther);
        ASSERT_TRUE(eventually([&] { return api().holder() == kBlue; })) << show();
        ASSERT_TRUE(becomes("following")) << show();
    }
    api().reassign(kOther);
    ASSERT_TRUE(becomes("fighting")) << show();
    ASSERT_TRUE(looked_at(3));
    EXPECT_EQ(api().holder(), kOther);
    EXPECT_EQ(api().count("assign"), 2u);
    EXPECT_TRUE(logged("event=reserved_ip_fight"));
    switch_to(Colour::green);
    ASSERT_TRUE(follows(2)) << show();
    EXPECT_EQ(api().count("assign"), 3u);
}

TEST_F(ReservedIpTest, ANewerSwitchLetsThePendingMoveEndFirst) {
    start_following();
    api().fault(R"({"on":"assign","kind":"never_ends"})");
    switch_to(Colour::green);
    ASSERT_TRUE(eventually([&] { return api().locked(); }));
    switch_to(Colour::blue);
    ASSERT_TRUE(looked_at(2, "get_action"));
    EXPECT_EQ(api().count("assign"), 1u);
    api().release();
    ASSERT_TRUE(follows(3)) << show();
    EXPECT_EQ(api().holder(), kBlue);
    EXPECT_EQ(api().count("assign"), 2u);
}

TEST_F(ReservedIpTest, AMissingHolderIsToldAndNothingIsMoved) {
    api().change(R"({"scopes":["reserved_ip:read","reserved_ip:update","actions:read"]})");
    start(ip_config());
    ASSERT_TRUE(becomes("hidden")) << show();
    switch_to(Colour::green);
    ASSERT_TRUE(looked_at(3));
    EXPECT_EQ(api().count("assign"), 0u);
    EXPECT_TRUE(logged("event=reserved_ip_hidden"));
    EXPECT_TRUE(logged("reserved_ip_token_incomplete"));
    EXPECT_THAT(show(), HasSubstr(R"("missing_scopes":["droplet:read"])"));
    api().change(
        R"({"scopes":["reserved_ip:read","reserved_ip:update","actions:read","droplet:read"]})");
    ASSERT_TRUE(follows(2)) << show();
    EXPECT_EQ(api().holder(), kGreen);
    EXPECT_EQ(api().count("assign"), 1u);
}

// Crashes.

TEST_F(ReservedIpTest, ARestartGoesOnWithoutAskingAgain) {
    start_following();
    api().fault(R"({"on":"assign","kind":"never_ends"})");
    switch_to(Colour::green);
    ASSERT_TRUE(eventually([&] { return api().locked(); }));
    restart();  // kill -9 in the middle of the move
    ASSERT_TRUE(looked_at(3));
    EXPECT_EQ(api().count("assign"), 1u);
    api().release();
    ASSERT_TRUE(follows(2)) << show();
    EXPECT_EQ(api().holder(), kGreen);
    EXPECT_EQ(api().count("assign"), 1u);
}

TEST_F(ReservedIpTest, ASwitchBeforeACrashIsFollowedAfterIt) {
    start_following();
    api().fault(R"({"on":"get_ip","kind":"status","status":500,"times":-1})");
    switch_to(Colour::green);
    daemon().kill();
    api().clear_faults();
    EXPECT_EQ(api().count("assign"), 0u);
    restart();
    ASSERT_TRUE(follows(2)) << show();
    EXPECT_EQ(api().holder(), kGreen);
    EXPECT_EQ(api().count("assign"), 1u);
}

// The token.

TEST_F(ReservedIpTest, TheTokenIsNeverLoggedNorTold) {
    start_following();
    api().fault(R"({"on":"get_ip","kind":"echo_token","times":3})");
    ASSERT_TRUE(logged("[token]"));
    ASSERT_TRUE(becomes("following"));
    const std::string secret(FakeDigitalOcean::kToken);
    EXPECT_THAT(show(), HasSubstr("[token]"));
    EXPECT_THAT(show(), Not(HasSubstr(secret)));
    EXPECT_THAT(daemon().log(), Not(HasSubstr(secret)));
    const auto requests = api().requests();
    for (const auto& request : requests.as_array())
        EXPECT_TRUE(request.at("authorized").as_bool());
}

TEST_F(ReservedIpTest, ANewTokenInTheFileIsTakenWithoutAReload) {
    token_dir().write("token", "dop_v1_expired\n");
    start(ip_config());
    ASSERT_TRUE(becomes("refused")) << show();
    token_dir().write("token", std::string(FakeDigitalOcean::kToken));
    ASSERT_TRUE(follows(1)) << show();
}

TEST_F(ReservedIpTest, ADaemonWithoutATokenServesAllTheSame) {
    token_dir().write("token", "");
    start(ip_config());
    EXPECT_EQ(get("/").status, 200);
    ASSERT_TRUE(becomes("refused")) << show();
    EXPECT_EQ(api().count(), 0u);
    switch_to(Colour::green);
    EXPECT_THAT(show(), HasSubstr("is empty"));
}

}  // namespace
}  // namespace switchyard::test
