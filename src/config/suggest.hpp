#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace switchyard::config {

/// How many letters have to be added, removed, replaced or swapped with their neighbour to get from
/// one word to the other.
[[nodiscard]] std::size_t edit_distance(std::string_view from, std::string_view to);

/// The known word that was probably meant by `word`, or nothing when none is near.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       const std::vector<std::string_view>& known);

}  // namespace switchyard::config
