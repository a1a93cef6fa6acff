// The open loop: requests are due at a rate, whether the answers to the earlier ones are there or
// not.
#include "bench/common/clock.hpp"
#include "bench/compare/load_loop.hpp"
#include "bench/compare/load_run.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <random>
#include <stdexcept>
#include <sys/prctl.h>
#include <unordered_map>

namespace switchyard::bench {
namespace {

using Event = LoadConnection::Event;

constexpr std::int64_t kSecond = 1'000'000'000;

/// When requests are due: independent of one another, at a mean rate (a Poisson process), the same
/// ones in each run.
class Arrivals {
  public:
    Arrivals(double rate, std::int64_t begin) : gap_(rate / 1e9), next_(begin) { take(); }

    [[nodiscard]] std::int64_t next() const noexcept { return next_; }
    void take() { next_ += static_cast<std::int64_t>(gap_(random_)); }

  private:
    std::mt19937_64 random_{42};
    std::exponential_distribution<double> gap_;
    std::int64_t next_;
};

}  // namespace

LoadResult run_open(const LoadOptions& options) {
    // A late timer would be seen as a late answer.
    prctl(PR_SET_TIMERSLACK, 1);
    LoadLoop loop(options);
    LoadResult result;
    bool measuring = false;
    // The one that has rested longest goes first: all of them are used.
    std::deque<LoadConnection*> idle;
    std::unordered_map<const LoadConnection*, std::int64_t> due;
    unsigned failures_in_a_row = 0;

    const auto ended = [&](LoadConnection& connection, Event event) {
        idle.push_back(&connection);
        if (event == Event::answered) {
            failures_in_a_row = 0;
            const std::int64_t since = due[&connection];
            if (!measuring || since == 0) return;
            ++result.requests;
            // From when it was due, not from when a connection was free: else a slow answer would
            // hide those that had to wait behind it.
            result.latency.add(now_ns() - since);
            return;
        }
        ++result.failed;
        if (result.first_error.empty()) result.first_error = connection.error();
        if (++failures_in_a_row > 1000)
            throw std::runtime_error("nothing but failures: " + result.first_error);
    };
    for (unsigned i = 0; i < options.connections; ++i) {
        LoadConnection& connection = loop.add();
        const Event event = connection.start();
        if (event != Event::none) ended(connection, event);
    }
    const std::int64_t opened = now_ns() + 10 * kSecond;
    while (idle.size() < options.connections && now_ns() < opened)
        loop.poll(10, ended);

    const std::int64_t begin = now_ns();
    const std::int64_t measured = begin + static_cast<std::int64_t>(options.warm_up * 1e9);
    const std::int64_t end = measured + static_cast<std::int64_t>(options.seconds * 1e9);
    Arrivals arrivals(options.rate, begin);
    double cpu_before = 0;
    for (;;) {
        const std::int64_t now = now_ns();
        if (now >= end) break;
        if (!measuring && now >= measured) {
            measuring = true;
            cpu_before = cpu_seconds(options.pid);
        }
        while (arrivals.next() <= now && !idle.empty()) {
            LoadConnection& connection = *idle.front();
            idle.pop_front();
            due[&connection] = arrivals.next() >= measured ? arrivals.next() : 0;
            arrivals.take();
            const Event event = connection.next();
            if (event != Event::none) ended(connection, event);
        }
        // What is due while all connections are busy waits for one of them.
        const std::int64_t until = idle.empty() ? end : std::min(end, arrivals.next());
        loop.poll_ns(std::clamp<std::int64_t>(until - now_ns(), 0, 10'000'000), ended);
    }
    result.cpu_seconds = cpu_seconds(options.pid) - cpu_before;
    result.seconds = static_cast<double>(now_ns() - measured) / 1e9;
    // Due, and not answered: the slowest of all.
    for (; arrivals.next() < end; arrivals.take())
        result.latency.add(end - arrivals.next());
    return result;
}

}  // namespace switchyard::bench
