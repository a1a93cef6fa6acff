#include "config/suggest.hpp"

#include <algorithm>

namespace switchyard::config {

std::size_t edit_distance(std::string_view from, std::string_view to) {
    std::vector<std::size_t> two_back(to.size() + 1);
    std::vector<std::size_t> back(to.size() + 1);
    std::vector<std::size_t> row(to.size() + 1);
    for (std::size_t j = 0; j <= to.size(); ++j)
        back[j] = j;
    for (std::size_t i = 1; i <= from.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= to.size(); ++j) {
            const std::size_t replaced = back[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
            row[j] = std::min({back[j] + 1, row[j - 1] + 1, replaced});
            if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1]) {
                row[j] = std::min(row[j], two_back[j - 2] + 1);
            }
        }
        two_back.swap(back);
        back.swap(row);
    }
    return back[to.size()];
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known) {
    constexpr std::size_t kLongestWord = 64;
    if (word.size() > kLongestWord) return {};
    std::string folded(word);
    for (char& c : folded) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        if (c == '-' || c == ' ') c = '_';
    }
    // A third of the word may be wrong; of a short one, a single letter.
    std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
    std::string_view best;
    for (const std::string_view candidate : known) {
        const std::size_t distance = edit_distance(folded, candidate);
        if (distance < best_distance) {
            best_distance = distance;
            best = candidate;
        }
    }
    return best;
}

}  // namespace switchyard::config
