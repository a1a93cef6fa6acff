#include "upstream/balancer.hpp"

#include <algorithm>

namespace switchyard::upstream {

namespace {

enum class Pass : unsigned char { usable, untried, any };

bool eligible(const route::Target& target, Pass pass, std::uint64_t now_ns,
              std::span<const std::uint32_t> tried) noexcept {
    if (pass == Pass::any) return true;
    if (std::find(tried.begin(), tried.end(), target.id()) != tried.end()) return false;
    if (pass == Pass::untried) return true;
    return target.health() != route::Health::unhealthy && !target.ejected(now_ns);
}

}  // namespace

const std::shared_ptr<route::Target>& pick_target(const route::SlotState& slot, std::size_t worker,
                                                  std::uint64_t now_ns,
                                                  std::span<const std::uint32_t> tried,
                                                  Random& random) noexcept {
    const auto& targets = slot.targets;
    if (targets.size() == 1) return targets.front();
    for (const Pass pass : {Pass::usable, Pass::untried, Pass::any}) {
        std::size_t count = 0;
        for (const auto& target : targets) {
            if (eligible(*target, pass, now_ns, tried)) ++count;
        }
        if (count == 0) continue;
        const std::size_t first = random.next() % count;
        const std::size_t second = random.next() % count;
        const std::shared_ptr<route::Target>* a = nullptr;
        const std::shared_ptr<route::Target>* b = nullptr;
        std::size_t position = 0;
        for (const auto& target : targets) {
            if (!eligible(*target, pass, now_ns, tried)) continue;
            if (position == first) a = &target;
            if (position == second) b = &target;
            ++position;
        }
        // Health may have changed in between: then the next pass decides.
        if (a == nullptr || b == nullptr) continue;
        // With as much in flight the first one drawn, so that equal targets get equal shares.
        const std::uint64_t load_a = (*a)->cell(worker).in_flight.get();
        const std::uint64_t load_b = (*b)->cell(worker).in_flight.get();
        return load_b < load_a ? *b : *a;
    }
    return targets.front();
}

bool has_usable_target(const route::SlotState& slot, std::uint64_t now_ns,
                       std::span<const std::uint32_t> tried) noexcept {
    return std::any_of(slot.targets.begin(), slot.targets.end(), [&](const auto& target) {
        return eligible(*target, Pass::usable, now_ns, tried);
    });
}

}  // namespace switchyard::upstream
