#include "support/origin/books.hpp"

namespace switchyard::origin {

void TallyValues::add(const Tally& tally) noexcept {
    started += tally.started.load(std::memory_order_relaxed);
    received += tally.received.load(std::memory_order_relaxed);
    answered += tally.answered.load(std::memory_order_relaxed);
    spoilt += tally.spoilt.load(std::memory_order_relaxed);
    aborted += tally.aborted.load(std::memory_order_relaxed);
}

Tally& Books::tally(std::string_view path) {
    if (const auto found = tallies_.find(path); found != tallies_.end()) return found->second;
    const std::lock_guard lock(mutex_);
    if (tallies_.size() >= kMaxPaths) path = "other";
    return tallies_.try_emplace(std::string(path)).first->second;
}

void Books::add_to(std::map<std::string, TallyValues>& sums) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [path, tally] : tallies_) {
        sums[path].add(tally);
    }
}

void Books::reset() noexcept {
    const std::lock_guard lock(mutex_);
    for (auto& [path, tally] : tallies_) {
        for (auto* count :
             {&tally.started, &tally.received, &tally.answered, &tally.spoilt, &tally.aborted}) {
            count->store(0, std::memory_order_relaxed);
        }
    }
    for (auto* count : {&connections, &malformed, &cut_heads, &stale_hits}) {
        count->store(0, std::memory_order_relaxed);
    }
}

}  // namespace switchyard::origin
