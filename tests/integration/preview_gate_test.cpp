// Previews and what stands before a service: who may see the idle slot goes past a hold and past
// maintenance, and nobody else does.
#include "integration/contract.hpp"

namespace switchyard::test {
namespace {

/// Opened by a plain value, since it is not the passes that are looked at here.
class PreviewGate : public SwitchContract {
  protected:
    void SetUp() override {
        start_over_transport(config("    preview: {header: X-Switchyard-Preview}\n"));
    }
    [[nodiscard]] static Fields field(const std::string& value) {
        return {{"X-Switchyard-Preview", value}};
    }
    [[nodiscard]] Response come(std::string_view target, const Fields& fields = {}) const {
        return visit().exchange("GET", target, fields);
    }
};

INSTANTIATE_TEST_SUITE_P(Over, PreviewGate, all_transports(), transport_name);

TEST_P(PreviewGate, C16_APreviewGoesPastAHold) {
    hold_service();
    auto waiting = knock();
    auto outsider = knock([](Visitor& visitor) { visitor.ask("GET", "/", field("guessed")); });
    EXPECT_EQ(colour_of(come("/", field("idle"))), "green");
    EXPECT_EQ(colour_of(come("/", {{"Cookie", "switchyard_preview=idle"}})), "green");
    EXPECT_EQ(come("/?switchyard_preview=idle").status, 303);
    EXPECT_EQ(come("/server_info", field("idle")).body, "green");
    switch_to(Colour::green);
    EXPECT_EQ(colour_of(come("/", field("idle"))), "blue");
    EXPECT_EQ(held(), 2);
    const auto released = release_service();
    EXPECT_EQ(number(released, "total"), 2);
    EXPECT_EQ(number(released, "released"), 2);
    EXPECT_EQ(colour_of(waiting.answer()), "green");
    EXPECT_EQ(colour_of(outsider.answer()), "green");
}

TEST_P(PreviewGate, C16_AFurtherTryOfAPreviewDoesNotWaitInAHold) {
    auto previewer = begin(Colour::green, "/sleep", [](Visitor& visitor) {
        visitor.ask("GET", "/sleep?ms=60000", field("idle"));
    });
    EXPECT_EQ(number(hold_service(), "in_flight"), 1);
    origin(Colour::green).kill();
    EXPECT_EQ(previewer.answer().status, 502);
    EXPECT_EQ(number(release_service(), "total"), 0);
}

TEST_P(PreviewGate, C16_APreviewGoesPastMaintenance) {
    maintain(true);
    EXPECT_EQ(colour_of(come("/", field("idle"))), "green");
    EXPECT_EQ(come("/", field("idle")).field("Cache-Control"), "private, no-store");
    for (const auto& fields : {Fields{}, field("guessed")}) {
        const auto page = come("/", fields);
        EXPECT_EQ(page.status, 503);
        EXPECT_EQ(page.field("X-Switchyard-Error"), "maintenance");
        EXPECT_EQ(page.field("Cache-Control"), "no-store");
        EXPECT_FALSE(page.field("X-Robots-Tag"));
    }
    EXPECT_EQ(come("/?switchyard_preview=guessed").status, 503);
    maintain(false);
    EXPECT_EQ(colour_of(come("/")), "blue");
}

}  // namespace
}  // namespace switchyard::test
