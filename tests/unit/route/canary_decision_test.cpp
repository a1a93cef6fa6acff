// C16: preview before sticky canary before the canary's share before live.
#include "route/canary_decision.hpp"

#include "route/canary_cookie.hpp"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::route {
namespace {

constexpr std::int64_t kNow = 1'000'000;
constexpr std::int64_t kWeek = 7 * 24 * 3'600;
using observe::CanaryReason;
using Stick = config::Canary::Stick;

/// "shop" with a canary on green; blue is live.
class CanaryDecision : public ::testing::Test {
  protected:
    CanaryDecision() { make(500); }

    void make(std::uint32_t share, Stick stick = Stick::cookie, std::uint64_t run = 7) {
        auto service = std::make_shared<config::Service>();
        service->name = "shop";
        service->hosts = {"shop.example"};
        service->preview.emplace();
        service->canary.emplace();
        service->canary->stick = stick;
        service->canary->header = "X-User-Id";
        for (auto& slot : service->slots)
            slot.emplace();
        auto made = std::make_shared<ServiceState>();
        for (const Colour colour : kColours) {
            SlotState& slot = made->slots[index_of(colour)].emplace();
            slot.colour = colour;
            slot.targets = {targets[index_of(colour)]};
        }
        made->preview.emplace(*service->preview);
        const CanaryRun canary{share, run, std::string(64, 's'), nullptr};
        made->canary.emplace(*service->canary, share == 0 ? nullptr : &canary, nullptr);
        made->config = std::move(service);
        state = std::move(made);
    }
    static std::shared_ptr<Target> target(std::uint32_t id, Colour colour) {
        return std::make_shared<Target>(id, "shop", colour, config::Target{}, 1);
    }
    Target& canary() { return *targets[index_of(Colour::green)]; }

    std::string cookie(std::uint32_t point, std::int64_t expires = kNow + kWeek) const {
        std::string text = "switchyard_canary=";
        EXPECT_TRUE(append_canary_cookie(text, state->canary->keys.front(), "shop",
                                         state->canary->run, {point, expires}));
        return text;
    }

    /// "green sticky"
    std::string decide(const std::string& cookies, std::uint64_t draw = 0,
                       const std::string& user = {}, const std::string& address = {}) {
        CanaryVisit fresh;
        return decide(fresh, cookies, draw, user, address);
    }
    std::string decide(CanaryVisit& visit, const std::string& cookies, std::uint64_t draw = 0,
                       const std::string& user = {}, const std::string& address = {},
                       std::vector<std::uint32_t> tried = {}) {
        http::RequestHead head;
        if (!cookies.empty()) head.fields.push_back({http::FieldId::cookie, "Cookie", cookies});
        if (!user.empty()) head.fields.push_back({http::FieldId::unknown, "x_user-ID", user});
        const Decision live{state.get(), &state->live_slot(), Way::live, &gate};
        const CanaryClient client{address, draw, now_ns, kNow, tried};
        const Decision decision = decide_canary(live, head, client, visit);
        last = visit;
        EXPECT_EQ(decision.service, state.get());
        EXPECT_EQ(decision.gate, &gate);  // holds and maintenance are for both sides
        EXPECT_EQ(decision.way == Way::canary, decision.slot->colour == Colour::green);
        return std::string(to_string(decision.slot->colour)) + " " +
               std::string(observe::to_string(visit.reason));
    }

