#include "bench/switch/script.hpp"

namespace switchyard::bench {
namespace {

bool is_due(std::uint64_t every, std::uint64_t number) {
    return every != 0 && number % every == 0;
}

}  // namespace

std::vector<Command> commands_of(const Script& script, std::uint64_t number) {
    std::vector<Command> commands;
    Command change;
    if (is_due(script.canary_every, number)) {
        const auto share = [&](unsigned percent) {
            commands.push_back({.sort = Command::Sort::share, .percent = percent});
        };
        const std::uint64_t canary = number / script.canary_every;
        switch (canary % 5) {
            case 0:
                share(5), share(30), share(60);
                change.sort = Command::Sort::promote;
                break;
            case 1:
                share(20), share(50), share(10), share(0);
                // Seldom: what was taken on by the canary goes within some seconds.
                commands.back().settle = script.settle_every != 0 && canary % 15 == 1;
                break;
            case 2:
                share(40), share(100);
                break;
            case 3:
                share(50), share(10), share(80);
                change.sort = Command::Sort::promote;
                break;
            default:
                share(100), share(0);
                break;
        }
    }
    change.hold = is_due(script.hold_every, number);
    change.settle = number == script.switches || is_due(script.settle_every, number);
    commands.push_back(change);
    return commands;
}

}  // namespace switchyard::bench
