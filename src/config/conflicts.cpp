#include "config/conflicts.hpp"

#include <utility>

namespace switchyard::config {

const Claims::Claim* Claims::claim(const std::string& thing, std::string owner, Mark mark) {
    const auto [claim, fresh] = claims_.try_emplace(thing, Claim{std::move(owner), mark});
    return fresh ? nullptr : &claim->second;
}

const Claims::Claim* Claims::find(const std::string& thing) const {
    const auto found = claims_.find(thing);
    return found == claims_.end() ? nullptr : &found->second;
}

std::string first_given(Mark mark) {
    return "first given in line " + std::to_string(mark.line);
}

}  // namespace switchyard::config
