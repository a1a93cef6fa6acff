// The open loop: requests are due at a rate, whether the answers to the earlier ones are there or
// not.
#include "bench/common/clock.hpp"
#include "bench/compare/load_loop.hpp"
#include "bench/compare/load_places.hpp"
#include "bench/compare/load_run.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>

namespace switchyard::bench {
namespace {

std::int64_t nanoseconds(double seconds) {
    return static_cast<std::int64_t>(seconds * 1e9);
}

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

/// Counts. The requests that were due before the measured time are sent, and nothing more.
class Books final : public LoadPlaces::Sink {
  public:
    void on_answer(std::int64_t due) override {
        failures_in_a_row_ = 0;
        const std::int64_t now = now_ns();
        if (now >= measured && now < end) ++result.requests;
        if (due < measured) return;
        ++result.books.answered;
        // From when it was due, not from when there was room for it: else a slow answer would hide
        // those that had to wait behind it.
        result.latency.add(now - due);
    }
    void on_failure(std::int64_t due, const std::string& why) override {
        ++result.failed;
        if (due >= measured) ++result.books.failed;
        if (result.first_error.empty()) result.first_error = why;
        if (++failures_in_a_row_ > 1000)
            throw std::runtime_error("nothing but failures: " + result.first_error);
    }

    /// Throws when a request is in more than one place, or in none.
    void check(std::uint64_t waiting, std::uint64_t under_way) const {
        const LoadBooks& books = result.books;
        if (books.due == books.sent + waiting &&
            books.sent == books.answered + books.failed + under_way &&
            result.latency.count() == books.answered)
            return;
        throw std::runtime_error(
            "the books of the load generator do not balance: " + std::to_string(books.due) +
            " requests due, " + std::to_string(books.sent) + " sent, " + std::to_string(waiting) +
            " waiting, " + std::to_string(books.answered) + " answered (" +
            std::to_string(result.latency.count()) + " times), " + std::to_string(books.failed) +
            " failed, " + std::to_string(under_way) + " under way");
    }

    LoadResult result;
    /// Begin and end of the measured time.
    std::int64_t measured = std::numeric_limits<std::int64_t>::max();
    std::int64_t end = measured;

  private:
    unsigned failures_in_a_row_ = 0;
};

/// What is due, and where it goes.
class Dispatch {
  public:
    Dispatch(LoadPlaces& places, Books& books, double rate, std::int64_t begin)
        : places_(places), books_(books), arrivals_(rate, begin) {}

    /// Sends what is due and finds room; the rest waits in order.
    void send() {
        // Who waited goes first; only then is it known who has to wait.
        send_waiting();
        const std::int64_t now = now_ns();
        for (; arrivals_.next() < std::min(now, books_.end); arrivals_.take()) {
            const std::int64_t due = arrivals_.next();
            if (due >= books_.measured) ++books_.result.books.due;
            waiting_.push_back(due);
            send_waiting();
            if (!waiting_.empty() && due >= books_.measured) ++books_.result.books.queued;
        }
    }

    /// Waits for answers, or until the next request is due, which is at `until` at the latest.
    void wait(std::int64_t until) {
        if (waiting_.empty() && arrivals_.next() < books_.end)
            until = std::min(until, arrivals_.next());
        places_.poll(std::clamp<std::int64_t>(until - now_ns(), 0, 10'000'000));
    }

    bool idle() const { return waiting_.empty() && places_.under_way(0) == 0; }

    /// How many of those that were due in the measured time have not been sent.
    std::uint64_t waiting() const {
        return static_cast<std::uint64_t>(
            std::count_if(waiting_.begin(), waiting_.end(),
                          [&](std::int64_t due) { return due >= books_.measured; }));
    }

  private:
    void send_waiting() {
        while (!waiting_.empty()) {
            const std::int64_t due = waiting_.front();
            const std::int64_t now = now_ns();
            if (!places_.begin(due)) return;
            waiting_.pop_front();
            if (due < books_.measured) continue;
            ++books_.result.books.sent;
            books_.result.sent_late.add(now - due);
        }
    }

    LoadPlaces& places_;
    Books& books_;
    Arrivals arrivals_;
    std::deque<std::int64_t> waiting_;
};

}  // namespace

LoadResult run_open(const LoadOptions& options) {
    // A late timer would be seen as a late answer.
    prctl(PR_SET_TIMERSLACK, 1);
    Books books;
    LoadResult& result = books.result;
    const auto places = make_places(options, books);
    places->open();

    const std::int64_t begin = now_ns();
    books.measured = begin + nanoseconds(options.warm_up);
    books.end = books.measured + nanoseconds(options.seconds);
    Dispatch dispatch(*places, books, options.rate, begin);
    while (now_ns() < books.measured) {
        dispatch.send();
        dispatch.wait(books.measured);
    }
    const double cpu_before = cpu_seconds(options.pid);
    while (now_ns() < books.end) {
        dispatch.send();
        dispatch.wait(books.end);
    }
    result.cpu_seconds = cpu_seconds(options.pid) - cpu_before;
    result.seconds = options.seconds;

    // Nothing more is due, but each that was has its answer coming: the slowest are among them.
    const std::int64_t patience = books.end + nanoseconds(options.patience);
    for (dispatch.send(); !dispatch.idle() && now_ns() < patience; dispatch.send())
        dispatch.wait(patience);
    const std::uint64_t waiting = dispatch.waiting();
    const std::uint64_t under_way = places->under_way(books.measured);
    books.check(waiting, under_way);
    result.books.unanswered = waiting + under_way;
    return result;
}

}  // namespace switchyard::bench
