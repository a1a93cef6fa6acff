#include "bench/switch/script.hpp"

#include <gtest/gtest.h>

namespace switchyard::bench {
namespace {

std::vector<unsigned> shares_of(const std::vector<Command>& commands) {
    std::vector<unsigned> shares;
    for (const Command& command : commands)
        if (!command.switches()) shares.push_back(command.percent);
    return shares;
}

TEST(Script, HasOneSwitchANumberWhichIsTheLastCommand) {
    const Script script{.switches = 40, .hold_every = 3, .canary_every = 2, .settle_every = 10};
    for (std::uint64_t number = 1; number <= script.switches; ++number) {
        const auto commands = commands_of(script, number);
        ASSERT_FALSE(commands.empty());
        for (const Command& command : commands) {
            EXPECT_EQ(command.switches(), &command == &commands.back());
            EXPECT_TRUE(command.switches() || !command.hold);
        }
        EXPECT_EQ(commands.back().hold, number % 3 == 0);
        EXPECT_EQ(commands.back().settle, number % 10 == 0);
        EXPECT_EQ(commands.size() > 1, number % 2 == 0);
    }
}

TEST(Script, LetsTheLastDrainComeToItsEnd) {
    EXPECT_TRUE(commands_of({.switches = 7}, 7).back().settle);
    EXPECT_FALSE(commands_of({.switches = 7}, 6).back().settle);
}

TEST(Script, EndsCanariesInEachWay) {
    const Script script{.switches = 100, .canary_every = 1, .settle_every = 50};
    bool promoted = false, off = false, switched = false, settled = false, grows = false,
         falls = false;
    for (std::uint64_t number = 1; number <= 15; ++number) {
        const auto commands = commands_of(script, number);
        const auto shares = shares_of(commands);
        promoted = promoted || commands.back().sort == Command::Sort::promote;
        off = off || shares.back() == 0;
        switched =
            switched || (commands.back().sort == Command::Sort::change && shares.back() != 0);
        for (std::size_t i = 1; i < shares.size(); ++i) {
            grows = grows || shares[i] > shares[i - 1];
            falls = falls || (shares[i] < shares[i - 1] && shares[i] != 0);
        }
        for (const Command& command : commands)
            settled = settled || (!command.switches() && command.settle);
        // A canary that is off can't be promoted.
        EXPECT_FALSE(shares.back() == 0 && commands.back().sort == Command::Sort::promote);
    }
    EXPECT_TRUE(promoted && off && switched && settled && grows && falls);
}

}  // namespace
}  // namespace switchyard::bench
