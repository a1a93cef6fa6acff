#include "control/slow_targets.hpp"

#include <algorithm>
#include <vector>

namespace switchyard::control {

namespace {

Pace total_of(const route::Target& target) {
    Pace pace;
    for (const route::Target::Cell& cell : target.cells()) {
        pace.answers += cell.answers.get();
        pace.sum_us += cell.answer_us.get();
    }
    return pace;
}

}  // namespace

std::optional<std::size_t> find_slow(std::span<const Pace> paces, const config::Ejection& policy) {
    std::optional<std::size_t> slowest;
    for (std::size_t i = 0; i < paces.size(); ++i) {
        if (paces[i].answers < kLeastAnswers) continue;
        if (!slowest || paces[i].mean_us() > paces[*slowest].mean_us()) slowest = i;
    }
    if (!slowest) return std::nullopt;
    std::vector<std::uint64_t> others;
    for (std::size_t i = 0; i < paces.size(); ++i) {
        if (i != *slowest && paces[i].answers >= kLeastAnswers) {
            others.push_back(paces[i].mean_us());
        }
    }
    if (others.empty()) return std::nullopt;
    const auto middle = others.begin() + static_cast<std::ptrdiff_t>(others.size() / 2);
    std::nth_element(others.begin(), middle, others.end());
    const std::uint64_t mean = paces[*slowest].mean_us();
    const auto slow_by = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(policy.slow_by).count());
    if (mean <= *middle * policy.slow_factor || mean < *middle + slow_by) return std::nullopt;
    return slowest;
}

std::shared_ptr<route::Target> SlowTargets::look(
    std::span<const std::shared_ptr<route::Target>> targets, const config::Ejection& policy,
    std::uint64_t now_ns) {
    if (policy.slow_factor == 0) {
        next_ns_ = 0;
        return nullptr;
    }
    if (now_ns < next_ns_) return nullptr;
    const bool first = next_ns_ == 0;
    next_ns_ =
        now_ns + static_cast<std::uint64_t>(std::chrono::nanoseconds(policy.interval).count());
    std::map<std::uint32_t, Pace> before;
    before.swap(counted_);
    std::vector<Pace> paces;
    for (const auto& target : targets) {
        const Pace total = total_of(*target);
        const auto known = before.find(target->id());
        // One that came meanwhile, or is away, has no interval behind it.
        if (known == before.end() || target->ejected(now_ns)) {
            paces.emplace_back();
        } else {
            paces.push_back(
                {total.answers - known->second.answers, total.sum_us - known->second.sum_us});
        }
        counted_[target->id()] = total;
    }
    if (first) {
        suspected_.reset();
        return nullptr;
    }
    const std::optional<std::size_t> slow = find_slow(paces, policy);
    if (!slow) {
        suspected_.reset();
        return nullptr;
    }
    const std::shared_ptr<route::Target>& target = targets[*slow];
    if (suspected_ != target->id()) {
        suspected_ = target->id();
        return nullptr;
    }
    return target;
}

}  // namespace switchyard::control
