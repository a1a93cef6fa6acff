#include "house.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::control::testing {
namespace {

using ::testing::HasSubstr;

TEST(Start, AServiceWithoutARecordGetsItsInitialSlotDurably) {
    auto service = make_service("app");
    service.initial_live = Colour::green;
    House house(make_config({service}));
    ASSERT_EQ(house.open(), "");
    EXPECT_EQ(house.controller->snapshot().services.at(0)->live, Colour::green);
    EXPECT_EQ(house.controller->snapshot().services.at(0)->epoch, 1U);
    EXPECT_EQ(house.disk->records.at("app").live, Colour::green);
    EXPECT_FALSE(house.disk->records.at("app").previous);
    EXPECT_EQ(house.disk->entry(1).action, "start");
}

TEST(Start, TheOnlyConfiguredSlotIsLiveWhateverTheDefaultSays) {
    auto service = make_service("app");
    service.slots[0].reset();
    House house(make_config({service}));
    ASSERT_EQ(house.open(), "");
    EXPECT_EQ(house.controller->snapshot().services.at(0)->live, Colour::green);
}

TEST(Start, C04_TheStateDecidesWhatIsLive) {
    House house;
    state::ServiceRecord record;
    record.live = Colour::green;
    record.epoch = 41;
    record.previous = Colour::blue;
    house.disk->records["app"] = record;
    house.start();
    EXPECT_EQ(house.controller->snapshot().services.at(0)->live, Colour::green);
    EXPECT_EQ(house.controller->snapshot().services.at(0)->epoch, 41U);
    EXPECT_EQ(house.disk->entries(), 0U);
    EXPECT_EQ(number(house.change(rollback()).front(), "epoch"), 42);
}

TEST(Start, ALiveSlotThatIsNoLongerConfiguredIsAnErrorAndNeverAGuess) {
    auto service = make_service("app");
    service.slots[1].reset();
    House house(make_config({service}));
    state::ServiceRecord record;
    record.live = Colour::green;
    house.disk->records["app"] = record;
    const std::string error = house.open();
    EXPECT_THAT(error, HasSubstr("service app"));
    EXPECT_THAT(error, HasSubstr("slot green"));
    EXPECT_THAT(error, HasSubstr("/etc/test.yaml"));
    EXPECT_THAT(error, HasSubstr("/var/test.db"));
    EXPECT_EQ(house.disk->records.at("app").live, Colour::green);
}

TEST(Start, AStateThatCannotBeReadOrWrittenIsAnError) {
    House unreadable;
    unreadable.disk->fail_services = true;
    EXPECT_THAT(unreadable.open(), HasSubstr("the disk is gone"));
    House unwritable;
    unwritable.disk->fail_commit = true;
    EXPECT_THAT(unwritable.open(), HasSubstr("no space left"));
}

}  // namespace
}  // namespace switchyard::control::testing