    std::shared_ptr<Target> targets[2] = {target(1, Colour::blue), target(2, Colour::green)};
    std::shared_ptr<const Gate> gate;
    std::shared_ptr<const ServiceState> state;
    std::uint64_t now_ns = 1'000;
    CanaryVisit last;
};

TEST_F(CanaryDecision, C16_ACookieDecides) {
    EXPECT_EQ(decide(cookie(0)), "green sticky");
    EXPECT_EQ(decide(cookie(499)), "green sticky");
    EXPECT_FALSE(last.wants_cookie);
    EXPECT_TRUE(last.compared);
    EXPECT_EQ(decide(cookie(500)), "blue sticky");
    EXPECT_EQ(decide("a=b; " + cookie(499) + "; c=d"), "green sticky");
    EXPECT_EQ(decide("a=\"x\"; switchyard_canary=forged; " + cookie(499)), "green sticky");
}

TEST_F(CanaryDecision, C16_AForgedCookieIsNoCookie) {
    std::string forged = cookie(499);
    forged.back() = forged.back() == 'A' ? 'B' : 'A';
    EXPECT_EQ(decide(forged, ~0ULL), "blue new");
    EXPECT_TRUE(last.wants_cookie);
}

TEST_F(CanaryDecision, C16_AClientWithoutACookieIsDrawn) {
    int canary = 0;
    for (std::uint64_t draw = 0; draw < 20'000; ++draw) {
        if (decide("", draw).starts_with("green")) ++canary;
        ASSERT_TRUE(last.drawn && last.wants_cookie && last.known);
    }
    // 5 % of 20,000, five standard deviations to either side.
    EXPECT_NEAR(canary, 1'000, 5 * 31);
}

TEST_F(CanaryDecision, C16_AGreaterShareMovesNobodyBackAndASmallerOneAsFewAsItCan) {
    std::vector<std::string> before(observe::kCanaryPoints, "blue");
    std::uint32_t former = 0;
    for (const std::uint32_t share : {1U, 100U, 500U, 2'500U, 5'000U, 9'999U, 10'000U}) {
        make(share);
        std::uint32_t moved = 0;
        for (std::uint32_t point = 0; point < observe::kCanaryPoints; point += 7) {
            const std::string slot = decide(cookie(point)).substr(0, 4);
            if (before[point] == "gree") {
                EXPECT_EQ(slot, "gree") << point << " at " << share;
            }
            if (slot != before[point]) ++moved;
            before[point] = slot;
        }
        EXPECT_LE(moved, (share - former) / 7 + 1);
        former = share;
    }
    make(2'500);
    for (std::uint32_t point = 0; point < observe::kCanaryPoints; point += 7) {
        EXPECT_EQ(decide(cookie(point)).substr(0, 4), point < 2'500 ? "gree" : "blue");
    }
}

TEST_F(CanaryDecision, C16_AClientThatIsToldByAHeaderStaysOnItsSide) {
    make(2'000, Stick::header);
    int canary = 0;
    for (int user = 0; user < 10'000; ++user) {
        const std::string id = "user-" + std::to_string(user);
        make(2'000, Stick::header);
        const bool on_canary = decide("", 0, id) == "green sticky";
        canary += on_canary ? 1 : 0;
        ASSERT_EQ(decide("", 99, id).starts_with("green"), on_canary);  // the draw is not used
        if (!on_canary || user % 100 != 0) continue;
        make(3'000, Stick::header);
        ASSERT_EQ(decide("", 0, id), "green sticky");
    }
    EXPECT_NEAR(canary, 2'000, 5 * 40);
    EXPECT_FALSE(last.wants_cookie);
}

TEST_F(CanaryDecision, C16_WhoIsNotKnownStaysOnTheLiveSideAndIsNotCompared) {
    make(10'000, Stick::header);
    EXPECT_EQ(decide(""), "blue unknown");
    EXPECT_FALSE(last.compared);
    make(10'000, Stick::address);
    EXPECT_EQ(decide(""), "blue unknown");
    EXPECT_EQ(decide("", 0, "", "no address"), "blue unknown");
    EXPECT_EQ(decide("", 0, "", "192.0.2.1"), "green sticky");
}

TEST_F(CanaryDecision, C16_OfAnAddressTheNetworkOfIPv6Counts) {
    make(5'000, Stick::address);
    for (int i = 0; i < 64; ++i) {
        const std::string network = "2001:db8:0:" + std::to_string(i);
        EXPECT_EQ(decide("", 0, "", network + "::1"), decide("", 0, "", network + ":a:b:c:d"));
        const std::string v4 = "192.0.2." + std::to_string(i);
        EXPECT_EQ(decide("", 0, "", v4), decide("", 0, "", "::ffff:" + v4));
    }
    bool differ = false;
    const std::string first = decide("", 0, "", "192.0.2.1");
    for (int i = 2; i < 40; ++i)
        differ = differ || decide("", 0, "", "192.0.2." + std::to_string(i)) != first;
    EXPECT_TRUE(differ);
}

TEST_F(CanaryDecision, PointsAreTheSameForEver) {
    // An upgrade that changed them would move clients. (Computed apart, from the algorithm.)
    EXPECT_EQ(canary_point("shop", 7, "user-1"), 1'567U);
    EXPECT_EQ(canary_point("shop", 7, "user-2"), 4'125U);
    EXPECT_EQ(canary_point("shop", 8, "user-1"), 2'912U);
    EXPECT_EQ(canary_point("shop2", 7, "user-1"), 3'306U);
    EXPECT_EQ(canary_point("shop", 7, ""), 4'576U);
}

TEST_F(CanaryDecision, C16_ANewRunDrawsAnew) {
    const std::string old = cookie(3);
    EXPECT_EQ(decide(old), "green sticky");
    make(500, Stick::cookie, 9);
    EXPECT_EQ(decide(old, ~0ULL), "blue new");
}

TEST_F(CanaryDecision, C16_AnUnhealthyCanarysClientsAreSentToLiveUntilItIsHealthy) {
    canary().set_health(Health::unhealthy);
    EXPECT_EQ(decide(cookie(3)), "blue unhealthy");
    EXPECT_FALSE(last.compared);
    // Both sides are compared at the same times.
    EXPECT_EQ(decide(cookie(5'000)), "blue sticky");
    EXPECT_FALSE(last.compared);
    canary().set_health(Health::healthy);
    EXPECT_EQ(decide(cookie(3)), "green sticky");
    canary().connect_failed(now_ns, 1, std::chrono::seconds(1));
    EXPECT_EQ(decide(cookie(3)), "blue unhealthy");
    now_ns += 2'000'000'000;
    EXPECT_EQ(decide(cookie(3)), "green sticky");
}

TEST_F(CanaryDecision, C10_ARequestThatFailedOnTheCanaryGoesToLiveWhenNoTargetIsLeft) {
    CanaryVisit visit;
    EXPECT_EQ(decide(visit, cookie(3)), "green sticky");
    visit.failed = true;
    EXPECT_EQ(decide(visit, cookie(3), 0, "", "", {2}), "blue failed");
    EXPECT_TRUE(visit.compared && visit.belongs);  // an error of the canary's
}

TEST_F(CanaryDecision, AFurtherDecisionKeepsThePoint) {
    CanaryVisit visit;
    const std::string first = decide(visit, "", 12'345);
    const std::uint32_t point = visit.point;
    EXPECT_EQ(decide(visit, "", 99'999), first);
    EXPECT_EQ(visit.point, point);
}

TEST_F(CanaryDecision, ACookieIsRenewedWithItsPointInGoodTime) {
    decide(cookie(3, kNow + kWeek / 2 + 1));
    EXPECT_FALSE(last.wants_cookie);
    decide(cookie(3, kNow + kWeek / 2 - 1));
    EXPECT_TRUE(last.wants_cookie);
    EXPECT_EQ(last.point, 3U);
    EXPECT_FALSE(last.drawn);
}

TEST_F(CanaryDecision, C16_APreviewComesFirst) {
    make(10'000);
    Snapshot snapshot;
    const std::vector<config::Service> services{*state->config};
    snapshot.hosts = std::make_shared<const HostTable>(services);
    snapshot.previews = PreviewTable::make(services);
    snapshot.services = {state};
    snapshot.gates.resize(1);
    http::RequestHead head;
    head.origin_target = head.path = "/";
    head.fields.push_back({http::FieldId::unknown, "X-Switchyard-Preview", "idle"});
    PreviewVisit visit;
    const Decision decision = route::decide(snapshot, "shop.example", head, visit);
    EXPECT_EQ(decision.way, Way::preview);  // so decide_canary() is not asked
}

}  // namespace
}  // namespace switchyard::route
