#include "route/decision.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::route {
namespace {

constexpr std::int64_t kNow = 1'000'000;
const std::string kSecret = "0123456789abcdef0123456789abcdef";

config::Service shop(bool is_signed) {
    config::Service made;
    made.name = "shop";
    made.hosts = {"shop.example"};
    for (auto& slot : made.slots)
        slot.emplace();
    made.preview.emplace();
    made.preview->host = "preview.shop.example";
    if (is_signed) {
        made.preview->secret_file = "/secret";
        made.preview->secrets = {kSecret};
    }
    return made;
}

config::Service plain(std::string name, std::vector<std::string> hosts) {
    config::Service made;
    made.name = std::move(name);
    made.hosts = std::move(hosts);
    for (auto& slot : made.slots)
        slot.emplace();
    return made;
}

Snapshot snapshot_of(std::vector<config::Service> services, Colour live = Colour::blue) {
    Snapshot snapshot;
    snapshot.hosts = std::make_shared<const HostTable>(services);
    snapshot.previews = PreviewTable::make(services);
    for (config::Service& service : services) {
        auto state = std::make_shared<ServiceState>();
        state->live = live;
        for (const Colour colour : kColours) {
            if (!service.slots[index_of(colour)]) continue;
            state->slots[index_of(colour)].emplace().colour = colour;
        }
        if (service.preview) state->preview.emplace(*service.preview);
        state->config = std::make_shared<const config::Service>(std::move(service));
        snapshot.services.push_back(std::move(state));
    }
    snapshot.gates.resize(snapshot.services.size());
    return snapshot;
}

std::string pass_for(std::string_view service, std::int64_t expires = kNow + 60,
                     const std::string& secret = kSecret) {
    return make_pass(make_pass_key(secret), service, expires, "id7");
}

/// The request of a test; keeps the texts that its views point to.
struct Ask {
    explicit Ask(std::string to = "/", std::string cookies = "", std::string header = "")
        : target(std::move(to)), cookie(std::move(cookies)), field(std::move(header)) {
        head.origin_target = target;
        head.path = head.origin_target.substr(0, head.origin_target.find('?'));
        if (!cookie.empty()) head.fields.push_back({http::FieldId::cookie, "Cookie", cookie});
        if (!field.empty()) {
            head.fields.push_back({http::FieldId::unknown, "X-Switchyard-Preview", field});
        }
    }
    Ask(const Ask&) = delete;

    /// "shop blue live", or "none".
    std::string in(const Snapshot& snapshot, std::string_view host = "shop.example") {
        const Decision decision = decide_at(snapshot, host, head, kNow, visit);
        if (decision.service == nullptr) return "none";
        const bool preview = decision.way == Way::preview;
        EXPECT_EQ(preview, visit.granted);
        return decision.service->name() + " " + std::string(to_string(decision.slot->colour)) +
               (preview ? " preview" : " live");
    }

