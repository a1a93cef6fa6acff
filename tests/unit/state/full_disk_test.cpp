// A disk that is full, at the start and later: which file, why, and what to do.
#include "full_disk.hpp"

#include "unit/state/fixture.hpp"

#include <gmock/gmock.h>

namespace switchyard::state {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class FullDiskTest : public StoreTest {
  protected:
    void expect_told(const std::string& message, const std::string& path) {
        EXPECT_THAT(message, AllOf(HasSubstr(path + ": the disk is full ("),
                                   HasSubstr("Make room on the file system of " + folder.string()),
                                   HasSubstr("df -h " + folder.string()), Not(HasSubstr("damaged")),
                                   Not(HasSubstr("kernel's log"))));
        EXPECT_GT(disk.refused, 0);
    }

    FullDisk disk;
};

TEST_F(FullDiskTest, AtTheStartItIsNoErrorOfTheDisk) {
    ASSERT_TRUE(open()->commit("app", record(Colour::green, 7), entry("app", 7)));
    disk.full = true;
    // The index of the log can't be made: "disk I/O error" to SQLite.
    expect_told(refusal(), file);
    disk.full = false;
    EXPECT_EQ(open()->services().value().at("app").epoch, 7U);
}

TEST_F(FullDiskTest, AtTheFirstStart) {
    disk.full = true;
    expect_told(refusal(), file + ".new");
    EXPECT_FALSE(std::filesystem::exists(file));
    disk.full = false;
    EXPECT_NE(open(), nullptr);
}

TEST_F(FullDiskTest, WhenAChangeIsWritten) {
    auto store = open();
    ASSERT_TRUE(store->commit("app", record(Colour::green, 7), entry("app", 7)));
    disk.full = true;
    const auto failed = store->commit("app", record(Colour::blue, 8), entry("app", 8));
    ASSERT_FALSE(failed);
    expect_told(failed.error().message, file);
    disk.full = false;
    EXPECT_EQ(store->services().value().at("app").epoch, 7U);
    EXPECT_TRUE(store->commit("app", record(Colour::blue, 8), entry("app", 8)));
}

}  // namespace
}  // namespace switchyard::state
