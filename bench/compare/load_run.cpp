#include "bench/compare/load_run.hpp"

#include "bench/common/clock.hpp"
#include "bench/compare/load_h2_connection.hpp"
#include "bench/compare/load_loop.hpp"

#include <cstdio>
#include <deque>
#include <stdexcept>
#include <unistd.h>

namespace switchyard::bench {
namespace {

/// Counts what came in the measured time.
class Count final : public LoadH2Connection::Sink {
  public:
    void on_answer(std::int64_t began) override {
        failures_in_a_row_ = 0;
        if (!measuring) return;
        ++result.requests;
        result.latency.add(now_ns() - began);
    }
    void on_failure(std::int64_t, const std::string& why) override {
        ++result.failed;
        if (result.first_error.empty()) result.first_error = why;
        if (++failures_in_a_row_ > 1000)
            throw std::runtime_error("nothing but failures: " + result.first_error);
    }

    LoadResult result;
    bool measuring = false;

  private:
    unsigned failures_in_a_row_ = 0;
};

/// Has `poll` go on for the time to warm up, then for the time that is measured.
template <typename Poll>
LoadResult measure(const LoadOptions& options, Count& count, Poll poll) {
    const std::int64_t warm = now_ns() + static_cast<std::int64_t>(options.warm_up * 1e9);
    while (now_ns() < warm)
        poll();
    count.measuring = true;
    const double cpu_before = cpu_seconds(options.pid);
    const std::int64_t begin = now_ns();
    const std::int64_t end = begin + static_cast<std::int64_t>(options.seconds * 1e9);
    while (now_ns() < end)
        poll();
    count.result.cpu_seconds = cpu_seconds(options.pid) - cpu_before;
    count.result.seconds = static_cast<double>(now_ns() - begin) / 1e9;
    return count.result;
}

LoadResult run_h2_load(const LoadOptions& options) {
    LoadLoop loop(options);
    Count count;
    std::deque<LoadH2Connection> connections;
    for (unsigned i = 0; i < options.connections; ++i)
        connections.emplace_back(loop.shared(), options.streams, options.post_bytes, count).start();
    return measure(options, count, [&] {
        loop.wait<LoadH2Connection>(10, [](LoadH2Connection& connection, std::uint32_t) {
            if (!connection.open()) connection.start();
            connection.on_ready();
            while (connection.has_room())
                connection.begin(now_ns());
            connection.flush();
        });
    });
}

}  // namespace

LoadResult run_load(const LoadOptions& options) {
    using Event = LoadConnection::Event;
    if (options.streams > 0) return run_h2_load(options);
    LoadLoop loop(options);
    Count count;
    const auto handle = [&](LoadConnection& connection, Event event) {
        // A connection that fails is replaced; next() can only fail or wait, never answer.
        while (event != Event::none) {
            if (event == Event::answered)
                count.on_answer(connection.began());
            else
                count.on_failure(connection.began(), connection.error());
            event = connection.next();
        }
    };
    for (unsigned i = 0; i < options.connections; ++i) {
        auto& connection = loop.add();
        handle(connection, connection.start());
    }
    return measure(options, count, [&] { loop.poll(10, handle); });
}

unsigned run_idle(const LoadOptions& options) {
    using Event = LoadConnection::Event;
    LoadLoop loop(options);
    // One after the other, so that the proxy needs few connections to the origin.
    for (unsigned i = 0; i < options.connections; ++i) {
        auto& connection = loop.add();
        Event event = connection.start();
        const std::int64_t deadline = now_ns() + 10'000'000'000;
        while (event == Event::none && now_ns() < deadline)
            loop.poll(100, [&](LoadConnection& which, Event seen) {
                if (&which == &connection) event = seen;
            });
        if (event != Event::answered)
            throw std::runtime_error("connection " + std::to_string(i) + ": " + connection.error());
    }
    std::puts("ready");
    std::fflush(stdout);
    char byte = 0;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    unsigned open = 0;
    loop.poll(0, [](LoadConnection&, Event) {});
    for (const auto& connection : loop.connections)
        open += connection.open() ? 1 : 0;
    return open;
}

}  // namespace switchyard::bench