    std::string target;
    std::string cookie;
    std::string field;
    http::RequestHead head;
    PreviewVisit visit;
};

TEST(Decision, WithoutPreviewsEverybodyGetsTheLiveSlot) {
    const Snapshot snapshot = snapshot_of({plain("shop", {"shop.example"})});
    EXPECT_EQ(snapshot.previews, nullptr);
    Ask ask("/?switchyard_preview=idle", "switchyard_preview=idle", "idle");
    const Decision decision = decide(snapshot, "shop.example", ask.head, ask.visit);
    EXPECT_EQ(decision.slot->colour, Colour::blue);
    EXPECT_FALSE(ask.visit.signs);
    EXPECT_EQ(decide(snapshot, "other.example", ask.head, ask.visit).service, nullptr);
}

TEST(Decision, APassOpensTheIdleSlotInEachOfThreePlaces) {
    const Snapshot snapshot = snapshot_of({shop(true)});
    EXPECT_EQ(Ask("/").in(snapshot), "shop blue live");
    Ask header("/", "", pass_for("shop"));
    EXPECT_EQ(header.in(snapshot), "shop green preview");
    EXPECT_EQ(header.visit.id, "id7");
    EXPECT_FALSE(header.visit.link);
    Ask cookie("/", "a=b; switchyard_preview=" + pass_for("shop"));
    EXPECT_EQ(cookie.in(snapshot), "shop green preview");
    Ask link("/x?switchyard_preview=" + pass_for("shop"));
    EXPECT_EQ(link.in(snapshot), "shop green preview");
    EXPECT_TRUE(link.visit.link);
    EXPECT_EQ(link.visit.pass, pass_for("shop"));
    EXPECT_EQ(link.visit.expires, kNow + 60);
}

TEST(Decision, C16_AfterASwitchThePreviewMeansTheOtherSlot) {
    Ask ask("/", "", pass_for("shop"));
    EXPECT_EQ(ask.in(snapshot_of({shop(true)}, Colour::blue)), "shop green preview");
    EXPECT_EQ(ask.in(snapshot_of({shop(true)}, Colour::green)), "shop blue preview");
}

TEST(Decision, WhatIsNoPassChangesNothing) {
    const Snapshot snapshot = snapshot_of({shop(true)});
    for (const std::string& text :
         {std::string("idle"), std::string("off"), std::string("x"), pass_for("shop", kNow),
          pass_for("shop2"), pass_for("shop", kNow + 60, std::string(32, 'x')),
          pass_for("shop", kNow + 100'000)}) {
        Ask header("/", "", text);
        Ask cookie("/", "switchyard_preview=" + text);
        Ask link("/?switchyard_preview=" + text);
        for (Ask* ask : {&header, &cookie, &link}) {
            EXPECT_EQ(ask->in(snapshot), "shop blue live") << text;
            EXPECT_TRUE(ask->visit.signs);
            EXPECT_FALSE(ask->visit.link);
            EXPECT_FALSE(ask->visit.leave);
            EXPECT_TRUE(ask->visit.id.empty());
        }
    }
}

TEST(Decision, OneGoodPassAmongBadOnesIsEnough) {
    const Snapshot snapshot = snapshot_of({shop(true)});
    Ask ask("/?switchyard_preview=bad",
            "switchyard_preview=bad; switchyard_preview=" + pass_for("shop"));
    EXPECT_EQ(ask.in(snapshot), "shop green preview");
    EXPECT_FALSE(ask.visit.link) << "the link itself was none";
}

TEST(Decision, AHostOfItsOwnIsThereOnlyForThoseWithAPass) {
    const std::string host = "preview.shop.example";
    const Snapshot alone = snapshot_of({shop(true)});
    EXPECT_EQ(Ask("/").in(alone, host), "none");
    EXPECT_EQ(Ask("/", "", "bad").in(alone, host), "none");
    EXPECT_EQ(Ask("/", "", pass_for("shop")).in(alone, host), "shop green preview");
    const Snapshot wild = snapshot_of({shop(true), plain("rest", {"*.example"})});
    EXPECT_EQ(Ask("/").in(wild, host), "rest blue live");
    EXPECT_EQ(Ask("/", "", pass_for("rest")).in(wild, host), "rest blue live");
    EXPECT_EQ(Ask("/", "", pass_for("shop")).in(wild, host), "shop green preview");
}

TEST(Decision, WithoutASecretAWordOrTheHostOpensIt) {
    const Snapshot snapshot = snapshot_of({shop(false)});
    EXPECT_EQ(Ask("/").in(snapshot), "shop blue live");
    EXPECT_EQ(Ask("/", "", "idle").in(snapshot), "shop green preview");
    EXPECT_EQ(Ask("/", "", "Idle").in(snapshot), "shop blue live");
    EXPECT_EQ(Ask("/", "", pass_for("shop")).in(snapshot), "shop blue live");
    Ask host("/");
    EXPECT_EQ(host.in(snapshot, "preview.shop.example"), "shop green preview");
    EXPECT_EQ(host.visit.id, "open");
}

TEST(Decision, SecretsThatCouldNotBeReadLetNobodyIn) {
    config::Service service = shop(true);
    service.preview->secrets.clear();
    const Snapshot snapshot = snapshot_of({service});
    for (const std::string& text : {std::string("idle"), pass_for("shop"), std::string()}) {
        EXPECT_EQ(Ask("/", "", text).in(snapshot), "shop blue live");
        EXPECT_EQ(Ask("/", "", text).in(snapshot, "preview.shop.example"), "none");
    }
}

TEST(Decision, APassIsLookedForWhereTheServiceWantsIt) {
    config::Service one = shop(true);
    one.preview->header = "X-One";
    one.preview->cookie = "";
    config::Service two = plain("two", {"two.example"});
    two.preview.emplace();
    const Snapshot snapshot = snapshot_of({one, two});
    Ask elsewhere("/?switchyard_preview=" + pass_for("shop"),
                  "switchyard_preview=" + pass_for("shop"), pass_for("shop"));
    EXPECT_EQ(elsewhere.in(snapshot), "shop blue live") << "these are the names of 'two'";
    EXPECT_TRUE(elsewhere.visit.signs) << "and go before it is passed on";
}

TEST(Decision, ALinkThatSaysOffEndsAPreview) {
    const Snapshot snapshot = snapshot_of({shop(true)});
    Ask ask("/?switchyard_preview=off", "switchyard_preview=" + pass_for("shop"));
    EXPECT_EQ(ask.in(snapshot), "shop green preview");
    EXPECT_TRUE(ask.visit.leave);
    EXPECT_FALSE(ask.visit.link);
}

TEST(Decision, AServiceWithoutAPreviewTakesNoPass) {
    const Snapshot snapshot = snapshot_of({shop(true), plain("rest", {"rest.example"})});
    EXPECT_EQ(Ask("/", "", pass_for("rest")).in(snapshot, "rest.example"), "rest blue live");
    EXPECT_EQ(Ask("/", "", "idle").in(snapshot, "rest.example"), "rest blue live");
}

TEST(Decision, ASlotMayAnswerUnlessAllItsTargetsAreUnhealthy) {
    SlotState slot;
    const auto add = [&](Health health) {
        slot.targets.push_back(std::make_shared<Target>(1, "s", Colour::blue, config::Target(), 1));
        slot.targets.back()->set_health(health);
    };
    add(Health::unhealthy);
    EXPECT_FALSE(may_answer(slot));
    add(Health::unknown);
    EXPECT_TRUE(may_answer(slot));
    slot.targets.pop_back();
    add(Health::healthy);
    EXPECT_TRUE(may_answer(slot));
}

TEST(Decision, C16_AGateStandsBeforeTheLiveSlotOnly) {
    Snapshot snapshot = snapshot_of({shop(true), plain("rest", {"rest.example"})});
    snapshot.gates[0] = std::make_shared<const Gate>();
    Ask ask;
    const Decision live = decide_at(snapshot, "shop.example", ask.head, kNow, ask.visit);
    EXPECT_EQ(live.way, Way::live);
    ASSERT_EQ(live.gate, &snapshot.gates[0]);
    const Decision open = decide_at(snapshot, "rest.example", ask.head, kNow, ask.visit);
    ASSERT_EQ(open.gate, &snapshot.gates[1]);
    EXPECT_EQ(*open.gate, nullptr);
    Ask with("/", "", pass_for("shop"));
    const Decision previewed = decide_at(snapshot, "shop.example", with.head, kNow, with.visit);
    EXPECT_EQ(previewed.way, Way::preview);
    EXPECT_EQ(previewed.gate, nullptr);
}

}  // namespace
}  // namespace switchyard::route
