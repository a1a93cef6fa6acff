#include "bench/switch/tally.hpp"

#include <utility>

namespace switchyard::bench {

void Violations::add(std::string guarantee, std::string test_id, std::string text) {
    ++total_;
    if (++counts_[guarantee] <= kKeptOfEach)
        kept_.push_back({std::move(guarantee), std::move(test_id), std::move(text)});
}

}  // namespace switchyard::bench
