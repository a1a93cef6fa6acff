#include "cloud/backoff.hpp"

#include <algorithm>

namespace switchyard::cloud {
namespace {

milliseconds between(milliseconds least, milliseconds most, Random& random) {
    if (most <= least) return least;
    return milliseconds(
        std::uniform_int_distribution<std::int64_t>(least.count(), most.count())(random));
}

}  // namespace

milliseconds doubled(unsigned failures, milliseconds first, milliseconds longest) {
    milliseconds delay = first;
    for (unsigned i = 1; i < failures && delay < longest; ++i)
        delay *= 2;
    return std::min(delay, longest);
}

milliseconds full_jitter(unsigned failures, milliseconds first, milliseconds longest,
                         Random& random) {
    return between(first / 10, doubled(failures, first, longest), random);
}

milliseconds spread(milliseconds interval, Random& random) {
    return between(interval * 7 / 10, interval * 13 / 10, random);
}

milliseconds first_of(milliseconds interval, Random& random) {
    return between(interval * 2 / 3, interval, random);
}

}  // namespace switchyard::cloud
