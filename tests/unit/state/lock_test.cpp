#include "unit/state/fixture.hpp"

#include <signal.h>

#include <gmock/gmock.h>

namespace switchyard::state {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST_F(StoreTest, RefusesAFileThatAnotherProcessHoldsAndNamesIt) {
    int opened[2];
    ASSERT_EQ(::pipe(opened), 0);
    const pid_t holder = ::fork();
    if (holder == 0) {
        ::close(opened[0]);
        auto store = Store::open(file);
        if (!store || ::write(opened[1], "x", 1) != 1) ::_exit(1);
        for (;;)
            ::pause();
    }
    ::close(opened[1]);
    char byte = 0;
    ASSERT_EQ(::read(opened[0], &byte, 1), 1);
    ::close(opened[0]);
    EXPECT_THAT(refusal(), AllOf(HasSubstr(file), HasSubstr("pid " + std::to_string(holder)),
                                 HasSubstr("Stop that one")));

    // However the holder ends, the lock ends with it.
    ::kill(holder, SIGKILL);
    ASSERT_EQ(::waitpid(holder, nullptr, 0), holder);
    EXPECT_EQ(refusal(), "");
}

TEST_F(StoreTest, RefusesASecondStoreInTheSameProcess) {
    auto store = open();
    EXPECT_THAT(refusal(), HasSubstr("in use"));
    store.reset();
    EXPECT_EQ(refusal(), "");
}

}  // namespace
}  // namespace switchyard::state
